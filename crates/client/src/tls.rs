//! Whom this client takes for the server, where the server is reached over TLS.
//!
//! One configuration for requests and sockets, on the one crypto provider of this workspace. Who is trusted is
//! either the machine's own list or the authorities of one file, never both: whoever names an authority means that
//! one. There is no way to trust anybody.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, RootCertStore};
use tokio_util::either::Either;

use crate::error::{Distrust, Error, Result};

/// What carries a WebSocket: plain, or under TLS.
pub type Stream = Either<TcpStream, TlsStream<TcpStream>>;

/// Whose certificates are good.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Those of the authorities that this machine trusts; another list by the variable `SSL_CERT_FILE`.
    #[default]
    Machine,
    /// Those of the authorities in this text, in PEM form, and no others.
    Authorities(Vec<u8>),
    /// Nobody's: for plain addresses, where nothing is read for it.
    Nobody,
}

impl Trust {
    /// What it comes to.
    ///
    /// # Errors
    /// [`Error::Authorities`] when there is no certificate to be found.
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        match self {
            Self::Machine => {
                let found = rustls_native_certs::load_native_certs();
                roots.add_parsable_certificates(found.certs);
                if roots.is_empty() {
                    let why = found.errors.first().map(ToString::to_string);
                    return Err(Error::Authorities(why.unwrap_or("there are none".into())));
                }
            }
            Self::Authorities(pem) => {
                for certificate in CertificateDer::pem_slice_iter(pem) {
                    let added = certificate.map_err(|error| error.to_string());
                    let added = added.and_then(|it| roots.add(it).map_err(|it| it.to_string()));
                    added.map_err(Error::Authorities)?;
                }
                if roots.is_empty() {
                    return Err(Error::Authorities("it has no certificate".into()));
                }
            }
            Self::Nobody => {}
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::Authorities(error.to_string()))?;
        Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
    }
}

/// A builder of HTTP clients for plain addresses and Unix sockets, which needs no authority on the machine.
///
/// # Errors
/// None that can be met: the crypto provider is built in.
pub fn plain_http() -> Result<reqwest::ClientBuilder> {
    let config = ClientConfig::clone(&*Trust::Nobody.config()?);
    Ok(reqwest::Client::builder().no_proxy().tls_backend_preconfigured(config))
}

/// What carries it underneath.
pub(crate) fn tcp(stream: &Stream) -> &TcpStream {
    match stream {
        Either::Left(plain) => plain,
        Either::Right(tls) => tls.get_ref().0,
    }
}

/// The handshake with the server of that name.
pub(crate) async fn shake_hands(
    config: Arc<ClientConfig>,
    host: &str,
    stream: TcpStream,
) -> Result<Stream> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| Error::Protocol(format!("{host} is no name of a server")))?;
    match TlsConnector::from(config).connect(name, stream).await {
        Ok(stream) => Ok(Either::Right(stream)),
        Err(error) => {
            Err(distrust(&error).map_or_else(|| Error::transport(error), Error::Untrusted))
        }
    }
}

/// Why the server's certificate was refused, if that is what went wrong.
pub(crate) fn distrust(error: &(dyn StdError + 'static)) -> Option<Distrust> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return match found {
                rustls::Error::InvalidCertificate(why) => Some(told(why)),
                _ => None,
            };
        }
        // What an I/O error holds is no source of it.
        let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match held {
            Some(held) => Some(held),
            None => error.source(),
        };
    }
    None
}

fn told(why: &CertificateError) -> Distrust {
    match why {
        // One that is called as the issuer is and is not it.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => Distrust::Issuer,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Distrust::Name
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Distrust::Expired,
        other => Distrust::Other(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_no_authority() {
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for text in ["", "no PEM", key, broken] {
            let trust = Trust::Authorities(text.into());
            assert!(matches!(trust.config(), Err(Error::Authorities(_))), "{text}");
        }
        assert!(Trust::Nobody.config().is_ok());
    }

    #[test]
    fn why_a_certificate_is_refused_is_found_however_deep_it_lies() {
        let refused = |why| rustls::Error::InvalidCertificate(why);
        let deep = io::Error::other(io::Error::other(refused(CertificateError::UnknownIssuer)));
        assert_eq!(distrust(&deep), Some(Distrust::Issuer));
        let wrapped =
            io::Error::new(io::ErrorKind::InvalidData, refused(CertificateError::NotValidForName));
        assert_eq!(distrust(&wrapped), Some(Distrust::Name));
        assert_eq!(distrust(&Error::transport(wrapped)), Some(Distrust::Name));
        assert_eq!(distrust(&refused(CertificateError::Expired)), Some(Distrust::Expired));
        assert_eq!(distrust(&rustls::Error::DecryptError), None);
    }
}
