//! Why a provider could not be reached, and what to do about it.

use std::error::Error;
use std::io::{self, ErrorKind};

use crate::io::HttpError;
use crate::report::{Finding, FindingCode};

/// Why the provider cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    /// No trusted authority has signed its certificate.
    UntrustedCertificate,
    /// The certificate is for other names.
    OtherName,
    /// The certificate is not valid yet, or has expired.
    CertificateTime,
    /// Something else about TLS.
    Tls,
    /// The name has no address.
    Name,
    /// Nobody listens there.
    Refused,
    /// No answer in time.
    Silence,
    /// The HTTP client may not go there.
    NotPublic,
    /// Anything else.
    Other,
}

/// The finding for a call that got no answer.
pub(super) fn finding(url: &str, error: &HttpError) -> Finding {
    let obstacle = obstacle(error);
    let (code, what, cure) = match obstacle {
        Obstacle::UntrustedCertificate => (
            FindingCode::Tls,
            "the provider's certificate was issued by an authority that this machine does not trust",
            "Set `ca_file` (LATCHGATE_CA_FILE) to a PEM file with the root certificate of its issuer; if a proxy inspects TLS, with the proxy's",
        ),
        Obstacle::OtherName => (
            FindingCode::Tls,
            "the certificate is for a name other than the issuer's",
            "Set `issuer` to a name that is in the certificate, or give the provider a certificate for this one",
        ),
        Obstacle::CertificateTime => (
            FindingCode::Tls,
            "the certificate has expired or is not valid yet",
            "Correct this machine's clock if it is wrong; otherwise the provider needs a new certificate",
        ),
        Obstacle::Tls => (
            FindingCode::Tls,
            "no TLS connection could be made",
            "Make the provider accept TLS 1.2 or 1.3 at this port; on loopback, `issuer` may begin with `http://`",
        ),
        Obstacle::Name => (
            FindingCode::ProviderReachable,
            "the name has no address",
            "Correct the host in `issuer`, or add the name to the DNS that this machine uses",
        ),
        Obstacle::Refused => (
            FindingCode::ProviderReachable,
            "nothing is listening there",
            "Start the provider, or set `issuer` to the host and port where it is; from a container, `localhost` is the container",
        ),
        Obstacle::Silence => (
            FindingCode::ProviderReachable,
            "there was no answer in ten seconds",
            "Allow this machine to reach the provider: a firewall or egress rule drops the packets; `HTTPS_PROXY` is not used",
        ),
        Obstacle::NotPublic => (
            FindingCode::ProviderReachable,
            "providers of tenants are called over https at public addresses only",
            "Give the provider a public address, or give the gate your own HTTP client",
        ),
        Obstacle::Other => (
            FindingCode::ProviderReachable,
            "the call failed",
            "See the cause",
        ),
    };
    let what = format!("`{url}` cannot be reached: {what} ({error:?})");
    code.mistake(what, cure)
}

fn obstacle(error: &HttpError) -> Obstacle {
    match error {
        HttpError::Timeout => return Obstacle::Silence,
        HttpError::NotPublic => return Obstacle::NotPublic,
        HttpError::At { error, .. } => return obstacle(error),
        _ => {}
    }
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        match kind {
            Some(ErrorKind::ConnectionRefused) => return Obstacle::Refused,
            Some(ErrorKind::TimedOut) => return Obstacle::Silence,
            _ => {}
        }
        if let Some(obstacle) = told(&error.to_string()) {
            return obstacle;
        }
        cause = error.source();
    }
    Obstacle::Other
}

/// The reason, by the text of an error: TLS and DNS errors have no type that all HTTP clients share.
fn told(text: &str) -> Option<Obstacle> {
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["certificate"]) {
        return Some(if says(&["NotValidForName", "not valid for name"]) {
            Obstacle::OtherName
        } else if says(&["Expired", "NotValidYet", "expired", "not valid yet"]) {
            Obstacle::CertificateTime
        } else {
            Obstacle::UntrustedCertificate
        });
    }
    if says(&["dns error", "failed to lookup address"]) {
        return Some(Obstacle::Name);
    }
    let tls = [
        "InvalidContentType",
        "corrupt message",
        "handshake",
        "received fatal alert",
        "unexpected EOF",
        "close_notify",
    ];
    says(&tls).then_some(Obstacle::Tls)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Severity;

    fn of(text: &str) -> Obstacle {
        let cause = io::Error::other(text.to_owned());
        obstacle(&HttpError::Transport(cause.into()).at("https://op.example/".to_owned()))
    }

    #[test]
    fn obstacles_are_told_apart() {
        for (text, expected) in [
            (
                "invalid peer certificate: UnknownIssuer",
                Obstacle::UntrustedCertificate,
            ),
            (
                "invalid peer certificate: certificate not valid for name \"a\"; certificate is only valid for b",
                Obstacle::OtherName,
            ),
            (
                "invalid peer certificate: certificate expired: verification time 2 (UNIX)",
                Obstacle::CertificateTime,
            ),
            (
                "received corrupt message of type InvalidContentType",
                Obstacle::Tls,
            ),
            ("dns error", Obstacle::Name),
            ("the moon is in the way", Obstacle::Other),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
        let refused = HttpError::Transport(io::Error::from(ErrorKind::ConnectionRefused).into());
        assert_eq!(obstacle(&refused), Obstacle::Refused);
        assert_eq!(obstacle(&HttpError::Timeout), Obstacle::Silence);
    }

    #[test]
    fn an_untrusted_certificate_has_the_setting_for_it() {
        let cause = io::Error::other("invalid peer certificate: UnknownIssuer");
        let error = HttpError::Transport(cause.into());
        let finding = finding(
            "https://op.example/.well-known/openid-configuration",
            &error,
        );
        assert_eq!(
            (finding.code(), finding.severity()),
            (FindingCode::Tls, Severity::Mistake)
        );
        assert!(finding.cure().unwrap().contains("LATCHGATE_CA_FILE"));
        assert!(finding.what().contains("UnknownIssuer"), "{finding}");
    }
}
