//! A socket that tells its connection what moves, and that is closed without losing the last answer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::connection::Connection;

pub(super) struct Watched {
    socket: TcpStream,
    connection: Arc<Connection>,
    /// The client has sent all that it will ever send.
    ended: bool,
    /// We have.
    shut: bool,
}

impl Watched {
    pub(super) const fn new(socket: TcpStream, connection: Arc<Connection>) -> Self {
        Self { socket, connection, ended: false, shut: false }
    }

    fn written(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(_)) => self.connection.took(),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.connection.takes_none(),
        }
        written
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(cx, buffer);
        match &read {
            Poll::Ready(Ok(())) if buffer.filled().len() > before => self.connection.came(),
            Poll::Ready(_) => self.ended = true,
            Poll::Pending => self.connection.wants(),
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.written(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, bytes);
        self.written(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    /// Called whenever hyper has looked at the connection. A client may have sent its all and still want its answer, but it
    /// ends a stream, which has no end of its own, by hanging up.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.connection.is_streaming() {
            let mut one = [0; 1];
            match self.socket.poll_peek(cx, &mut ReadBuf::new(&mut one)) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(_)) | Poll::Pending => {}
            }
        }
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    /// Sends the end, and reads what still comes until the client has seen it: with something unread in the socket, the system
    /// would reset the connection, and the client might lose the answer. [`super::places`] sees to it that this ends.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.shut {
            ready!(Pin::new(&mut self.socket).poll_shutdown(cx))?;
            self.shut = true;
            self.connection.close();
        }
        let mut rest = [0; 4096];
        while !self.ended {
            let mut rest = ReadBuf::new(&mut rest);
            ready!(Pin::new(&mut self.socket).poll_read(cx, &mut rest))?;
            self.ended = rest.filled().is_empty();
        }
        Poll::Ready(Ok(()))
    }
}
