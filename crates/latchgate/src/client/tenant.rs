//! Registrations ([RFC 6749 §2](https://www.rfc-editor.org/rfc/rfc6749#section-2)) at the providers of tenants: their ids carry the tenant's name, by which the provider is found again.

use super::registration::{Registration, registration_digest};
use crate::provider::Issuer;

/// Separates the name from the rest of the id. It is in no name, and in no id of another registration.
const SEPARATOR: char = '/';

/// The longest name of a tenant, in bytes: as long as a label of a domain.
const LONGEST_NAME: usize = 63;

/// The id of a registration at the provider of a tenant: the name, and a digest of 128 bits. Whoever gets the name of a tenant
/// that is gone chooses issuer and client id. Of a shorter digest they could find ones with the same, and have the former
/// tenant's sessions, whose refresh tokens would go to their provider.
pub(crate) fn tenant_registration_id(tenant: &str, issuer: &Issuer, client_id: &str) -> String {
    let digest = registration_digest(issuer, client_id);
    let digest = base64_simd::URL_SAFE_NO_PAD.encode_to_string(digest);
    format!("{tenant}{SEPARATOR}{digest}")
}

/// The tenant in the id of a registration, if it is one of a tenant.
pub(crate) fn tenant_of(id: &str) -> Option<&str> {
    id.split_once(SEPARATOR).map(|(tenant, _)| tenant)
}

/// Whether a text may be the name of a tenant: 1 to 63 lower-case letters, digits, `-` and `.`, beginning with a letter or
/// digit. So it can be a segment of a path as it is, and a domain can be one.
pub(crate) fn is_tenant_name(text: &str) -> bool {
    let plain = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.'
    };
    (1..=LONGEST_NAME).contains(&text.len())
        && text.bytes().all(plain)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

impl Registration {
    /// The tenant whose provider this is at.
    pub(crate) fn tenant(&self) -> Option<&str> {
        tenant_of(&self.id)
    }

    /// What the provider of a registration without a name is called where things are counted.
    pub(crate) const MAIN: &str = "main";

    /// The name under which things are counted: as many as the gate has providers, and one for all tenants, who are strangers.
    pub(crate) fn counted_as(&self) -> &str {
        match (self.tenant(), self.name.as_str()) {
            (Some(_), _) => "tenant",
            (None, "") => Self::MAIN,
            (None, name) => name,
        }
    }

    /// In whose name sessions of this registration are ended: its issuer's, unless it is a tenant's. A tenant is not to
    /// end sessions of another by registering at the same issuer, or at one that it only says it is.
    pub(crate) fn authority<'a>(&'a self, issuer: &'a str) -> &'a str {
        match self.tenant() {
            Some(_) => &self.id,
            None => issuer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::registration::registration_id;
    use super::*;

    #[test]
    fn the_id_of_a_tenants_registration_names_the_tenant() {
        let issuer = Issuer::parse("https://op.example").unwrap();
        let id = tenant_registration_id("acme", &issuer, "my-app");
        // Sessions carry it: it may never change.
        assert_eq!(id, "acme/3NP96XrEfC4r2TxmUyV0hg");
        assert_eq!(tenant_of(&id), Some("acme"));
        assert_eq!(tenant_of(&registration_id(&issuer, "my-app")), None);
        let mut registration = Registration::example();
        assert_eq!(
            registration.authority("https://op.example"),
            "https://op.example"
        );
        registration.id = id.clone();
        assert_eq!(registration.authority("https://op.example"), id);
    }

    #[test]
    fn names_are_segments_of_paths() {
        let long = "a".repeat(63);
        for name in ["a", "7", "acme", "acme-2", "acme.example", &long] {
            assert!(is_tenant_name(name), "{name}");
        }
        let longer = "a".repeat(64);
        for name in [
            "", ".", "..", "-a", "A", "a/b", "a_b", "a%2f", "a b", "\u{e9}", &longer,
        ] {
            assert!(!is_tenant_name(name), "{name}");
        }
    }
}
