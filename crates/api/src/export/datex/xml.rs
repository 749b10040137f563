//! Elements of DATEX II: a thin layer over the XML writer that knows namespaces, the head of a publication and the
//! standard's strings.

use std::io;

use jiff::Timestamp;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use crate::state::Publisher;

const NAMESPACES: [(&str, &str); 5] = [
    ("xmlns:d2", "http://datex2.eu/schema/3/d2Payload"),
    ("xmlns:com", "http://datex2.eu/schema/3/common"),
    ("xmlns:loc", "http://datex2.eu/schema/3/locationReferencing"),
    ("xmlns:roa", "http://datex2.eu/schema/3/roadTrafficData"),
    ("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"),
];

/// A document in the making.
pub(super) struct Xml(Writer<Vec<u8>>);

/// Attributes of an element.
pub(super) type Attributes<'a> = &'a [(&'a str, &'a str)];

impl Xml {
    pub(super) fn new() -> Self {
        Self(Writer::new(Vec::new()))
    }

    /// An element with what `inside` writes.
    pub(super) fn element(
        &mut self,
        name: &str,
        attributes: Attributes<'_>,
        inside: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        let start = BytesStart::new(name).with_attributes(attributes.iter().copied());
        self.0.write_event(Event::Start(start))?;
        inside(self)?;
        self.0.write_event(Event::End(BytesEnd::new(name)))
    }

    /// An element that holds text.
    pub(super) fn text(&mut self, name: &str, text: impl ToString) -> io::Result<()> {
        let text = text.to_string();
        self.element(name, &[], |xml| xml.0.write_event(Event::Text(BytesText::new(&text))))
    }

    /// An element without anything in it.
    pub(super) fn empty(&mut self, name: &str, attributes: Attributes<'_>) -> io::Result<()> {
        self.0.write_event(Event::Empty(BytesStart::new(name).with_attributes(attributes.iter().copied())))
    }

    /// A `MultilingualString` in English.
    pub(super) fn words(&mut self, name: &str, text: &str) -> io::Result<()> {
        // The standard's strings end at 1,024 characters.
        let text: String = text.chars().take(1_024).collect();
        self.element(name, &[], |xml| {
            xml.element("com:values", &[], |xml| {
                xml.element("com:value", &[("lang", "en")], |xml| {
                    xml.0.write_event(Event::Text(BytesText::new(&text)))
                })
            })
        })
    }

    /// A whole publication of a type of `roadTrafficData`.
    pub(super) fn publication(
        kind: &str,
        (at, publisher): (Timestamp, &Publisher),
        inside: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<Vec<u8>> {
        let mut xml = Self::new();
        xml.0.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        let kind = format!("roa:{kind}");
        let own = [("xsi:type", kind.as_str()), ("lang", "en"), ("modelBaseVersion", "3")];
        let attributes: Vec<(&str, &str)> = NAMESPACES.into_iter().chain(own).collect();
        xml.element("d2:payload", &attributes, |xml| {
            xml.text("com:publicationTime", at)?;
            xml.element("com:publicationCreator", &[], |xml| {
                xml.text("com:country", &publisher.country)?;
                xml.text("com:nationalIdentifier", &publisher.identifier)
            })?;
            inside(xml)
        })?;
        Ok(xml.0.into_inner())
    }

    /// What the standard wants to be said of every publication.
    pub(super) fn header(&mut self) -> io::Result<()> {
        self.element("roa:headerInformation", &[], |xml| xml.text("com:informationStatus", "real"))
    }
}
