//! Several providers in one gate: their names, and how a person chooses among them.

use super::{GateBuilder, Provider};
use crate::config::{Mistakes, Problem};
use crate::relying_party::RESERVED_NAME;

/// How long a provider's name may be.
const LONGEST_NAME: usize = 32;

/// How long the text for people may be, in bytes.
const LONGEST_LABEL: usize = 100;

impl Provider {
    /// The provider's name within the gate, required if there are several: 1 to 32 lower-case letters, digits or `-`,
    /// beginning with a letter.
    ///
    /// A provider that has a name has a login path and a redirect URI of its own, `/login/{name}` and
    /// `{base_url}/callback/{name}`. Different redirect URIs are one of the defences against a provider that passes
    /// off another's answer as its own ([RFC 9700 §4.4](https://www.rfc-editor.org/rfc/rfc9700#section-4.4)), so
    /// register each at its own provider only.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The name by which people know this provider, such as `GitHub` or `Corporate account`, for the page where they choose
    /// one. The default is the name. At most 100 bytes.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// A domain whose e-mail addresses this provider signs in: `/login?login_hint=alice@corp.example` leads to the
    /// provider that claims `corp.example`, with the address as `login_hint`. Subdomains are not included. May be called
    /// several times; no two providers of a gate can claim the same domain.
    ///
    /// This decides where people are sent, and says nothing about who they are.
    pub fn email_domain(mut self, domain: impl Into<String>) -> Self {
        self.email_domains.push(domain.into().to_ascii_lowercase());
        self
    }
}

impl GateBuilder {
    /// Adds another provider. Each of several must have a [name](Provider::name).
    ///
    /// ```
    /// use latchgate::{Gate, Provider};
    ///
    /// let staff = Provider::new("https://login.corp.example/", "my-app")
    ///     .client_secret("s3cret")
    ///     .name("corp")
    ///     .label("Corporate account")
    ///     .email_domain("corp.example");
    /// let guests = Provider::new("https://accounts.example.com", "my-client-id")
    ///     .client_secret("another s3cret")
    ///     .name("guests");
    /// let gate = Gate::builder("http://localhost:3000", staff)
    ///     .provider(guests)
    ///     .build()?;
    /// let paths: Vec<_> = gate.providers().map(|provider| provider.login_path()).collect();
    /// assert_eq!(paths, ["/login/corp", "/login/guests"]);
    /// # Ok::<(), latchgate::ConfigError>(())
    /// ```
    ///
    /// `/login`, and every page that requires a login, then shows a page with the providers in this order, unless the
    /// application has its own page ([`sign_in_page`](Self::sign_in_page)). A login that is for one of them from
    /// the start says so: [`LoginOptions::provider`](crate::LoginOptions::provider).
    pub fn provider(mut self, provider: Provider) -> Self {
        self.providers.push(provider);
        self
    }

    /// The application's own page for signing in, relative to the base URL. Somebody who has to sign in is sent there
    /// with `return_to`, which the page adds to its links to the login paths ([`Gate::providers`](crate::Gate::providers)).
    /// `/login` leads there too, if there are several providers, with its other parameters: `remember`, `ui_locales` and
    /// `display`.
    ///
    /// The page itself must not need a login.
    pub fn sign_in_page(mut self, path: impl Into<String>) -> Self {
        self.paths.sign_in_page = Some(path.into());
        self
    }
}

/// Checks the names of a gate's providers, and what must differ among them.
pub(super) fn check(providers: &[Provider], has_tenants: bool, mistakes: &mut Mistakes) {
    for (place, provider) in providers.iter().enumerate() {
        let before = &providers[..place];
        let name = provider.name.as_str();
        let mut wrong = |setting, problem| mistakes.add(of(name, setting), problem);
        let unnamed = name.is_empty() && providers.len() == 1 && !has_tenants;
        if !unnamed && !is_name(name) {
            wrong("name", Problem::ProviderName);
        }
        if before.iter().any(|other| other.name == name) {
            wrong("name", Problem::TwoProviders);
        }
        if before.iter().any(|other| other.issuer == provider.issuer) {
            wrong("issuer", Problem::TwoProviders);
        }
        let label = provider.label.as_deref().unwrap_or("-");
        if label.trim().is_empty() || label.len() > LONGEST_LABEL {
            wrong("label", Problem::Label);
        }
        for domain in &provider.email_domains {
            if !is_domain(domain) {
                wrong("email_domains", Problem::EmailDomain);
            } else if before
                .iter()
                .any(|other| other.email_domains.contains(domain))
            {
                wrong("email_domains", Problem::TwoProviders);
            }
        }
    }
}

