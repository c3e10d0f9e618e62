//! Whether the client can authenticate as it is configured to.

use crate::client::ClientAuth;
use crate::config::{Mistakes, Problem};
use crate::jose::Algorithm;

/// The method as it will be used, with the agreed algorithm. Errors are added to `mistakes`.
pub(super) fn client_auth(
    auth: Option<ClientAuth>,
    alg: Option<Algorithm>,
    mistakes: &mut Mistakes,
) -> Option<ClientAuth> {
    let auth = auth.ok_or(Problem::NoClientAuth);
    let mut auth = mistakes.keep_of("client_secret", auth)?;
    let secret = auth.secret().map(|secret| secret.expose());
    if secret.is_some_and(|secret| secret.trim().is_empty()) {
        mistakes.add("client_secret", Problem::Missing);
    }
    let unfit = |alg| Problem::UnfitAlgorithm { alg };
    match (&mut auth, alg) {
        (ClientAuth::PrivateKeyJwt(_), None) => {}
        (ClientAuth::PrivateKeyJwt(key), Some(alg)) => {
            let agreed = key.clone().algorithm(alg).map_err(|_| unfit(alg));
            let agreed = mistakes.keep_of("client_auth_alg", agreed);
            *key = agreed.unwrap_or_else(|| key.clone());
        }
        (ClientAuth::ClientSecretJwt(secret), alg) => {
            let alg = alg.unwrap_or(Algorithm::Hs256);
            let bytes = alg.digest().output_len();
            if !alg.is_symmetric() {
                mistakes.add("client_auth_alg", unfit(alg));
            } else if secret.expose().len() < bytes {
                let problem = Problem::ShortSecret { alg, bytes };
                mistakes.add("client_secret", problem);
            }
        }
        (ClientAuth::AppleClientSecret { team_id, key }, None) => {
            if team_id.trim().is_empty() {
                mistakes.add("apple_team_id", Problem::Missing);
            }
            let alg = Algorithm::Es256;
            let agreed = key.clone().algorithm(alg).map_err(|_| unfit(alg));
            let agreed = mistakes.keep_of("client_key_file", agreed);
            *key = agreed.unwrap_or_else(|| key.clone());
        }
        (_, None) => {}
        (_, Some(_)) => {
            let method = auth.method();
            let problem = Problem::WithoutUse { method };
            mistakes.add("client_auth_alg", problem);
        }
    }
    Some(auth)
}
