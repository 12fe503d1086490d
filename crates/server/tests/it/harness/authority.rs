//! An authority that a test makes for itself, and certificates of it.

use std::path::PathBuf;

use anteroom_client::Trust;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio_rustls::rustls::pki_types::CertificateDer;

use super::server::TestServer;
use super::settings::Settings;

/// An authority of this test, and files with a certificate of it.
pub(crate) struct Authority {
    pub(crate) issuer: CertifiedIssuer<'static, KeyPair>,
    dir: tempfile::TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let authority = Self { issuer, dir: tempfile::tempdir().unwrap() };
        authority.issue();
        authority
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Puts a new certificate in the place of the one before; answers it.
    pub(crate) fn issue(&self) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.file("cert.pem"), certificate.pem()).unwrap();
        std::fs::write(self.file("key.pem"), key.serialize_pem()).unwrap();
        certificate.der().clone()
    }

    pub(crate) fn is_used_by(&self, settings: &mut Settings) {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        settings
            .set("tls.certificate", text(self.file("cert.pem")))
            .set("tls.key", text(self.file("key.pem")));
    }

    /// The address of a server by the name that certificates are for.
    pub(crate) fn address(server: &TestServer) -> String {
        format!("https://localhost:{}", server.port())
    }

    /// A file with the authority's own certificate.
    pub(crate) fn root(&self) -> String {
        let root = self.file("root.pem");
        std::fs::write(&root, self.issuer.pem()).unwrap();
        root.to_str().unwrap().to_owned()
    }

    /// Whom a client trusts that trusts this authority alone.
    pub(crate) fn trust(&self) -> Trust {
        Trust::Authorities(self.issuer.pem().into_bytes())
    }
}
