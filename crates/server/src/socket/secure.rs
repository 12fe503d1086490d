//! A connection under TLS that is written to by whoever has something to say, without a task of its own.
//!
//! Plain bytes are taken only while nothing encrypted waits, and no more at once than a record or a few, so what
//! is counted as taken is never much more than what the peer reads. The mutex is a leaf.

use std::io::{self, IoSlice, Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::net::TcpStream;
use tokio_rustls::rustls::ServerConnection;
use tokio_rustls::server::TlsStream;

/// Plain bytes that are encrypted before the socket is asked again.
const TAKEN_MAX: usize = 64 << 10;

#[derive(Debug)]
pub(crate) struct Secure {
    tcp: TcpStream,
    tls: Mutex<ServerConnection>,
}

impl Secure {
    /// Takes over a connection whose handshake is done.
    pub(super) fn over(stream: TlsStream<TcpStream>) -> Self {
        let (tcp, mut tls) = stream.into_inner();
        tls.set_buffer_limit(Some(TAKEN_MAX));
        Self { tcp, tls: Mutex::new(tls) }
    }

    pub(super) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    fn lock(&self) -> MutexGuard<'_, ServerConnection> {
        self.tls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut tls = self.lock();
        if !self.send(&mut tls)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let taken = tls.writer().write_vectored(slices)?;
        self.send(&mut tls)?;
        Ok(taken)
    }

    pub(super) fn flush(&self) -> io::Result<bool> {
        self.send(&mut self.lock())
    }

    pub(super) fn is_flushed(&self) -> bool {
        !self.lock().wants_write()
    }

    /// Whether something encrypted waits, as the connection itself tells.
    #[cfg(test)]
    pub(crate) fn wants_write(&self) -> bool {
        self.lock().wants_write()
    }

    /// Whether something was decrypted that nobody has read.
    pub(super) fn has_read(&self) -> bool {
        self.lock().process_new_packets().is_ok_and(|state| state.plaintext_bytes_to_read() > 0)
    }

    pub(super) fn try_read(&self, chunk: &mut [u8]) -> io::Result<usize> {
        let mut tls = self.lock();
        loop {
            match tls.reader().read(chunk) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
            tls.read_tls(&mut Raw(&self.tcp))?;
            let understood = tls.process_new_packets();
            // An answer to the peer, or why it is not understood; the line may be broken already.
            let sent = self.send(&mut tls);
            understood.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            sent?;
        }
    }

    /// Says that nothing follows, as far as the socket takes it.
    pub(super) fn say_farewell(&self) -> io::Result<()> {
        let mut tls = self.lock();
        tls.send_close_notify();
        self.send(&mut tls).map(drop)
    }

    /// Sends what is encrypted. True when nothing is left.
    fn send(&self, tls: &mut ServerConnection) -> io::Result<bool> {
        while tls.wants_write() {
            match tls.write_tls(&mut Raw(&self.tcp)) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(e) => return Err(e),
            }
        }
        Ok(true)
    }
}

/// The socket below, which never waits.
struct Raw<'a>(&'a TcpStream);

impl Read for Raw<'_> {
    fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(chunk)
    }
}

impl Write for Raw<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
