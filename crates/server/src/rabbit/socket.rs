//! The socket under a connection.
//!
//! The library drives each connection with a thread of its own, which waits as long as the other side is
//! silent: in the middle of a handshake for ever. So the socket is made here, and whoever gives a
//! connection up shuts it, which ends that thread wherever it is.

use std::io;
use std::net::Shutdown;
use std::sync::{Arc, Mutex, PoisonError};

use lapin::runtime::default_runtime;
use lapin::{AsyncTcpStream, Connection, ConnectionProperties};
use socket2::{SockRef, Socket};
use tokio::net::lookup_host;
use tokio::time::timeout;

use super::broker::{Broker, LinkError};

/// Ends a connection when it is dropped.
#[derive(Clone, Default)]
pub(super) struct Plug(Arc<Pulled>);

#[derive(Default)]
struct Pulled(Mutex<Option<Socket>>);

impl Plug {
    /// Ends the connection now.
    pub(super) fn pull(&self) {
        self.0.pull();
    }

    fn guards(&self, socket: Socket) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(socket);
    }
}

impl Pulled {
    fn pull(&self) {
        let socket = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(socket) = socket {
            // One that has ended already is as good.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Pulled {
    fn drop(&mut self) {
        self.pull();
    }
}

/// A connection that may be used, and what ends it. Nothing of an attempt that failed stays behind.
///
/// # Errors
/// The broker is not there, is silent, or does not let us in.
pub(super) async fn connect(broker: &Broker) -> Result<(Connection, Plug), LinkError> {
    let plug = Plug::default();
    // The thread's share goes with the thread; ours alone ends the connection.
    let (slot, span) = (Arc::downgrade(&plug.0), broker.timeout);
    let properties =
        ConnectionProperties::default().with_connection_name("anteroom".to_owned().into());
    let connecting = Connection::connector(
        broker.uri.clone(),
        default_runtime()?,
        async move |uri, runtime| {
            let (host, port) = (uri.authority.host.clone(), uri.authority.port);
            let addresses = timeout(span, lookup_host((host, port))).await.map_err(late)??;
            let addresses: Vec<_> = addresses.collect();
            let stream = timeout(span, AsyncTcpStream::connect(&runtime, addresses));
            let stream = stream.await.map_err(late)??;
            let Some(slot) = slot.upgrade() else { return Err(late(()).into()) };
            if let AsyncTcpStream::Plain(plain) = &stream {
                let socket = SockRef::from(plain.get_ref());
                socket.set_tcp_nodelay(true)?;
                Plug(slot).guards(socket.try_clone()?);
            }
            Ok(stream)
        },
        properties,
    );
    let connection = broker.in_time(connecting).await?;
    Ok((connection, plug))
}

fn late<T>(_: T) -> io::Error {
    io::Error::from(io::ErrorKind::TimedOut)
}
