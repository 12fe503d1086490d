//! A network, or one address of it, as people write it: `10.0.0.0/8`, `192.0.2.7`, `fd00::/8`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Addresses whose word on where a request comes from counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

/// Within `::ffff:0:0/96` are the addresses of IPv4.
const MAPPED_BITS: u8 = 96;

impl Network {
    /// Whether the address is one of it, in whichever form it comes.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self(IpNet::from(address.to_canonical()))
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::from(address));
        }
        let net: IpNet = text.parse().map_err(|_| {
            format!("`{text}` is no address and no network; write 10.0.0.7, 10.0.0.0/8 or fd00::/8")
        })?;
        let net = unmapped(net);
        if net.prefix_len() == 0 {
            return Err(format!("`{text}` is everybody: then whoever asks says who asks"));
        }
        if net != net.trunc() {
            let (whole, one) = (net.trunc(), net.addr());
            return Err(format!("`{text}` is an address within a network; write {whole} or {one}"));
        }
        Ok(Self(net))
    }
}

/// A network of IPv4 addresses that is written as one of IPv6.
fn unmapped(net: IpNet) -> IpNet {
    let mapped = match net {
        IpNet::V6(six) => {
            six.addr().to_ipv4_mapped().zip(six.prefix_len().checked_sub(MAPPED_BITS))
        }
        IpNet::V4(_) => None,
    };
    let four = mapped.and_then(|(address, bits)| Ipv4Net::new(address, bits).ok());
    four.map_or(net, IpNet::V4)
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.prefix_len() == self.0.max_prefix_len() {
            true => self.0.addr().fmt(f),
            false => self.0.fmt(f),
        }
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_in(network: &str, address: &str) -> bool {
        network.parse::<Network>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn a_network_has_the_addresses_that_its_prefix_says_and_no_other() {
        for inside in ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"] {
            assert!(is_in("10.0.0.0/8", inside), "{inside}");
        }
        for outside in ["9.255.255.255", "11.0.0.0", "::ffff:11.0.0.0", "::a00:1", "fd00::1"] {
            assert!(!is_in("10.0.0.0/8", outside), "{outside}");
        }
        assert!(is_in("fd00::/8", "fdff:1::9") && !is_in("fd00::/8", "fe00::1"));
        assert!(is_in("::ffff:10.0.0.0/104", "10.9.9.9"), "IPv4, written as IPv6");
        assert!(is_in("192.0.2.7", "192.0.2.7") && !is_in("192.0.2.7", "192.0.2.8"));
        assert!(is_in("::1", "::1") && !is_in("::1", "::2"));
    }

    #[test]
    fn what_is_no_network_or_everybody_is_refused_in_words() {
        for (text, words) in [
            ("proxy", "no address and no network"),
            ("10.0.0.0/33", "no address and no network"),
            ("10.0.0.0/", "no address and no network"),
            ("", "no address and no network"),
            ("10.0.0.7/8", "write 10.0.0.0/8 or 10.0.0.7"),
            ("0.0.0.0/0", "everybody"),
            ("::/0", "everybody"),
            ("::ffff:0.0.0.0/96", "everybody"),
        ] {
            let error = text.parse::<Network>().unwrap_err();
            assert!(error.contains(words), "{text:?}: {error}");
        }
    }

    #[test]
    fn one_is_written_as_it_is_read() {
        for text in ["10.0.0.0/8", "192.0.2.7", "::1", "fd00::/8"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
        assert_eq!("192.0.2.7/32".parse::<Network>().unwrap().to_string(), "192.0.2.7");
    }
}
