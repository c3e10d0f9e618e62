//! An authority that issues certificates for the tests: of servers on loopback, and of clients.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::failure::Failure;

/// An authority of its own.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate of an authority, with its key.
pub struct Issued {
    /// The certificate, in DER.
    pub der: Vec<u8>,
    /// The certificate, in PEM.
    pub pem: String,
    /// Its private key.
    pub key: KeyPair,
}

impl Authority {
    /// A new one.
    ///
    /// # Errors
    /// There is no key.
    pub fn new() -> Result<Self, Failure> {
        let mut params = CertificateParams::new(Vec::new())?;
        named(&mut params, "The authority of the tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ok(Self(CertifiedIssuer::self_signed(
            params,
            KeyPair::generate()?,
        )?))
    }

    /// Its own certificate, in PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Its own certificate, in DER.
    #[must_use]
    pub fn der(&self) -> Vec<u8> {
        self.0.der().to_vec()
    }

    /// A certificate for a name or an address.
    ///
    /// # Errors
    /// There is no key, or it is no such name.
    pub fn issue(&self, name: &str) -> Result<Issued, Failure> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        named(&mut params, name);
        let certificate = params.signed_by(&key, &self.0)?;
        Ok(Issued {
            der: certificate.der().to_vec(),
            pem: certificate.pem(),
            key,
        })
    }
}

/// OpenSSL takes a certificate whose subject is its issuer for one that signed itself.
fn named(params: &mut CertificateParams, name: &str) {
    params.distinguished_name.push(DnType::CommonName, name);
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority")
    }
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issued").finish_non_exhaustive()
    }
}
