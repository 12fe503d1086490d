//! The connection of one session, plain or under TLS, as those who write to it from anywhere need it: nothing here
//! waits, and whoever writes needs no exclusive hold.

mod secure;

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use secure::Secure;

/// A connection. Cheap to share: every call takes `&self`.
#[derive(Debug)]
pub(crate) enum Socket {
    Plain(TcpStream),
    Secure(Box<Secure>),
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Self::Plain(stream)
    }
}

impl From<TlsStream<TcpStream>> for Socket {
    fn from(stream: TlsStream<TcpStream>) -> Self {
        Self::Secure(Box::new(Secure::over(stream)))
    }
}

impl Socket {
    /// Writes what is taken now. What was taken may not be on its way yet: [`Socket::flush`].
    ///
    /// # Errors
    /// `WouldBlock` when nothing is taken now; a broken line.
    pub(crate) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.try_write_vectored(slices),
            Self::Secure(secure) => secure.try_write(slices),
        }
    }

    /// Sends what was taken. True when nothing of it is left.
    ///
    /// # Errors
    /// A broken line.
    pub(crate) fn flush(&self) -> io::Result<bool> {
        match self {
            Self::Plain(_) => Ok(true),
            Self::Secure(secure) => secure.flush(),
        }
    }

    /// Whether everything that was taken is on its way.
    pub(crate) fn is_flushed(&self) -> bool {
        match self {
            Self::Plain(_) => true,
            Self::Secure(secure) => secure.is_flushed(),
        }
    }

    /// Reads what there is; 0 at the end.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing now; a broken line.
    pub(crate) fn try_read(&self, chunk: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.try_read(chunk),
            Self::Secure(secure) => secure.try_read(chunk),
        }
    }

    /// Ready when something may be read.
    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Secure(secure) if secure.has_read() => Poll::Ready(Ok(())),
            Self::Secure(_) | Self::Plain(_) => self.tcp().poll_read_ready(cx),
        }
    }

    /// Ready when something may be written.
    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp().poll_write_ready(cx)
    }

    /// Says that nothing follows.
    ///
    /// # Errors
    /// A broken line.
    pub(crate) fn finish(&self) -> io::Result<()> {
        if let Self::Secure(secure) = self {
            secure.say_farewell()?;
        }
        SockRef::from(self.tcp()).shutdown(Shutdown::Write)
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Secure(secure) => secure.tcp(),
        }
    }
}
