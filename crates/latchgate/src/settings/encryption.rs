//! Encrypted tokens: the key, and the algorithms that were agreed upon.

use super::Settings;
use crate::builder::Provider;
use crate::config::{Mistake, Mistakes, Problem};
use crate::jose::{ContentEncryption, DecryptionKey, KeyManagement};

impl Settings {
    /// The provider, with what it encrypts for us.
    pub(super) fn encrypted(&self, mut provider: Provider, mistakes: &mut Mistakes) -> Provider {
        let userinfo = self.get("userinfo_alg").map(str::parse).transpose();
        let userinfo =
            userinfo.map_err(|problem| Mistake::new("userinfo_alg", Problem::Algorithm(problem)));
        if let Some(Some(alg)) = mistakes.keep(userinfo) {
            provider = provider.userinfo_alg(alg);
        }
        let key = mistakes.keep(self.decryption_key());
        if let Some(Some(key)) = &key {
            provider = provider.decryption_key(key.clone());
        }
        let id_token = self.encryption("id_token_encryption_alg", "id_token_encryption_enc");
        let userinfo = self.encryption("userinfo_encryption_alg", "userinfo_encryption_enc");
        let (id_token, userinfo) = (mistakes.keep(id_token), mistakes.keep(userinfo));
        if key.is_none() {
            // Told already: nothing else is to be said of what it would decrypt.
            return provider;
        }
        if let Some(Some((alg, enc))) = id_token {
            provider = provider.id_token_encryption(alg, enc);
        }
        if let Some(Some((alg, enc))) = userinfo {
            provider = provider.userinfo_encryption(alg, enc);
        }
        provider
    }

    fn decryption_key(&self) -> Result<Option<DecryptionKey>, Mistake> {
        let name = "decryption_key_file";
        let Some(path) = self.get(name) else {
            return Ok(None);
        };
        let text =
            std::fs::read(path).map_err(|problem| Mistake::new(name, Problem::File(problem)))?;
        let key = DecryptionKey::read(&text);
        let key = key.map_err(|problem| Mistake::new(name, Problem::PrivateKey(problem)))?;
        Ok(Some(key))
    }

    /// Both algorithms of one kind of token. Without `alg` nothing is encrypted, and there is no `enc`.
    fn encryption(
        &self,
        alg_name: &'static str,
        enc_name: &'static str,
    ) -> Result<Option<(KeyManagement, ContentEncryption)>, Mistake> {
        let wrong = |name| move |problem| Mistake::new(name, Problem::EncryptionAlgorithm(problem));
        let alg = self.get(alg_name).map(str::parse).transpose();
        let enc = self.get(enc_name).map(str::parse).transpose();
        match (alg.map_err(wrong(alg_name))?, enc.map_err(wrong(enc_name))?) {
            (Some(alg), enc) => Ok(Some((alg, enc.unwrap_or_default()))),
            (None, None) => Ok(None),
            (None, Some(_)) => Err(Mistake::new(alg_name, Problem::Missing)),
        }
    }
}
