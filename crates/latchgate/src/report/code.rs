//! What is looked at, by stable codes, and why it matters.

use std::fmt;

/// Where the guide is.
const GUIDE: &str = "https://latchgate.github.io/latchgate/guide/";

/// The page of the guide with a section for each code.
const PAGE: &str = "doctor.html";

/// Declares the codes, each with the text that is its own and the reason why it matters.
macro_rules! codes {
    ($($variant:ident, $code:literal, $why:literal;)*) => {
        /// What a [`Finding`](crate::Finding) is about. Its text is stable: scripts and dashboards may go by it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum FindingCode {
            $(
                #[doc = concat!("`", $code, "`: ", $why)]
                $variant,
            )*
        }

        impl FindingCode {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The code, such as `redirect-uri`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }

            /// Why it matters: a sentence.
            #[must_use]
            pub fn why(self) -> &'static str {
                match self {
                    $(Self::$variant => $why,)*
                }
            }
        }
    };
}

codes! {
    SessionKeys, "session-keys", "Session keys seal every session: whoever knows one can sign in as anybody, and without the old ones everybody is signed out.";
    BaseUrl, "base-url", "Redirect URIs and cookies are derived from the base URL, so it has to be what people see in their address bar.";
    ProxyHeaders, "proxy-headers", "After a login the browser comes back to the base URL. A login that began at another host or scheme left its cookie there.";
    BasePath, "base-path", "The gate finds its own routes, such as the callback, by their paths as they arrive.";
    CookieSize, "cookie-size", "Proxies and servers refuse requests and responses whose headers are too long, and browsers drop cookies that are too long.";
    ProviderReachable, "provider-reachable", "While the provider cannot be reached, nobody can sign in and no token can be refreshed.";
    Tls, "tls", "The gate talks to a provider only if its certificate is trusted and matches its name.";
    Issuer, "issuer", "The issuer is compared character by character with the provider's metadata and with every ID token: with a slash too many or too few, every login fails.";
    Metadata, "metadata", "The gate reads from the provider's metadata where to send people and requests.";
    Clock, "clock", "ID tokens are valid for a limited time. If a clock is wrong, good ones are refused.";
    Keys, "keys", "Every ID token is verified with the keys that the provider publishes.";
    PrivateKeys, "private-keys", "Whoever has a private key of the provider can sign in as anybody.";
    IdTokenAlg, "id-token-alg", "An ID token with a signature algorithm other than the configured one is refused.";
    Encryption, "encryption", "Where encrypted tokens were agreed on, a token that is not encrypted, or encrypted otherwise, is refused.";
    ResponseType, "response-type", "Logins use the authorization code flow.";
    ClientAuthMethod, "client-auth-method", "The provider refuses to exchange a code if the client authenticates by a method that it does not support.";
    Pkce, "pkce", "PKCE ties a code to the login that asked for it, so that a stolen code is useless.";
    ResponseMode, "response-mode", "The response mode is how the provider's answer reaches the callback.";
    Scopes, "scopes", "The scope decides which claims and tokens the application gets; some providers refuse a login that asks for a scope they do not know.";
    RefreshTokens, "refresh-tokens", "Without a refresh token, the access token of a session expires after minutes or hours, and is not replaced.";
    ResponseIss, "response-iss", "With `iss` in the provider's answers, they cannot be mistaken for those of another provider (RFC 9207).";
    PushedRequests, "pushed-requests", "A provider that accepts pushed authorization requests only (RFC 9126) refuses all others.";
    SignedRequests, "signed-requests", "A provider that accepts signed authorization requests only (RFC 9101) refuses all others.";
    Dpop, "dpop", "Tokens that are bound to a key (RFC 9449) are useless to a thief; the provider has to support it.";
    SecurityProfile, "security-profile", "A security profile protects only if the provider follows it as well.";
    Userinfo, "userinfo", "The userinfo endpoint has the claims that are not in the ID token.";
    EndSession, "end-session", "At logout the provider's session has to end, too. Otherwise the next click on \"sign in\" signs the same person in again without a password.";
    PostLogout, "post-logout", "After a logout at the provider, people are sent back only to a URI that is registered there.";
    BackChannelLogout, "back-channel-logout", "With back-channel logout the provider ends sessions here when somebody signs out elsewhere or is locked out.";
    FrontChannelLogout, "front-channel-logout", "With front-channel logout a page of the provider ends the session here; browsers that block third-party cookies prevent it.";
    Revocation, "revocation", "At logout refresh tokens are revoked, so that a stolen copy is useless.";
    RedirectUri, "redirect-uri", "The provider sends people back only to a redirect URI that is registered, compared character by character.";
    ClientAuthentication, "client-authentication", "The provider exchanges codes only for a client that proves that it is the registered one.";
    Tenants, "tenants", "Each tenant has a provider of its own.";
    StoreReachable, "store-reachable", "While the store cannot be reached, nobody is signed in.";
    StoreLatency, "store-latency", "Every request with a session waits for one round trip to the store.";
    StoreWrites, "store-writes", "If the store accepts no writes, sessions cannot begin, be refreshed or end.";
    StoreEviction, "store-eviction", "A store that drops records when it is full signs people out, and forgets logouts.";
    StoreDurability, "store-durability", "If a restart loses a session, somebody is signed out; if it loses a logout, a session comes back.";
    StoreSchema, "store-schema", "The store needs its tables.";
    StoreNodes, "store-nodes", "Several nodes need a store that all of them share, with leases, so that only one of them uses a refresh token, and with an index, so that a logout finds its sessions.";
    SharedLogouts, "shared-logouts", "The provider tells one node of a logout. Sessions in cookies end on the other nodes only if they share revocations.";
    TimeLimit, "time-limit", "A check takes half a minute at most.";
}

impl FindingCode {
    /// Where the guide explains it, relative to the guide: `doctor.html#redirect-uri`.
    #[must_use]
    pub fn path(self) -> String {
        format!("{PAGE}#{}", self.as_str())
    }

    /// Where the guide explains it: a URL.
    #[must_use]
    pub fn link(self) -> String {
        format!("{GUIDE}{}", self.path())
    }
}

impl fmt::Display for FindingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_distinct_and_fit_into_links() {
        let codes: BTreeSet<&str> = FindingCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(codes.len(), FindingCode::ALL.len());
        for code in FindingCode::ALL {
            let plain = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(code.as_str().chars().all(plain), "{code}");
            assert!(code.why().ends_with('.'), "{code}");
        }
    }
}
