//! Where an HTTP client may connect to: anywhere, or to public addresses only.
//!
//! A name is checked after it was resolved, when the connection is made, so a name that resolves to something else by then
//! is of no use. An address that is written into a URL is never resolved, and checked before the request.

use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::look_ups::LookUps;
use super::public_address::is_public;

/// Where an HTTP client may connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// To whatever the configuration says.
    Anywhere,
    /// To public addresses, by https.
    Public,
    /// The same, and to this machine, by http as well: for development.
    PublicAndLoopback,
}

/// An address may not be connected to.
#[derive(Debug, thiserror::Error)]
#[error("the name does not lead to a public address")]
pub(super) struct NotPublic;

impl Reach {
    /// Whether a URL may be requested, as far as that is known before its name is resolved.
    pub(super) fn allows(self, url: &Url) -> bool {
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::from(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::from(address)),
            Some(Host::Domain(_)) => None,
            None => return false,
        };
        let is_local = match (literal, url.domain()) {
            (Some(address), _) => address.is_loopback(),
            (None, Some(name)) => name == "localhost" || name.ends_with(".localhost"),
            (None, None) => false,
        };
        match self {
            Self::Anywhere => true,
            Self::PublicAndLoopback if is_local => matches!(url.scheme(), "https" | "http"),
            Self::Public | Self::PublicAndLoopback => {
                url.scheme() == "https" && literal.is_none_or(|address| self.includes(address))
            }
        }
    }

    fn includes(self, address: IpAddr) -> bool {
        match self {
            Self::Anywhere => true,
            Self::Public => is_public(address),
            Self::PublicAndLoopback => is_public(address) || address.is_loopback(),
        }
    }
}

/// Resolves names to the addresses among theirs that may be connected to.
pub(super) struct ReachableNames {
    reach: Reach,
    look_ups: Arc<LookUps>,
}

impl ReachableNames {
    pub(super) fn new(reach: Reach) -> Self {
        // The port is not this one: it comes from the URL.
        let look_ups = LookUps::new(|name| Ok((name, 0).to_socket_addrs()?.collect()));
        Self {
            reach,
            look_ups: Arc::new(look_ups),
        }
    }
}

impl Resolve for ReachableNames {
    fn resolve(&self, name: Name) -> Resolving {
        let (reach, look_ups) = (self.reach, Arc::clone(&self.look_ups));
        Box::pin(async move {
            let found = look_ups.addresses(name.as_str()).await?;
            let reachable: Vec<_> = found
                .iter()
                .copied()
                .filter(|address| reach.includes(address.ip()))
                .collect();
            match reachable.is_empty() {
                true => Err(NotPublic.into()),
                false => Ok(Box::new(reachable.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::SocketAddr;

    use super::*;

    fn allows(reach: Reach, url: &str) -> bool {
        reach.allows(&Url::parse(url).unwrap())
    }

    #[test]
    fn addresses_in_urls_are_checked_however_they_are_written() {
        for url in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f.0.0.1/",
            "https://0177.0.0.1/",
            "https://127.0.0.1./",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:a9fe:a9fe]/",
            "https://169.254.169.254/",
            "https://10.0.0.1:8443/",
            "https://0.0.0.0/",
            "http://93.184.215.14/",
            "http://op.example/",
            "ftp://op.example/",
        ] {
            assert!(!allows(Reach::Public, url), "{url}");
            let local = url.contains("127") || url.contains("213") || url.contains("0x7f");
            let local = local || url.contains("0177") || url.contains("[::1]");
            let expected = local && !url.contains("ffff");
            assert_eq!(allows(Reach::PublicAndLoopback, url), expected, "{url}");
            assert!(allows(Reach::Anywhere, url), "{url}");
        }
        for url in [
            "https://93.184.215.14/",
            "https://op.example/",
            "https://[2606:4700::1]:8443/",
        ] {
            for reach in [Reach::Public, Reach::PublicAndLoopback, Reach::Anywhere] {
                assert!(allows(reach, url), "{url}");
            }
        }
        for url in [
            "http://localhost:9000/",
            "http://op.localhost/",
            "http://[::1]:1/",
        ] {
            assert!(allows(Reach::PublicAndLoopback, url), "{url}");
            assert!(!allows(Reach::Public, url), "{url}");
        }
    }

    async fn resolved(
        reach: Reach,
        look_up: fn(&str) -> io::Result<Vec<SocketAddr>>,
    ) -> Vec<String> {
        let look_ups = Arc::new(LookUps::new(look_up));
        let names = ReachableNames { reach, look_ups };
        match names.resolve("op.example".parse().unwrap()).await {
            Ok(addresses) => addresses.map(|address| address.ip().to_string()).collect(),
            Err(error) => vec![error.to_string()],
        }
    }

    #[tokio::test]
    async fn of_the_addresses_of_a_name_only_public_ones_are_connected_to() {
        let look_up = |_: &str| {
            let addresses = [
                "10.0.0.1:0",
                "93.184.215.14:0",
                "127.0.0.1:0",
                "[fd00::1]:0",
                "[2606:4700::1]:0",
            ];
            Ok(addresses.map(|address| address.parse().unwrap()).to_vec())
        };
        assert_eq!(
            resolved(Reach::Public, look_up).await,
            ["93.184.215.14", "2606:4700::1"]
        );
        let with_loopback = ["93.184.215.14", "127.0.0.1", "2606:4700::1"];
        assert_eq!(
            resolved(Reach::PublicAndLoopback, look_up).await,
            with_loopback
        );
    }

    #[tokio::test]
    async fn a_name_without_public_addresses_or_without_any_is_refused() {
        for reach in [Reach::Public, Reach::PublicAndLoopback] {
            let refused = resolved(reach, |_| Ok(vec!["169.254.169.254:0".parse().unwrap()]));
            assert_eq!(
                refused.await,
                ["the name does not lead to a public address"]
            );
            let refused = resolved(reach, |_| Ok(Vec::new()));
            assert_eq!(
                refused.await,
                ["the name does not lead to a public address"]
            );
            let failed = resolved(reach, |_| Err(io::Error::other("no such name")));
            assert_eq!(failed.await, ["no such name"]);
        }
    }
}
