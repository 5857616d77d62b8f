//! A client of bytes: what no HTTP library would send, and how it is answered.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::service::Service;

/// A guard against hanging, far longer than anything here takes.
const HANG: Duration = Duration::from_secs(30);

pub struct Raw(pub TcpStream);

/// An answer, or what came of one before the connection ended.
pub struct Answer {
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap_or_else(|| panic!("no answer: {:?}", self.head)).parse().unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The last part of the problem's type.
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.head);
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        body["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned()
    }
}

impl Raw {
    pub fn connect(service: &Service) -> Self {
        let stream = TcpStream::connect(service.url.trim_start_matches("http://")).unwrap();
        stream.set_read_timeout(Some(HANG)).unwrap();
        stream.set_write_timeout(Some(HANG)).unwrap();
        Self(stream)
    }

    /// Sends it as far as the service takes it: one that has enough may close.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.0.write_all(bytes.as_ref()).ok();
        self
    }

    pub fn end(&mut self) -> &mut Self {
        self.0.shutdown(Shutdown::Write).unwrap();
        self
    }

    /// One answer, by its `Content-Length`.
    pub fn answer(&mut self) -> Answer {
        let mut answer = self.head();
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        answer.body = String::from_utf8(body).unwrap();
        answer
    }

    /// One answer to `HEAD`.
    pub fn head(&mut self) -> Answer {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match self.0.read(&mut byte).unwrap() {
                0 => break,
                _ => head.push(byte[0]),
            }
        }
        Answer { head: String::from_utf8(head).unwrap(), body: String::new() }
    }

    /// Everything until the service closes.
    pub fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        if let Err(error) = self.0.read_to_end(&mut rest) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "it is not closed");
        }
        String::from_utf8_lossy(&rest).into_owned()
    }

    pub fn is_closed(&mut self) -> bool {
        self.rest().is_empty()
    }
}

/// Sends it on a connection of its own; the answer.
pub fn ask(service: &Service, request: &str) -> Answer {
    let mut client = Raw::connect(service);
    client.send(request);
    if request.starts_with("HEAD ") { client.head() } else { client.answer() }
}
