//! What the settings of a gate mean.

use std::time::Duration;

use super::Settings;
use super::reading::{Given as _, Reading};
use crate::authorization::LoginOptions;
use crate::builder::{GateBuilder, Provider};
use crate::client::SecurityProfile;
use crate::config::{Mistakes, Problem, Setting};
use crate::logout::ClearSiteData;
use crate::seal::SessionKey;

impl Settings {
    /// Starts to build a gate with these settings, for options that exist in code only.
    /// Mistakes in the settings are reported when the gate is built.
    pub fn builder(&self) -> GateBuilder {
        let mut read = self.reading();
        let builder = self
            .begin(&mut read)
            .given(read.session_keys(), GateBuilder::session_keys)
            .given(read.duration("silent_login"), GateBuilder::silent_login)
            .given(
                read.duration("visitor_lifetime"),
                GateBuilder::visitor_lifetime,
            )
            .given(read.word("session_ceiling"), GateBuilder::session_ceiling)
            .given(read.word("remember"), GateBuilder::remember_me)
            .given(read.text("cookie_name"), GateBuilder::cookie_name)
            .when(
                read.is_on("ui_locales_from_browser"),
                GateBuilder::ui_locales_from_browser,
            )
            .given(read.word("base_path"), GateBuilder::base_path)
            .given(read.text("login_path"), GateBuilder::login_path)
            .given(
                read.text("initiate_login_path"),
                GateBuilder::initiate_login_path,
            )
            .given(read.text("callback_path"), GateBuilder::callback_path)
            .when(read.is_on("csrf_protection"), GateBuilder::csrf_protection)
            .given(read.words("trusted_origins"), GateBuilder::trusted_origins)
            .given(read.text("session_path"), GateBuilder::session_path)
            .given(read.words("session_claims"), GateBuilder::session_claims)
            .given(read.text("logout_path"), GateBuilder::logout_path)
            .given(
                read.text("backchannel_logout_path"),
                GateBuilder::back_channel_logout_path,
            )
            .given(
                read.text("frontchannel_logout_path"),
                GateBuilder::front_channel_logout_path,
            )
            .given(
                read.text("after_logout_path"),
                GateBuilder::after_logout_path,
            )
            .given(read.text("sign_in_page"), GateBuilder::sign_in_page)
            .given(read.clear_site_data(), GateBuilder::clear_site_data)
            .given(read.file("ca_file"), GateBuilder::extra_roots)
            .given(read.session_store(&self.stores), GateBuilder::store_opened)
            .given(
                read.shared_store("revocations", &self.stores),
                GateBuilder::revocations_opened,
            )
            .given(self.resource(&mut read), GateBuilder::api);
        let (idle, absolute) = (
            read.duration("session_idle"),
            read.duration("session_absolute"),
        );
        let builder = match read.mistakes.are_about("session_absolute") {
            // Told already: nothing else is to be said of what is shorter.
            true => builder,
            false => builder.session_lifetimes(
                idle.unwrap_or(Duration::from_secs(24 * 3600)),
                absolute.unwrap_or(Duration::from_secs(7 * 24 * 3600)),
            ),
        };
        builder.mistaken(read.mistakes)
    }

    /// A builder with the one provider of these settings, or with each of several.
    fn begin(&self, read: &mut Reading<'_>) -> GateBuilder {
        let base_url = read.text("base_url").unwrap_or_default();
        let mut several = self.providers.iter().map(|(name, values)| {
            let mut own = Reading::new(values, Mistakes::default());
            let provider = own.provider().name(name);
            (provider, own.mistakes.of_provider(name))
        });
        let Some((first, found)) = several.next() else {
            return GateBuilder::new(base_url, read.provider());
        };
        read.mistakes.extend(found);
        let given = self.values.keys().filter(|name| read.text(name).is_some());
        let of_one =
            given.filter(|name| Setting::named(name).is_some_and(Setting::is_of_a_provider));
        for setting in of_one.collect::<Vec<_>>() {
            read.mistakes.add(*setting, Problem::BesideProviders);
        }
        several.fold(
            GateBuilder::new(base_url, first),
            |builder, (provider, found)| {
                read.mistakes.extend(found);
                builder.provider(provider)
            },
        )
    }
}

impl Reading<'_> {
    fn clear_site_data(&mut self) -> Option<Vec<ClearSiteData>> {
        self.read("clear_site_data", |kinds| {
            let accepted = "cache, storage, or both with a comma between them".to_owned();
            ClearSiteData::parse_list(kinds).ok_or(Problem::Word { accepted })
        })
    }

    pub(super) fn session_keys(&mut self) -> Option<Vec<SessionKey>> {
        let key = |(index, key): (usize, &str)| {
            SessionKey::from_base64(key.trim()).map_err(|problem| {
                let position = index + 1;
                Problem::Key { position, problem }
            })
        };
        self.read("session_keys", |keys| {
            keys.split(',').enumerate().map(key).collect()
        })
    }

    pub(super) fn provider(&mut self) -> Provider {
        let provider = self.named_provider();
        let provider = self.authenticated(provider);
        let provider = self.encrypted(provider);
        let provider = match self.word("profile") {
            Some(SecurityProfile::Fapi2) => provider.fapi2(),
            Some(SecurityProfile::Fapi2MessageSigning) => provider.fapi2_message_signing(),
            Some(SecurityProfile::None) | None => provider,
        };
        let parameters = self.pairs("parameters", || Problem::Parameters);
        provider
            .given(self.text("label"), Provider::label)
            .each(self.words("email_domains"), Provider::email_domain)
            .given(self.words("scopes"), Provider::scopes)
            .given(self.text("audience"), Provider::audience)
            .each(self.words("resource"), Provider::resource)
            .each(self.words("trusted_audiences"), Provider::trusted_audience)
            .given(self.word("response_mode"), Provider::response_mode)
            .given(self.word("par"), Provider::par)
            .given(self.word("dpop"), Provider::dpop)
            .when(
                self.is_on("certificate_bound_tokens"),
                Provider::certificate_bound_tokens,
            )
            .given(self.word("signed_requests"), Provider::signed_requests)
            .given(
                self.parsed("id_token_alg", Problem::Algorithm),
                Provider::id_token_alg,
            )
            .given(self.word("userinfo"), Provider::userinfo)
            .given(self.word("preset"), Provider::preset)
            .login_options(self.login_options())
            .given(self.parsed("claims", Problem::Claims), Provider::claims)
            .given(
                self.parsed("authorization_details", Problem::AuthorizationDetails),
                Provider::authorization_details,
            )
            .each(Some(parameters.into_iter()), |provider, (name, value)| {
                provider.parameter(name, value)
            })
            .given(
                self.parsed("role_claim", Problem::ClaimPath),
                Provider::role_claim,
            )
            .given(
                self.parsed("permission_claim", Problem::ClaimPath),
                Provider::permission_claim,
            )
    }

    /// What every login asks for.
    fn login_options(&mut self) -> LoginOptions {
        LoginOptions::new()
            .given(self.word("prompt"), LoginOptions::prompt)
            .given(self.seconds("max_age"), LoginOptions::max_age)
            .given(self.text("acr_values"), LoginOptions::acr_values)
            .given(self.text("ui_locales"), LoginOptions::ui_locales)
    }
}
