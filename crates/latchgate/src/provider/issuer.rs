//! The Issuer Identifier: [OpenID Connect Discovery 1.0 §3](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata),
//! [OpenID Connect Core 1.0 §1.2](https://openid.net/specs/openid-connect-core-1_0.html#Terminology).

use std::borrow::Cow;

use openidconnect::IssuerUrl;
use url::{Host, Url};

/// A checked Issuer Identifier: https without query and fragment, or http on loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Issuer(IssuerUrl);

/// Why an Issuer Identifier was refused.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// Not an absolute URL.
    #[error(
        "is not an absolute URL; write it as the provider does, such as `https://login.example.com/`"
    )]
    NotAUrl,
    /// Plain http (or another scheme) to a host that is not loopback.
    #[error("is not https; plain http is accepted on loopback only (127.0.0.1, [::1], localhost)")]
    NotHttps,
    /// Has a query, a fragment or user information.
    #[error(
        "has a query, a fragment or a user name; an issuer consists of scheme, host, port and path"
    )]
    Decorated,
    /// Is the URL of the metadata.
    #[error("is the URL of the provider's metadata; the issuer is the part before `/.well-known/`")]
    MetadataUrl,
}

debug_with_causes!(IssuerError);

impl Issuer {
    /// Checks `text`, which is kept exactly as it is: a trailing slash is part of the name.
    pub(crate) fn parse(text: &str) -> Result<Self, IssuerError> {
        let issuer = IssuerUrl::new(text.to_owned()).map_err(|_| IssuerError::NotAUrl)?;
        let url = issuer.url();
        if !url.has_host() {
            return Err(IssuerError::NotAUrl);
        }
        if !is_https_or_loopback(url) {
            return Err(IssuerError::NotHttps);
        }
        let decorated = url.query().is_some()
            || url.fragment().is_some()
            || !url.username().is_empty()
            || url.password().is_some();
        if decorated {
            return Err(IssuerError::Decorated);
        }
        if url.path().contains("/.well-known/") {
            return Err(IssuerError::MetadataUrl);
        }
        Ok(Self(issuer))
    }

    /// The identifier exactly as configured.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it is on this machine, by plain http.
    pub(crate) fn is_plain_http(&self) -> bool {
        self.0.url().scheme() == "http"
    }

    /// The URL of the metadata: one trailing slash is removed before the well-known path is added
    /// (OpenID Connect Discovery 1.0 §4.1).
    pub(crate) fn configuration_url(&self) -> String {
        let base = self.0.url().as_str();
        let base = base.strip_suffix('/').unwrap_or(base);
        format!("{base}/.well-known/openid-configuration")
    }

    /// The URL of the metadata of an authorization server: the well-known path is inserted between host and path, of which
    /// a trailing slash is removed ([RFC 8414 §3.1](https://www.rfc-editor.org/rfc/rfc8414#section-3.1)).
    pub(crate) fn authorization_server_url(&self) -> String {
        let url = self.0.url();
        let origin = url.origin().ascii_serialization();
        let path = url.path().strip_suffix('/').unwrap_or(url.path());
        format!("{origin}/.well-known/oauth-authorization-server{path}")
    }

    /// The issuer that the provider's metadata must name. It is this one, but for an issuer of Microsoft's that is for
    /// several tenants: there it is a template.
    pub(crate) fn in_metadata(&self) -> Cow<'_, str> {
        match self.tenant_template() {
            Some((before, after)) => format!("{before}{{tenantid}}{after}").into(),
            None => self.as_str().into(),
        }
    }

    /// Whether a token with this `iss` is of this issuer: they are identical (OpenID Connect Core 1.0 §3.1.3.7 step 2). For
    /// an issuer of several tenants it is the template with the tenant of the token's own `tid`.
    pub(crate) fn issued(&self, iss: &str, tid: Option<&str>) -> bool {
        match self.tenant_of(iss) {
            Some(tenant) => tid == Some(tenant),
            None => iss == self.as_str() && self.tenant_template().is_none(),
        }
    }

    /// Whether this issuer may go by this name: what it has sent is still to be verified.
    pub(crate) fn covers(&self, iss: &str) -> bool {
        iss == self.as_str() || self.tenant_of(iss).is_some()
    }

    /// The tenant in an issuer, for an issuer of several.
    fn tenant_of<'i>(&self, iss: &'i str) -> Option<&'i str> {
        let (before, after) = self.tenant_template()?;
        let tenant = iss.strip_prefix(before.as_str())?.strip_suffix(after)?;
        is_guid(tenant).then_some(tenant)
    }

    /// What is before and after the tenant in the issuers of Microsoft Entra ID, if this one is for several tenants: the
    /// path `/common/v2.0` or `/organizations/v2.0`.
    fn tenant_template(&self) -> Option<(String, &'static str)> {
        const HOSTS: [&str; 3] = [
            "login.microsoftonline.com",
            "login.microsoftonline.us",
            "login.partner.microsoftonline.cn",
        ];
        let url = self.0.url();
        let host = url.host_str().filter(|host| HOSTS.contains(host))?;
        let several = matches!(url.path(), "/common/v2.0" | "/organizations/v2.0");
        several.then(|| (format!("https://{host}/"), "/v2.0"))
    }

    /// An endpoint of this provider that may be called: https, or http on loopback for an issuer that is
    /// itself http on loopback, and without a password.
    pub(crate) fn endpoint(&self, text: &str) -> Option<Url> {
        let mut url = Url::parse(text).ok()?;
        url.set_fragment(None);
        let scheme = url.scheme() == "https" || self.0.url().scheme() == "http";
        let undecorated = url.username().is_empty() && url.password().is_none();
        (scheme && undecorated && is_https_or_loopback(&url)).then_some(url)
    }
}

