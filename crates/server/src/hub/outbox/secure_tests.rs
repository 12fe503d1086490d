//! The outbox over TLS, where what the connection took may still lie there encrypted.

use std::sync::Arc;

use bytes::Bytes;
use rcgen::{CertificateParams, KeyPair};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, client};

use super::{Outbox, Pushed};
use crate::socket::Socket;

/// A connection between the two sides of a handshake.
async fn pair() -> (Arc<Socket>, client::TlsStream<TcpStream>) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().der().clone();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(server));
    let connector = TlsConnector::from(Arc::new(client));
    let (server, client) = tokio::join!(acceptor.accept(accepted), connector.connect(name, tcp));
    (Arc::new(server.unwrap().into()), client.unwrap())
}

#[tokio::test]
async fn what_was_taken_and_lies_there_encrypted_still_waits_and_arrives() {
    let (socket, mut client) = pair().await;
    let Socket::Secure(secure) = &*socket else { panic!("it is secure") };
    let outbox = Outbox::new(Arc::clone(&socket), 1 << 30);
    outbox.open(Vec::new(), 0);
    assert!(outbox.drain().unwrap());
    outbox.woken().await;
    let mut pushed = 0;
    // Nobody reads. Until the sockets are full, and the last that was taken is not on its way.
    while !secure.wants_write() {
        assert_eq!(outbox.push(Bytes::from(format!("{pushed:0>10}"))), Pushed::Taken);
        pushed += 1;
    }
    assert!(outbox.is_waiting(), "although nothing is queued");
    assert!(outbox.waiting_at().is_some(), "so a reader that stands still is found out");
    outbox.woken().await;
    let read = async {
        let mut frame = [0; 10];
        for n in 0..pushed {
            client.read_exact(&mut frame).await.unwrap();
            assert_eq!(String::from_utf8_lossy(&frame), format!("{n:0>10}"));
        }
    };
    let written = async {
        while outbox.is_waiting() {
            std::future::poll_fn(|cx| socket.poll_write_ready(cx)).await.unwrap();
            outbox.drain().unwrap();
        }
    };
    tokio::join!(read, written);
    assert!(!outbox.is_waiting() && outbox.waiting_at().is_none());
}
