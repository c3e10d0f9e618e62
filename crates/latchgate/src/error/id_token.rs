//! What is wrong with an ID token.

use crate::token::IdTokenError;

/// The stable code of what is wrong with an ID token.
pub(super) fn code(error: &IdTokenError) -> &'static str {
    match error {
        IdTokenError::Missing => "id_token_missing",
        IdTokenError::Jws(_) => "id_token_signature",
        IdTokenError::Jwe(_) => "id_token_encryption",
        IdTokenError::Type => "id_token_typ",
        IdTokenError::Issuer => "id_token_iss",
        IdTokenError::Audience | IdTokenError::SharedSecretAudience => "id_token_aud",
        IdTokenError::AuthorizedParty => "id_token_azp",
        IdTokenError::Expired => "id_token_exp",
        IdTokenError::IssuedAt => "id_token_iat",
        IdTokenError::NotBefore => "id_token_nbf",
        IdTokenError::Nonce => "id_token_nonce",
        IdTokenError::AuthenticationContext => "id_token_acr",
        IdTokenError::AuthTime => "id_token_auth_time",
        IdTokenError::AnotherPerson => "id_token_another_person",
        IdTokenError::Subject => "id_token_sub",
        IdTokenError::AccessTokenHash => "id_token_at_hash",
        IdTokenError::Refreshed(_) => "id_token_changed",
    }
}
