//! The runs of the FAPI 2.0 modules: how the client proves itself, what its tokens are bound to, and what is signed.

use latchgate::{ClientAuth, ClientKey, Provider, Usage};
use latchgate_dev_provider::{Client, DevProviderBuilder, DpopNonces, JsonObject, SigningAlg};
use latchgate_tests::{Failure, Setup, TlsFront};
use serde_json::json;

use super::suite::{Suite, set};

const KEY: &str =
    include_str!("../../../../crates/latchgate/src/jose/private_key/tests/p256.pkcs8.pem");

/// The name that every key of the suite's set has, whatever its algorithm.
const DECOY: &str = "the name of all keys";

/// How the client proves itself: a plan's `client_auth_type`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ClientAuthType {
    PrivateKeyJwt,
    Mtls,
}

/// What tokens are bound to: a plan's `sender_constrain`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SenderConstrain {
    Dpop,
    Mtls,
}

use ClientAuthType::PrivateKeyJwt;
use SenderConstrain::Dpop;

pub(super) type Variant = (ClientAuthType, SenderConstrain);

/// With certificates for either purpose.
const BY_CERTIFICATE: Variant = (ClientAuthType::Mtls, SenderConstrain::Mtls);
const BY_KEY: Variant = (PrivateKeyJwt, Dpop);
const KEY_AND_CERTIFICATE: Variant = (PrivateKeyJwt, SenderConstrain::Mtls);
const CERTIFICATE_AND_KEY: Variant = (ClientAuthType::Mtls, Dpop);

/// One run of a module.
pub(super) struct Run {
    setup: Setup,
    profile: fn(Provider) -> Provider,
    pub(super) variant: Variant,
    /// What the module wants of the suite.
    alter: fn(DevProviderBuilder) -> DevProviderBuilder,
}

fn runs(setup: &Setup, profile: fn(Provider) -> Provider, variants: &[Variant]) -> Vec<Run> {
    let variants = variants.iter();
    variants
        .map(|&variant| Run {
            setup: setup.clone(),
            profile,
            variant,
            alter: |provider| provider,
        })
        .collect()
}

/// Signed requests and plain answers.
fn signing(provider: Provider) -> Provider {
    provider.fapi2().signed_requests(Usage::Always)
}

/// FAPI 2.0 Security Profile.
pub(super) fn security_profile(setup: Setup) -> Result<Vec<Run>, Failure> {
    Ok(runs(&setup, Provider::fapi2, &[BY_KEY, BY_CERTIFICATE]))
}

/// The same in every variant.
pub(super) fn every_variant(setup: Setup) -> Result<Vec<Run>, Failure> {
    let variants = [
        BY_KEY,
        BY_CERTIFICATE,
        KEY_AND_CERTIFICATE,
        CERTIFICATE_AND_KEY,
    ];
    Ok(runs(&setup, Provider::fapi2, &variants))
}

/// The same with DPoP.
pub(super) fn with_dpop(setup: Setup) -> Result<Vec<Run>, Failure> {
    let variants = [BY_KEY, CERTIFICATE_AND_KEY];
    Ok(runs(&setup, Provider::fapi2, &variants))
}

/// The same with certificates.
pub(super) fn with_certificates(setup: Setup) -> Result<Vec<Run>, Failure> {
    let variants = [BY_CERTIFICATE, KEY_AND_CERTIFICATE, CERTIFICATE_AND_KEY];
    Ok(runs(&setup, Provider::fapi2, &variants))
}

/// FAPI 2.0 Message Signing, with plain answers and with signed ones. The key that signs requests proves the client, too.
pub(super) fn message_signing(setup: Setup) -> Result<Vec<Run>, Failure> {
    let mut all = plain_response(setup.clone())?;
    all.extend(jarm(setup)?);
    Ok(all)
}

/// The same with DPoP.
pub(super) fn message_signing_with_dpop(setup: Setup) -> Result<Vec<Run>, Failure> {
    let mut all = runs(&setup, signing, &[BY_KEY]);
    all.extend(runs(&setup, Provider::fapi2_message_signing, &[BY_KEY]));
    Ok(all)
}

