//! A mail server that takes every mail, and keeps it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;

pub struct SmtpServer {
    mails: Arc<Mutex<Vec<String>>>,
}

impl SmtpServer {
    /// On a port where nobody listened until now.
    pub fn on(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let mails: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = mails.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, kept) = (stream.unwrap(), kept.clone());
                // A client that hangs up is no failure.
                thread::spawn(move || talk(stream, &kept).ok());
            }
        });
        Self { mails }
    }

    /// A header of each mail that was taken.
    pub fn headers(&self, name: &str) -> Vec<String> {
        let header = |mail: &String| {
            let value = mail.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            value.unwrap_or_default().to_owned()
        };
        self.mails.lock().iter().map(header).collect()
    }
}

fn talk(mut stream: TcpStream, mails: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    stream.write_all(b"220 test\r\n")?;
    while let Some(line) = lines.next() {
        let answer: &[u8] = match line?.split([' ', ':']).next() {
            Some("DATA") => {
                stream.write_all(b"354 go on\r\n")?;
                let mail: Vec<String> = lines.by_ref().map_while(Result::ok).take_while(|line| line != ".").collect();
                mails.lock().push(mail.join("\n"));
                b"250 taken\r\n"
            }
            _ => b"250 ok\r\n",
        };
        stream.write_all(answer)?;
    }
    Ok(())
}
