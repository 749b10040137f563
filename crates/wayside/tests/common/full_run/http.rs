//! Asking the run's API, byte for byte as it answers.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::JoinHandle;

use super::Site;
use crate::canary::gunzip;

pub struct Answer {
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        let packed = self.body.starts_with(&[0x1f, 0x8b]);
        String::from_utf8(if packed { gunzip(&self.body) } else { self.body.clone() }).unwrap()
    }
}

impl Site {
    /// The cookie that the page gets.
    pub fn session(&self) -> String {
        let answer = self.get("/", &[]);
        let set = answer.head.lines().find_map(|line| {
            line.to_ascii_lowercase().starts_with("set-cookie:").then(|| line["set-cookie:".len()..].trim())
        });
        set.unwrap().split(';').next().unwrap().to_owned()
    }

    /// All bytes of the live events, until the server ends.
    pub fn listen_live(&self, as_page: bool) -> JoinHandle<Vec<u8>> {
        let session = self.session();
        let page = [("Cookie", session.as_str()), ("Sec-Fetch-Site", "same-origin")];
        let mut stream = self.ask("/api/v1/live", if as_page { &page } else { &[] });
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).unwrap();
            bytes
        })
    }

    /// All bytes of the camera's silhouettes, until the server ends.
    pub fn listen_silhouette(&self) -> JoinHandle<Vec<u8>> {
        let session = self.session();
        let page = [("Cookie", session.as_str()), ("Sec-Fetch-Site", "same-origin")];
        let mut stream = self.ask(&format!("/api/v1/cameras/{}/silhouette", self.camera.id), &page);
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).unwrap();
            bytes
        })
    }

    fn ask(&self, path: &str, headers: &[(&str, &str)]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        // HTTP/1.0: no chunks, the bytes come as they are and end with the connection.
        let mut head = format!("GET {path} HTTP/1.0\r\nHost: {}\r\n", self.address);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all((head + "\r\n").as_bytes()).unwrap();
        stream
    }

    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut bytes = Vec::new();
        self.ask(path, headers).read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        Answer { head: String::from_utf8(bytes[..end].to_vec()).unwrap(), body: bytes[end + 4..].to_vec() }
    }
}
