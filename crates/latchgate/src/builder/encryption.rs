//! The encryption of tokens that the client is registered for, and whether there is a key for it.

use crate::config::{Mistakes, Problem};
use crate::jose::{ContentEncryption, DecryptionKey, Encryption, KeyManagement};

/// Which tokens are encrypted, and with which of our keys.
#[derive(Clone, Debug, Default)]
pub(super) struct EncryptedTokens {
    /// Newest first.
    pub(super) keys: Vec<DecryptionKey>,
    pub(super) id_token: Option<(KeyManagement, ContentEncryption)>,
    pub(super) userinfo: Option<(KeyManagement, ContentEncryption)>,
}

impl EncryptedTokens {
    /// What was agreed upon, with the keys for it. Errors are added to `mistakes`.
    pub(super) fn check(self, mistakes: &mut Mistakes) -> AgreedEncryption {
        if self.id_token.is_none() && self.userinfo.is_none() && !self.keys.is_empty() {
            mistakes.add("decryption_key_file", Problem::NothingEncrypted);
        }
        let mut agreed = |algorithms: Option<(KeyManagement, ContentEncryption)>| {
            let (alg, enc) = algorithms?;
            let keys = self.keys.iter().filter(|key| key.fits(alg));
            let keys: Vec<_> = keys.cloned().collect();
            if keys.is_empty() {
                let problem = Problem::NoDecryptionKey { alg };
                mistakes.add("decryption_key_file", problem);
            }
            Some(Encryption { alg, enc, keys })
        };
        AgreedEncryption {
            id_token: agreed(self.id_token),
            userinfo: agreed(self.userinfo),
        }
    }
}

/// What a registration says of encryption.
#[derive(Debug)]
pub(super) struct AgreedEncryption {
    pub(super) id_token: Option<Encryption>,
    pub(super) userinfo: Option<Encryption>,
}