/// The same with certificates.
pub(super) fn message_signing_with_certificates(setup: Setup) -> Result<Vec<Run>, Failure> {
    let mut all = runs(&setup, signing, &[KEY_AND_CERTIFICATE]);
    let signed = Provider::fapi2_message_signing;
    all.extend(runs(&setup, signed, &[KEY_AND_CERTIFICATE]));
    Ok(all)
}

/// Signed requests and plain answers.
pub(super) fn plain_response(setup: Setup) -> Result<Vec<Run>, Failure> {
    Ok(runs(&setup, signing, &[BY_KEY, KEY_AND_CERTIFICATE]))
}

/// Signed requests and signed answers.
pub(super) fn jarm(setup: Setup) -> Result<Vec<Run>, Failure> {
    let variants = [BY_KEY, KEY_AND_CERTIFICATE];
    Ok(runs(&setup, Provider::fapi2_message_signing, &variants))
}

impl Run {
    pub(super) fn provider(self, alter: fn(DevProviderBuilder) -> DevProviderBuilder) -> Self {
        Self { alter, ..self }
    }

    /// A client with a key, a certificate or both, at a provider that demands what FAPI 2.0 does, with a nonce for each proof.
    fn setup(self, front: Option<&TlsFront>) -> Result<Setup, Failure> {
        let (auth, constrain) = self.variant;
        let key = ClientKey::from_pem(KEY)?;
        let jwks = ClientKey::public_jwks([&key]);
        let mut client = Client::with_keys(Client::development().client_id(), jwks);
        let (mut setup, mut certificate) = (self.setup, None);
        if let Some(front) = front {
            let (der, own) = front.issue()?;
            setup = front.before(setup);
            certificate = Some(own);
            if auth == ClientAuthType::Mtls {
                client = Client::with_certificate(Client::development().client_id(), der);
            }
        }
        let client = match constrain {
            Dpop => client.dpop_bound_access_tokens(),
            SenderConstrain::Mtls => client.tls_client_certificate_bound_access_tokens(),
        };
        let (profile, alter) = (self.profile, self.alter);
        let registered = move |registration: Provider| {
            let registration = match auth {
                PrivateKeyJwt => registration.client_key(key.clone()),
                ClientAuthType::Mtls => registration.client_auth(ClientAuth::TlsClientAuth),
            };
            let registration = match certificate.clone() {
                Some(certificate) => registration.client_certificate(certificate),
                None => registration,
            };
            let registration = match constrain {
                Dpop => registration,
                SenderConstrain::Mtls => registration.certificate_bound_tokens(),
            };
            profile(registration).scopes(["openid"])
        };
        let demanding = move |provider: DevProviderBuilder| {
            let provider = provider
                .client(client.clone())
                .issuer_with_slash()
                .id_token_alg(SigningAlg::Ps256)
                .dpop_nonces(DpopNonces::Once)
                .require_pushed_requests();
            alter(provider)
        };
        Ok(setup.provider(demanding).registration(registered))
    }

    /// Starts the suite. All its keys have one name.
    pub(super) async fn start(self) -> Result<Suite, Failure> {
        let with_certificate = self.variant != BY_KEY;
        let front = match with_certificate {
            true => Some(TlsFront::start().await?),
            false => None,
        };
        let mut suite = Suite::start(self.setup(front.as_ref())?).await?;
        if let Some(front) = &front {
            front.lead_to(suite.world.provider.issuer().trim_end_matches('/'));
        }
        suite.front = front;
        suite.world.mischief().on_jwks(|set| {
            for key in set["keys"].as_array_mut().into_iter().flatten() {
                key["kid"] = json!(DECOY);
            }
        });
        on_id_token(&suite, |_| {});
        on_response_jwt(&suite, |_| {});
        Ok(suite)
    }
}

pub(super) fn on_id_token(suite: &Suite, alter: impl Fn(&mut JsonObject) + Send + Sync + 'static) {
    suite.world.mischief().on_id_token(move |header, claims| {
        set(header, "kid", json!(DECOY));
        alter(claims);
    });
}

pub(super) fn on_response_jwt(
    suite: &Suite,
    alter: impl Fn(&mut JsonObject) + Send + Sync + 'static,
) {
    suite
        .world
        .mischief()
        .on_response_jwt(move |header, claims| {
            set(header, "kid", json!(DECOY));
            alter(claims);
        });
}
