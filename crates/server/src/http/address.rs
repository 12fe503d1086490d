//! Whom a request is counted under.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};

use crate::app::App;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address the connection came from; put there by the accept loop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The address a request is counted under: the connection's, or what a trusted proxy says. Of IPv6 the network,
/// since whoever has one address of it has all the others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address(pub(crate) Option<IpAddr>);

impl FromRequestParts<Arc<App>> for Address {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<Peer>();
        Ok(Self::of(peer, &parts.headers, app))
    }
}

impl Address {
    /// The same for whoever has the request as a whole.
    pub(super) fn of_request(request: &Request, app: &App) -> Self {
        Self::of(request.extensions().get::<Peer>(), request.headers(), app)
    }

    fn of(peer: Option<&Peer>, headers: &HeaderMap, app: &App) -> Self {
        let peer = peer.map(|peer| peer.0.ip());
        Self(counted(peer, headers, |address| app.trusts(address)).map(network))
    }
}

/// What shares one line: an IPv4 address, or the /64 that an IPv6 address is in.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Each proxy writes one entry; the last that is no trusted proxy's own is whom the outermost one
/// saw. What stands before it is the client's word.
pub(super) fn counted(
    peer: Option<IpAddr>,
    headers: &HeaderMap,
    trusts: impl Fn(IpAddr) -> bool,
) -> Option<IpAddr> {
    if !peer.is_some_and(&trusts) {
        return peer;
    }
    let values = headers.get_all(FORWARDED_FOR).iter().rev();
    // Bytes: what a client put in front of what the proxy wrote does not make that unreadable.
    let entries = values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
    let told = entries
        .map(|entry| address(str::from_utf8(entry).ok()?.trim()))
        .find(|told| told.is_none_or(|address| !trusts(address)));
    told.flatten().or(peer)
}

/// `1.2.3.4`, `1.2.3.4:5678`, `[::1]:5678` or `::1`.
fn address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse::<SocketAddr>().map(|address| address.ip());
    text.parse::<IpAddr>().or_else(|_| with_port()).ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const OUTER: &str = "10.0.0.1";
    const INNER: &str = "10.0.0.2";

    fn from(peer: &str, forwarded: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        let trusted = [OUTER, INNER].map(|it| it.parse::<IpAddr>().unwrap());
        let counted = counted(peer.parse().ok(), &headers, |it| trusted.contains(&it));
        counted.unwrap().to_string()
    }

    #[test]
    fn behind_two_proxies_whom_the_outer_one_saw_is_counted() {
        assert_eq!(from(INNER, &["9.9.9.9, 10.0.0.1"]), "9.9.9.9");
        assert_eq!(from(INNER, &["9.9.9.9", "10.0.0.1"]), "9.9.9.9", "one header for each");
        assert_eq!(from(INNER, &["1.1.1.1, 9.9.9.9:4711, 10.0.0.1:80"]), "9.9.9.9");
        assert_eq!(from(OUTER, &["[2001:db8::1]:443"]), "2001:db8::1");
    }

    #[test]
    fn addresses_of_one_line_are_counted_together() {
        let counted = |text: &str| network(text.parse().unwrap());
        assert_eq!(counted("2001:db8:1:2::1"), counted("2001:db8:1:2:ffff::9"));
        assert_ne!(counted("2001:db8:1:2::1"), counted("2001:db8:1:3::1"));
        assert_eq!(counted("::ffff:192.0.2.1"), counted("192.0.2.1"));
        assert_ne!(counted("192.0.2.1"), counted("192.0.2.2"));
    }

    #[test]
    fn nobody_is_counted_under_an_address_of_its_own_choice() {
        assert_eq!(from("9.9.9.9", &["1.1.1.1"]), "9.9.9.9", "no proxy of ours");
        assert_eq!(from(OUTER, &["1.1.1.1, 9.9.9.9"]), "9.9.9.9", "its own word comes first");
        assert_eq!(from(OUTER, &["1.1.1.1, nonsense"]), OUTER, "unreadable: the proxy itself");
        let garbage = HeaderValue::from_bytes(b"\xff, 9.9.9.9").unwrap();
        let headers = HeaderMap::from_iter([(FORWARDED_FOR, garbage)]);
        let outer: IpAddr = OUTER.parse().unwrap();
        let counted = counted(Some(outer), &headers, |it| it == outer).unwrap();
        assert_eq!(counted.to_string(), "9.9.9.9", "what cannot be read comes first");
        assert_eq!(from(INNER, &["10.0.0.1"]), INNER, "from the proxies themselves");
        assert_eq!(from(INNER, &[]), INNER);
    }
}
