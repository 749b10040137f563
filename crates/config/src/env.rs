//! The environment that a configuration is read in: variables for `${NAME}` and `WAYSIDE_HOME`. It is
//! passed in, so that tests need not change the process's own. What the variables mean is said where they
//! are used.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

/// Environment variables: the process's own or a given set.
#[derive(Clone)]
pub struct Env(Variables);

#[derive(Clone)]
enum Variables {
    Process,
    Given(BTreeMap<String, OsString>),
}

impl Env {
    /// The process's environment.
    #[must_use]
    pub const fn process() -> Self {
        Self(Variables::Process)
    }

    /// Only these variables.
    #[must_use]
    pub fn given<const N: usize>(variables: [(&str, &str); N]) -> Self {
        Self(Variables::Given(variables.iter().map(|(k, v)| ((*k).to_owned(), OsString::from(v))).collect()))
    }

    /// A variable's value; `None` when it is not set or empty.
    pub(crate) fn get(&self, name: &str) -> Option<OsString> {
        let value = match &self.0 {
            Variables::Process => std::env::var_os(name),
            Variables::Given(variables) => variables.get(name).cloned(),
        };
        value.filter(|v| !v.is_empty())
    }

    /// Puts variables in place of every `${NAME}`; each value goes through `encode` with the byte offset of
    /// its `$` in the template.
    ///
    /// # Errors
    /// What is wrong, naming the variable but never printing a value or the template.
    pub(crate) fn expand(
        &self,
        template: &str,
        mut encode: impl FnMut(usize, &str) -> String,
    ) -> Result<String, String> {
        let mut out = String::with_capacity(template.len());
        let mut rest = template;
        while let Some(start) = rest.find("${") {
            let Some((head, tail)) = rest.split_at_checked(start) else { break };
            out.push_str(head);
            let at = template.len() - tail.len();
            let Some((name, after)) = tail[2..].split_once('}') else {
                return Err("`${` is never closed by `}`; write ${NAME}".to_owned());
            };
            let well_formed = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !well_formed {
                return Err(
                    "between `${` and `}` stands no name of an environment variable (A-Z, a-z, 0-9 and '_', \
                     not starting with a digit)"
                        .to_owned(),
                );
            }
            let value = self.get(name).ok_or_else(|| {
                format!("environment variable {name} is not set or empty; set it before starting Wayside")
            })?;
            let value =
                value.into_string().map_err(|_| format!("environment variable {name} is not valid UTF-8"))?;
            out.push_str(&encode(at, &value));
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }
}

impl fmt::Debug for Env {
    /// Prints no variable: some are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Variables::Process => "Env::process()",
            Variables::Given(_) => "Env::given(..)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_put_in() {
        let env = Env::given([("A", "one"), ("B_2", "${A}"), ("EMPTY", "")]);
        let expand = |t: &str| env.expand(t, |_, v| v.to_owned());
        assert_eq!(expand("x${A}y").unwrap(), "xoney");
        // A value is never expanded again.
        assert_eq!(expand("${B_2}${A}").unwrap(), "${A}one");
        assert_eq!(expand("$A {A} $").unwrap(), "$A {A} $");
        for (template, want) in [
            ("${MISSING}", "MISSING is not set"),
            ("${EMPTY}", "EMPTY is not set or empty"),
            ("${A", "never closed"),
            ("${}", "no name"),
            ("${1A}", "no name"),
            ("${A:-x}", "no name"),
        ] {
            let got = expand(template).unwrap_err();
            assert!(got.contains(want), "{template}: {got}");
        }
    }
}
