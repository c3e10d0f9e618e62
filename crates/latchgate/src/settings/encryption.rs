//! Encrypted tokens: the key, and the algorithms that were agreed upon.

use super::reading::{Given as _, Reading};
use crate::builder::Provider;
use crate::config::Problem;
use crate::jose::{ContentEncryption, DecryptionKey, KeyManagement};

impl Reading<'_> {
    /// The provider, with what it encrypts for us.
    pub(super) fn encrypted(&mut self, provider: Provider) -> Provider {
        let key = self.file("decryption_key_file");
        let key = key.and_then(|text| {
            let key = DecryptionKey::read(&text).map_err(Problem::PrivateKey);
            self.mistakes.keep_of("decryption_key_file", key)
        });
        let id_token = self.encryption("id_token_encryption_alg", "id_token_encryption_enc");
        let userinfo = self.encryption("userinfo_encryption_alg", "userinfo_encryption_enc");
        let provider = provider
            .given(
                self.parsed("userinfo_alg", Problem::Algorithm),
                Provider::userinfo_alg,
            )
            .given(key, Provider::decryption_key);
        if self.mistakes.are_about("decryption_key_file") {
            // Told already: nothing else is to be said of what it would decrypt.
            return provider;
        }
        provider
            .given(id_token, |provider, (alg, enc)| {
                provider.id_token_encryption(alg, enc)
            })
            .given(userinfo, |provider, (alg, enc)| {
                provider.userinfo_encryption(alg, enc)
            })
    }

    /// Both algorithms of one kind of token. Without `alg` nothing is encrypted, and there is no `enc`.
    fn encryption(
        &mut self,
        alg_name: &'static str,
        enc_name: &'static str,
    ) -> Option<(KeyManagement, ContentEncryption)> {
        let alg = self.parsed(alg_name, Problem::EncryptionAlgorithm);
        let enc = self.parsed(enc_name, Problem::EncryptionAlgorithm);
        if enc.is_some() && self.text(alg_name).is_none() {
            self.mistakes.add(alg_name, Problem::Missing);
        }
        let is_wrong = self.mistakes.are_about(enc_name);
        alg.filter(|_| !is_wrong)
            .map(|alg| (alg, enc.unwrap_or_default()))
    }
}