/// Five groups of lower-case hexadecimal digits, as the `tid` of Entra ID is.
fn is_guid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12])
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

/// Whether a URL is https with a host, or http to the loopback interface.
pub(crate) fn is_https_or_loopback(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.has_host(),
        "http" => is_loopback(url),
        _ => false,
    }
}

/// Whether a URL's host is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers_are_https_or_loopback_and_undecorated() {
        for good in [
            "https://login.example.com",
            "https://login.example.com/",
            "https://login.example.com/realms/a",
            "http://127.0.0.1:9000",
            "http://[::1]:9000/x",
            "http://localhost:8080",
        ] {
            assert_eq!(
                Issuer::parse(good).map(|issuer| issuer.as_str().to_owned()),
                Ok(good.to_owned())
            );
        }
        for (bad, why) in [
            ("", IssuerError::NotAUrl),
            ("login.example.com", IssuerError::NotAUrl),
            ("http://login.example.com", IssuerError::NotHttps),
            ("http://localhost:80@evil.test/", IssuerError::NotHttps),
            ("ftp://127.0.0.1", IssuerError::NotHttps),
            ("http://127.0.0.1.evil.test", IssuerError::NotHttps),
            ("https://a.example/?x=1", IssuerError::Decorated),
            ("https://a.example/#x", IssuerError::Decorated),
            ("https://user@a.example/", IssuerError::Decorated),
        ] {
            assert_eq!(Issuer::parse(bad), Err(why), "{bad}");
        }
    }

    #[test]
    fn one_trailing_slash_is_dropped_before_the_well_known_path() {
        for (issuer, url) in [
            (
                "https://a.example",
                "https://a.example/.well-known/openid-configuration",
            ),
            (
                "https://a.example/",
                "https://a.example/.well-known/openid-configuration",
            ),
            (
                "https://a.example/x/",
                "https://a.example/x/.well-known/openid-configuration",
            ),
        ] {
            assert_eq!(Issuer::parse(issuer).unwrap().configuration_url(), url);
        }
    }

    #[test]
    fn the_well_known_path_of_an_authorization_server_is_between_host_and_path() {
        let well_known = "/.well-known/oauth-authorization-server";
        for (issuer, origin, path) in [
            ("https://a.example", "https://a.example", ""),
            ("https://a.example/", "https://a.example", ""),
            ("https://a.example:8443/x", "https://a.example:8443", "/x"),
            ("https://a.example/x/y/", "https://a.example", "/x/y"),
            ("http://127.0.0.1:9000/x", "http://127.0.0.1:9000", "/x"),
        ] {
            let url = Issuer::parse(issuer).unwrap().authorization_server_url();
            assert_eq!(url, format!("{origin}{well_known}{path}"));
        }
    }

    #[test]
    fn an_endpoint_is_the_url_that_was_checked() {
        let issuer = Issuer::parse("https://op.example").unwrap();
        for (text, url) in [
            (
                "https://op.example/token?a=b",
                Some("https://op.example/token?a=b"),
            ),
            ("https:op.example/token", Some("https://op.example/token")),
            (
                " https:\\\\op.example\\token#x",
                Some("https://op.example/token"),
            ),
            ("https:o", Some("https://o/")),
            (
                "https://bücher.example/",
                Some("https://xn--bcher-kva.example/"),
            ),
            ("https://user@op.example/", None),
            ("http://127.0.0.1/", None),
            ("https://", None),
        ] {
            let found = issuer.endpoint(text);
            assert_eq!(found.as_ref().map(Url::as_str), url, "{text}");
        }
        let loopback = Issuer::parse("http://127.0.0.1:9000").unwrap();
        assert!(
            loopback
                .endpoint("http:\\\\127.0.0.1:9000\\token")
                .is_some()
        );
        assert!(loopback.endpoint("http:op.example").is_none());
        assert!(loopback.endpoint("https:op.example").is_some());
    }
}