/// A setting of the provider with this name, as mistakes call it.
pub(super) fn of(provider: &str, setting: &'static str) -> std::borrow::Cow<'static, str> {
    if provider.is_empty() {
        setting.into()
    } else {
        format!("providers.{provider}.{setting}").into()
    }
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.len() <= LONGEST_NAME
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(plain)
        && name != RESERVED_NAME
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    domain.contains('.') && domain.len() <= 253 && domain.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigError;
    use crate::gate::Gate;

    fn provider(name: &str) -> Provider {
        Provider::new(format!("https://{name}.example"), "my-app")
            .client_secret("s3cret")
            .name(name)
    }

    fn mistakes(first: Provider, others: impl IntoIterator<Item = Provider>) -> Vec<String> {
        let builder = Gate::builder("http://localhost:3000", first);
        let built = others
            .into_iter()
            .fold(builder, GateBuilder::provider)
            .build();
        let error = built.map(|_| ()).unwrap_err();
        error
            .mistakes()
            .map(|mistake| mistake.setting().to_owned())
            .collect()
    }

    #[test]
    fn a_provider_with_a_name_has_paths_of_its_own() {
        let gate = Gate::builder("http://localhost:3000/shop", provider("one"))
            .provider(provider("two-2").label("Number <two>"))
            .build()
            .unwrap();
        let found: Vec<_> = gate
            .providers()
            .map(|one| {
                (
                    one.name(),
                    one.label(),
                    one.login_path(),
                    one.redirect_uri(),
                )
            })
            .collect();
        let paths = |name: &str| {
            (
                format!("/shop/login/{name}"),
                format!("http://localhost:3000/shop/callback/{name}"),
            )
        };
        let ((one, one_uri), (two, two_uri)) = (paths("one"), paths("two-2"));
        let expected = [
            ("one", "one", one, one_uri.as_str()),
            ("two-2", "Number <two>", two, two_uri.as_str()),
        ];
        assert_eq!(found, expected);
        let alone = Provider::new("https://one.example", "my-app").client_secret("s3cret");
        let gate = Gate::builder("http://localhost:3000", alone)
            .build()
            .unwrap();
        let only = gate.providers().next().unwrap();
        assert_eq!((only.name(), only.label()), ("", "https://one.example"));
        assert_eq!(only.login_path(), "/login");
        assert_eq!(only.redirect_uri(), "http://localhost:3000/callback");
    }

    #[test]
    fn names_that_cannot_be_paths_are_refused() {
        let long = "a".repeat(33);
        for name in [
            "", "A", "1", "-a", "a/b", "a.b", "a_b", "\u{e9}", "initiate", &long,
        ] {
            let unnamed = Provider::new("https://x.example", "my-app").client_secret("s");
            let found = mistakes(provider("one"), [unnamed.name(name)]);
            assert_eq!(found.len(), 1, "{name}: {found:?}");
            assert!(found[0].ends_with("name"), "{name}: {found:?}");
        }
    }

    #[test]
    fn no_other_route_is_at_a_path_of_a_provider() {
        for (path, expected) in [
            ("/login/two", &["initiate_login_path"][..]),
            ("/callback/one", &["initiate_login_path"]),
            ("/login/initiate", &[]),
            ("/login/three", &[]),
        ] {
            let builder = Gate::builder("http://localhost:3000", provider("one"))
                .provider(provider("two"))
                .initiate_login_path(path);
            let found = builder.build().map(|_| ()).err();
            let found: Vec<_> = found.iter().flat_map(ConfigError::mistakes).collect();
            let found: Vec<_> = found.iter().map(|mistake| mistake.setting()).collect();
            assert_eq!(found, expected, "{path}");
        }
    }

    #[test]
    fn what_two_providers_share_is_refused() {
        let same_issuer = provider("two").name("three");
        let found = mistakes(provider("one"), [provider("two"), same_issuer]);
        assert_eq!(found, ["providers.three.issuer"]);
        let same_name = Provider::new("https://x.example", "my-app").client_secret("s");
        let found = mistakes(provider("one"), [same_name.name("one")]);
        assert_eq!(found, ["providers.one.name"]);
        let domain = |name| provider(name).email_domain("Corp.example");
        let found = mistakes(domain("one"), [domain("two").email_domain("other.example")]);
        assert_eq!(found, ["providers.two.email_domains"]);
    }

    #[test]
    fn mistakes_name_their_provider() {
        let nameless = Provider::new("", "").name("two");
        let found = mistakes(provider("one").label(" "), [nameless.email_domain("corp")]);
        let expected = [
            "providers.two.issuer",
            "providers.two.client_id",
            "providers.two.client_secret",
            "providers.one.label",
            "providers.two.email_domains",
        ];
        assert_eq!(found, expected);
    }
}
