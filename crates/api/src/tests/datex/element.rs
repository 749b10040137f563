//! XML as a tree of elements, as far as a publication needs it.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// An element with everything in it.
#[derive(Debug, Default, Clone)]
pub(super) struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
    pub text: String,
}

impl Element {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn all<'a>(&'a self, name: &str, found: &mut Vec<&'a Element>) {
        if self.name == name {
            found.push(self);
        }
        self.children.iter().for_each(|child| child.all(name, found));
    }

    pub fn find(&self, name: &str) -> Vec<&Element> {
        let mut found = Vec::new();
        self.all(name, &mut found);
        found
    }

    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.find(name).first().map(|element| element.text.as_str())
    }
}

fn start(event: &BytesStart<'_>) -> Element {
    let attributes = event.attributes().map(|attribute| {
        let attribute = attribute.unwrap();
        (attribute.key.as_ref().to_owned(), attribute.value.to_string())
    });
    let attributes = attributes.collect();
    Element { name: event.name().as_ref().to_owned(), attributes, ..Element::default() }
}

/// Reads a document; it must be well formed.
pub(super) fn parse(xml: &str) -> Element {
    let mut reader = Reader::from_str(xml);
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().unwrap() {
            Event::Start(event) => open.push(start(&event)),
            Event::Empty(event) => open.last_mut().unwrap().children.push(start(&event)),
            Event::End(_) => {
                let closed = open.pop().unwrap();
                open.last_mut().unwrap().children.push(closed);
            }
            Event::Text(text) => open.last_mut().unwrap().text.push_str(&text),
            Event::GeneralRef(reference) => {
                open.last_mut().unwrap().text.push_str(&format!("&{};", &*reference));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(open.len(), 1, "an element is not closed");
    open.pop().unwrap().children.pop().unwrap()
}
