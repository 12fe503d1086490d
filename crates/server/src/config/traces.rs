//! Where traces go.

use hyper::Uri;

use super::{ConfigError, Traces};

/// What OTLP over HTTP adds to the address.
const PATH: &str = "v1/traces";

/// A collector of traces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collector {
    /// A name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Both, as a request names them.
    pub authority: String,
    /// Where it takes spans.
    pub path: String,
}

impl Traces {
    /// The collector that is asked for; `None` where there is none.
    ///
    /// # Errors
    /// The address cannot be used.
    pub fn collector(&self) -> Result<Option<Collector>, ConfigError> {
        let text = self.endpoint.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let wrong = || {
            ConfigError::Contradiction(
                "traces.endpoint must be like http://127.0.0.1:4318: no TLS, no user, nothing behind \
                 the path; a collector on this machine can pass spans on over TLS"
                    .to_owned(),
            )
        };
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?;
        let is_plain = uri.scheme_str() == Some("http")
            && uri.query().is_none()
            && !text.contains(['@', '#'])
            && !authority.host().is_empty();
        if !is_plain {
            return Err(wrong());
        }
        Ok(Some(Collector {
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(4318),
            authority: authority.to_string(),
            path: format!("{}/{PATH}", uri.path().trim_end_matches('/')),
        }))
    }

    /// # Errors
    /// What of it cannot be used.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if !(0.0..=1.0).contains(&self.sample) {
            let text = "traces.sample must be from 0 to 1".to_owned();
            return Err(ConfigError::Contradiction(text));
        }
        if self.service.trim().is_empty() {
            let text = "traces.service must not be empty".to_owned();
            return Err(ConfigError::Contradiction(text));
        }
        self.collector().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(endpoint: &str) -> Traces {
        Traces { endpoint: endpoint.to_owned(), ..Traces::default() }
    }

    #[test]
    fn an_address_is_read_as_otlp_over_http_means_it() {
        assert_eq!(Traces::default().collector().unwrap(), None);
        for (endpoint, host, port, path) in [
            ("http://127.0.0.1:4318", "127.0.0.1", 4318, "/v1/traces"),
            ("http://collector", "collector", 4318, "/v1/traces"),
            ("http://[::1]:99/", "::1", 99, "/v1/traces"),
            ("http://host:1/otlp/", "host", 1, "/otlp/v1/traces"),
        ] {
            let read = at(endpoint).collector().unwrap().unwrap();
            assert_eq!((&*read.host, read.port, &*read.path), (host, port, path), "{endpoint}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        for endpoint in [
            "https://collector:4318",
            "127.0.0.1:4318",
            "http://user:word@collector:4318",
            "http://collector:4318?key=1",
            "http://collector:4318/#x",
            "http://",
            "no address at all",
        ] {
            assert!(at(endpoint).check().is_err(), "{endpoint}");
        }
        for sample in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            assert!(Traces { sample, ..Traces::default() }.check().is_err(), "{sample}");
        }
        assert!(Traces { service: " ".to_owned(), ..Traces::default() }.check().is_err());
        for sample in [0.0, 0.01, 1.0] {
            assert!(Traces { sample, ..Traces::default() }.check().is_ok());
        }
    }
}
