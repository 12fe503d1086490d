//! TLS of the server's own: the certificate, how it is read again, and the handshake.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::config;

/// A handshake must be complete within this span.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How connections are taken under TLS. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    certificate: Arc<Certificate>,
}

impl Tls {
    /// With the certificate and key that the settings name; `None` where they name none.
    ///
    /// # Errors
    /// A file that cannot be read or used, in words.
    pub(crate) fn of(settings: &config::Tls) -> anyhow::Result<Option<Self>> {
        if settings.certificate.is_empty() {
            return Ok(None);
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let certificate = Arc::new(Certificate {
            key: ArcSwap::from_pointee(read(settings, &provider)?),
            provider: Arc::clone(&provider),
        });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&certificate) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Some(Self { acceptor: TlsAcceptor::from(Arc::new(config)), certificate }))
    }

    /// What the files hold now, for [`Tls::take`].
    ///
    /// # Errors
    /// A file that cannot be read or used.
    pub(crate) fn read_again(&self, settings: &config::Tls) -> anyhow::Result<CertifiedKey> {
        read(settings, &self.certificate.provider)
    }

    /// Shows this one to those who connect from here on.
    pub(crate) fn take(&self, key: CertifiedKey) {
        self.certificate.key.store(Arc::new(key));
    }

    /// The handshake of one connection. `None` when it failed or took too long.
    pub(crate) async fn shake_hands(&self, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        match tokio::time::timeout(HANDSHAKE_TIMEOUT, self.acceptor.accept(stream)).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                tracing::debug!(event = "tls.failed", %error, "a TLS handshake failed");
                None
            }
            Err(_) => {
                tracing::debug!(event = "tls.failed", "a TLS handshake took too long");
                None
            }
        }
    }
}

/// What is shown to those who connect, whatever name they ask for.
#[derive(Debug)]
struct Certificate {
    key: ArcSwap<CertifiedKey>,
    provider: Arc<CryptoProvider>,
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.key.load_full())
    }
}

fn read(settings: &config::Tls, provider: &CryptoProvider) -> anyhow::Result<CertifiedKey> {
    let (certificate, key) = (PathBuf::from(&settings.certificate), PathBuf::from(&settings.key));
    let chain = CertificateDer::pem_file_iter(&certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| unusable("tls.certificate", &certificate))?;
    anyhow::ensure!(
        !chain.is_empty(),
        "{}: it holds none",
        unusable("tls.certificate", &certificate)
    );
    let secret = PrivateKeyDer::from_pem_file(&key).with_context(|| unusable("tls.key", &key))?;
    match CertifiedKey::from_der(chain, secret, provider) {
        Ok(certified) => Ok(certified),
        Err(rustls::Error::InconsistentKeys(_)) => {
            anyhow::bail!("tls.key does not belong to tls.certificate")
        }
        Err(error) => Err(error).context("tls.certificate and tls.key cannot be used"),
    }
}

fn unusable(setting: &str, path: &Path) -> String {
    format!("{setting} cannot be used ({})", path.display())
}
