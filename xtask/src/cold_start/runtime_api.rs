//! The Lambda Runtime API for one function and one event, on loopback: enough to see a function start.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>
//!
//! The same port stands for AWS (`AWS_ENDPOINT_URL`): a TLS greeting there says that the function has its clients and calls.
//! It is never answered. Not an emulator: `cargo xtask emulator` is one.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What a function did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// It answered the event with this.
    Response(String),
    /// It could not be initialised, or failed on the event: this is what it says.
    Failure(String),
    /// It called AWS.
    Call,
}

/// Listens until it is dropped.
pub(crate) struct RuntimeApi {
    address: SocketAddr,
    signs: Receiver<(Instant, Sign)>,
    is_over: Arc<AtomicBool>,
}

impl RuntimeApi {
    /// Has `event` for the first who asks.
    pub(crate) fn start(event: &str) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let (address, is_over, (sender, signs)) = (listener.local_addr()?, Arc::new(AtomicBool::new(false)), channel());
        let (event, until) = (Arc::new(Mutex::new(Some(event.to_owned()))), Arc::clone(&is_over));
        thread::spawn(move || {
            for stream in listener.incoming().take_while(|_| !until.load(Ordering::Relaxed)).flatten() {
                let (event, sender) = (Arc::clone(&event), sender.clone());
                // A connection that breaks is a function that ended: whoever waits for its sign is told by the silence.
                thread::spawn(move || serve(&stream, &event, &sender).ok());
            }
        });
        Ok(Self { address, signs, is_over })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next thing that the function did, and when. `None` if it did nothing for so long.
    pub(crate) fn next(&self, patience: Duration) -> Option<(Instant, Sign)> {
        self.signs.recv_timeout(patience).ok()
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes the listener, which then sees that it is over.
        TcpStream::connect(self.address).ok();
    }
}

/// The first byte of a TLS connection: a handshake record (RFC 8446, 5.1).
const TLS_HANDSHAKE: u8 = 22;

fn serve(stream: &TcpStream, event: &Mutex<Option<String>>, signs: &Sender<(Instant, Sign)>) -> io::Result<()> {
    let mut first = [0];
    if stream.peek(&mut first)? == 1 && first[0] == TLS_HANDSHAKE {
        signs.send((Instant::now(), Sign::Call)).map_err(io::Error::other)?;
        return wait_for_the_end(stream);
    }
    let mut reader = BufReader::new(stream);
    while let Some((path, body)) = request(&mut reader)? {
        let now = Instant::now();
        if path.ends_with("/invocation/next") {
            match event.lock().map_err(|_| io::Error::other("poisoned"))?.take() {
                Some(event) => answer(stream, &event)?,
                None => return wait_for_the_end(stream),
            }
        } else {
            let sign = if path.ends_with("/response") { Sign::Response(body) } else { Sign::Failure(body) };
            signs.send((now, sign)).map_err(io::Error::other)?;
            (&*stream).write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")?;
        }
    }
    Ok(())
}

/// A request's path and body; `None` at the connection's end.
fn request(reader: &mut impl BufRead) -> io::Result<Option<(String, String)>> {
    let (mut line, mut length) = (String::new(), 0);
    reader.read_line(&mut line)?;
    let Some(path) = line.split(' ').nth(1).map(str::to_owned) else { return Ok(None) };
    while line.trim_end() != "" {
        line.clear();
        reader.read_line(&mut line)?;
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some((path, String::from_utf8_lossy(&body).into_owned())))
}

/// The event, with the headers that every invocation has.
fn answer(mut stream: &TcpStream, event: &str) -> io::Result<()> {
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + Duration::from_secs(30);
    // One write: in pieces, each would wait for the other side's acknowledgement.
    let response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n\
         Lambda-Runtime-Deadline-Ms: {}\r\n\
         Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-central-1:111122223333:function:cold-start\r\n\
         Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0\r\n\r\n{event}",
        event.len(),
        deadline.as_millis(),
    );
    stream.write_all(response.as_bytes())
}

/// There is nothing more to say: the connection stays as it is until the function ends.
fn wait_for_the_end(mut stream: &TcpStream) -> io::Result<()> {
    io::copy(&mut stream, &mut io::sink()).map(drop)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn ask(stream: &mut TcpStream, request: &str) -> String {
        stream.write_all(request.as_bytes()).unwrap();
        let (mut reader, mut head, mut length) = (BufReader::new(&*stream), String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let start = head.len();
            assert_ne!(reader.read_line(&mut head).unwrap(), 0, "the connection ended after: {head}");
            if let Some(value) = head[start..].strip_prefix("Content-Length: ") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        head + &String::from_utf8(body).unwrap()
    }

    #[test]
    fn a_function_gets_its_event_once_and_its_response_is_seen() {
        let api = RuntimeApi::start(r#"{"Records":[]}"#).unwrap();
        let mut function = TcpStream::connect(api.address()).unwrap();
        let next = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n";
        let event = ask(&mut function, next);
        assert!(event.starts_with("HTTP/1.1 200") && event.ends_with(r#"{"Records":[]}"#), "{event}");
        assert!(event.contains("Lambda-Runtime-Deadline-Ms: "), "{event}");
        let response =
            "POST /2018-06-01/runtime/invocation/8476a536/response HTTP/1.1\r\ncontent-length: 4\r\n\r\nnull";
        assert!(ask(&mut function, response).starts_with("HTTP/1.1 202"));
        assert_eq!(api.next(PATIENCE).unwrap().1, Sign::Response("null".to_owned()));
        // Nobody is answered any more, but the connection stays.
        function.write_all(next.as_bytes()).unwrap();
        function.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        assert_eq!(function.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert_eq!(api.next(Duration::ZERO), None);
    }

    #[test]
    fn a_function_that_cannot_be_initialised_says_why() {
        let api = RuntimeApi::start("{}").unwrap();
        let mut function = TcpStream::connect(api.address()).unwrap();
        ask(&mut function, "POST /2018-06-01/runtime/init/error HTTP/1.1\r\nContent-Length: 2\r\n\r\nno");
        assert_eq!(api.next(PATIENCE).unwrap().1, Sign::Failure("no".to_owned()));
    }

    #[test]
    fn a_tls_greeting_is_a_call_to_aws() {
        let api = RuntimeApi::start("{}").unwrap();
        let mut client = TcpStream::connect(api.address()).unwrap();
        client.write_all(&[TLS_HANDSHAKE, 3, 1]).unwrap();
        assert_eq!(api.next(PATIENCE).unwrap().1, Sign::Call);
    }
}
