//! The OpenID Foundation's conformance suite for relying parties, module by module: each scenario does to the application
//! what the module of its name does, with the development provider in the suite's place.
//!
//! The suite can tell that a relying party refuses only by its silence, so one that crashed would pass. The scenarios
//! look at the answer, the session and the log as well. `tests/conformance.toml` has a row for every module of every
//! plan; `tidy` compares it with these files.

/// Makes a scenario of each module, named like it, from `body`: one run for each setup that the profile makes.
macro_rules! plan {
    ($profile:path: $($module:ident => $body:path),+ $(,)?) => {
        latchgate_tests::scenarios!($($module),+);
        $(async fn $module(setup: Setup) -> Result<(), Failure> {
            for setup in $profile(setup)? {
                $body(setup).await?;
            }
            Ok(())
        })+
    };
}

mod back_channel_logout;
mod basic;
mod config;
mod fapi2;
mod fapi2_message_signing;
mod fapi2_security_profile;
mod form_post;
mod front_channel_logout;
mod refresh_token;
mod rp_initiated_logout;
mod runs;
mod suite;
mod third_party_login;
