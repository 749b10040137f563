//! From the text of a `$filter` to its condition: words, texts, numbers and times, and how they are put together.

use super::super::Refusal;
use super::{Comparison, Filter, Operand};

/// Deepest nesting of parentheses and `not`.
const DEPTH_MAX: usize = 32;

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Open,
    Close,
    Comma,
    Word(String),
    Literal(Operand),
}

/// Reads a condition.
///
/// # Errors
/// What is wrong and what is accepted.
pub(in crate::sta) fn parse(text: &str) -> Result<Filter, Refusal> {
    let refuse = |accepted: String| Refusal::new("$filter", text, accepted);
    let tokens = tokens(text).map_err(refuse)?;
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
    let filter = parser.either().map_err(refuse)?;
    if parser.at < tokens.len() {
        return Err(refuse(format!("nothing after {:?}", parser.told(parser.at.saturating_sub(1)))));
    }
    Ok(filter)
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '(' => {
                tokens.push(Token::Open);
                1
            }
            ')' => {
                tokens.push(Token::Close);
                1
            }
            '\'' => {
                let (literal, taken) = quoted(rest)?;
                tokens.push(Token::Literal(Operand::Text(literal)));
                taken
            }
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || "(),'".contains(c)).unwrap_or(rest.len());
                // Only a function's arguments are told apart by a comma; its name is what is refused.
                tokens.push(if end == 0 { Token::Comma } else { word(&rest[..end])? });
                end.max(1)
            }
        };
        rest = rest[taken..].trim_start();
    }
    Ok(tokens)
}

/// A text in quotes, in which two quotes are one; how many bytes it takes.
fn quoted(rest: &str) -> Result<(String, usize), String> {
    let mut literal = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != '\'' {
            literal.push(c);
        } else if chars.next_if(|(_, next)| *next == '\'').is_some() {
            literal.push('\'');
        } else {
            return Ok((literal, at + 1));
        }
    }
    Err("a text that ends with a quote (')".to_owned())
}

fn word(text: &str) -> Result<Token, String> {
    let first = text.chars().next().unwrap_or_default();
    if first.is_ascii_digit() || first == '-' {
        if text.contains('T') {
            let time = text.parse().map_err(|_| {
                format!("times such as 2026-11-21T08:00:00Z (a + in an address is written %2B), not {text:?}")
            })?;
            return Ok(Token::Literal(Operand::Time(time)));
        }
        let number: f64 = text.parse().map_err(|_| format!("a number or a time, not {text:?}"))?;
        return Ok(Token::Literal(Operand::Number(number)));
    }
    Ok(match text {
        "true" => Token::Literal(Operand::Truth(true)),
        "false" => Token::Literal(Operand::Truth(false)),
        "null" => Token::Literal(Operand::Null),
        _ => Token::Word(text.to_owned()),
    })
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn told(&self, at: usize) -> String {
        match self.tokens.get(at) {
            None => "the end".to_owned(),
            Some(Token::Open) => "(".to_owned(),
            Some(Token::Close) => ")".to_owned(),
            Some(Token::Comma) => ",".to_owned(),
            Some(Token::Word(word)) => word.clone(),
            Some(Token::Literal(Operand::Text(text))) => format!("'{text}'"),
            Some(Token::Literal(literal)) => format!("{literal:?}"),
        }
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let takes = matches!(self.tokens.get(self.at), Some(Token::Word(next)) if next == word);
        self.at += usize::from(takes);
        takes
    }

    fn either(&mut self) -> Result<Filter, String> {
        let mut left = self.both()?;
        while self.takes_word("or") {
            left = Filter::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Filter, String> {
        let mut left = self.one()?;
        while self.takes_word("and") {
            left = Filter::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<Filter, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("at most {DEPTH_MAX} parentheses within one another"));
        }
        let filter = if self.takes_word("not") {
            Filter::Not(Box::new(self.one()?))
        } else if matches!(self.tokens.get(self.at), Some(Token::Open)) {
            self.at += 1;
            let inside = self.either()?;
            if !matches!(self.tokens.get(self.at), Some(Token::Close)) {
                return Err(format!("a closing parenthesis before {:?}", self.told(self.at)));
            }
            self.at += 1;
            inside
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(filter)
    }

    fn comparison(&mut self) -> Result<Filter, String> {
        let left = self.operand()?;
        let comparison = match self.tokens.get(self.at) {
            Some(Token::Word(word)) => match word.as_str() {
                "eq" => Some(Comparison::Eq),
                "ne" => Some(Comparison::Ne),
                "gt" => Some(Comparison::Gt),
                "ge" => Some(Comparison::Ge),
                "lt" => Some(Comparison::Lt),
                "le" => Some(Comparison::Le),
                _ => None,
            },
            _ => None,
        };
        let Some(comparison) = comparison else {
            return Err(format!("one of eq ne gt ge lt le where {:?} stands", self.told(self.at)));
        };
        self.at += 1;
        Ok(Filter::Compare(left, comparison, self.operand()?))
    }

    fn operand(&mut self) -> Result<Operand, String> {
        let operand = match self.tokens.get(self.at) {
            Some(Token::Literal(literal)) => literal.clone(),
            Some(Token::Word(word)) if matches!(self.tokens.get(self.at + 1), Some(Token::Open)) => {
                return Err(format!(
                    "comparisons (eq ne gt ge lt le) with and, or, not; the function {word} is not known"
                ));
            }
            Some(Token::Word(word)) => {
                let path: Vec<String> = word.split('/').map(str::to_owned).collect();
                let plain = |name: &String| {
                    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.@-".contains(c))
                };
                if !path.iter().all(plain) {
                    return Err(format!("a property where {word:?} stands"));
                }
                Operand::Path(path)
            }
            _ => return Err(format!("a property or a literal where {:?} stands", self.told(self.at))),
        };
        self.at += 1;
        Ok(operand)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_said() {
        for (text, part) in [
            ("", "a property or a literal where \"the end\" stands"),
            ("result", "one of eq ne gt ge lt le where \"the end\" stands"),
            ("result eq", "a property or a literal where \"the end\" stands"),
            ("result = 5", "one of eq ne gt ge lt le where \"=\" stands"),
            ("(result eq 5", "a closing parenthesis"),
            ("result eq 5)", "nothing after"),
            ("result eq 5 result", "nothing after"),
            ("substringof('a', name)", "the function substringof is not known"),
            ("st_within(location, x)", "the function st_within is not known"),
            ("result add 5 gt 7", "one of eq ne gt ge lt le where \"add\" stands"),
            ("name eq 'open", "a text that ends with a quote"),
            ("result eq 5x", "a number or a time"),
            ("resultTime gt 2026-11-21T8", "times such as"),
            ("a//b eq 5", "a property where"),
        ] {
            let refusal = parse(text).unwrap_err();
            assert_eq!((refusal.field, refusal.value.as_str()), ("$filter", text));
            assert!(refusal.accepted.contains(part), "{text}: {}", refusal.accepted);
        }
        let deep = format!("{}result eq 5{}", "(".repeat(40), ")".repeat(40));
        assert!(parse(&deep).unwrap_err().accepted.contains("at most 32"));
    }
}
