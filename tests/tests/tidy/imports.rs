//! Imports point back in the story: the rooms of the core, in order, and who may open whose door.

use crate::source::{Finding, Source};

/// The rooms of `crates/latchgate/src`, and how late in the story each comes. A room may import earlier ones only.
const ROOMS: &[(&str, u8)] = &[
    // 0: tools. They know nothing of ours, each other included; how a request is read comes in two steps.
    ("causes", 0),
    ("debug", 0),
    ("io", 0),
    ("jose", 0),
    ("cookie", 0),
    ("expiring_map", 0),
    ("seal", 0),
    ("return_to", 0),
    ("head", 0),
    ("report", 0),
    ("telemetry", 0),
    ("navigation", 1),
    ("background", 1),
    // 1: the two sides.
    ("provider", 10),
    ("client", 11),
    // 2: the login, message by message.
    ("authorization", 20),
    ("token", 21),
    ("userinfo", 22),
    ("resource", 22),
    ("session", 23),
    ("store", 24),
    ("logout", 25),
    // What the application keeps for visitors, what it says, and the sum of the errors.
    ("visitor", 26),
    ("hook", 27),
    ("guard", 28),
    ("error", 29),
    // 3: what awaits: we towards a provider, and all sessions. Neither knows the other. Then who judges access tokens.
    ("relying_party", 30),
    ("sessions", 30),
    ("resource_server", 31),
    // 4: one request, and its answer.
    ("request_session", 40),
    ("gate", 41),
    // 5: what makes a gate.
    ("config", 50),
    ("builder", 51),
    ("settings", 52),
];

/// The rooms that make a gate, and so must know what it is made of.
const MAKERS: &[&str] = &["builder", "settings"];

pub(crate) const CORE: &str = "crates/latchgate/src/";

/// The rooms of `crates/latchgate-dev-provider/src`, in the same way.
const DEV_PROVIDER_ROOMS: &[(&str, u8)] = &[
    // 0: tools.
    ("causes", 0),
    ("confirmation", 0),
    ("journal", 0),
    ("jwe", 0),
    ("jws", 0),
    ("loopback", 0),
    ("parameters", 0),
    ("scope", 0),
    ("server", 0),
    ("world", 0),
    // 1: who there is, and what they were told and granted.
    ("keys", 10),
    ("person", 10),
    ("token_error", 10),
    ("client", 11),
    ("grants", 11),
    ("session", 11),
    ("settings", 11),
    ("authorization_request", 12),
    ("dpop", 12),
    ("mischief", 12),
    ("pushed_requests", 12),
    ("request_object", 12),
    ("used_assertions", 12),
    // 2: all of it in one place, which knows no endpoint.
    ("provider", 20),
    // 3: the endpoints, and what they share.
    ("backchannel_logout", 30),
    ("client_assertion", 30),
    ("client_certificate", 30),
    ("client_authentication", 31),
    ("frontchannel_logout", 30),
    ("pages", 30),
    ("discovery", 31),
    ("introspection", 31),
    ("pushed_authorization", 31),
    ("revocation", 31),
    ("token", 31),
    ("userinfo", 31),
    ("authorization", 32),
    ("end_session", 32),
    // 4: the provider that somebody starts.
    ("routes", 40),
    ("dev_provider", 41),
];

/// The rooms of each crate that has some.
const HOUSES: &[(&str, &[(&str, u8)])] = &[
    (CORE, ROOMS),
    ("crates/latchgate-dev-provider/src/", DEV_PROVIDER_ROOMS),
];

/// The crates that use the core, and the module of it that is made for each, besides the root.
const OUTSIDE: &[(&str, &str)] = &[
    ("crates/latchgate-tower/", "adapter"),
    ("crates/latchgate-actix/", "adapter"),
    ("crates/latchgate-reqwest/", "adapter"),
    ("crates/latchgate-proxy/", "adapter"),
    ("crates/latchgate-redis/", "store"),
    ("crates/latchgate-postgres/", "store"),
    ("crates/latchgate-tower-sessions/", "store"),
    ("crates/latchgate-store-contract/", "store"),
    ("crates/latchgate-test/", "testing"),
];

/// A room imports only rooms that come before it.
pub(crate) fn between_rooms(source: &Source) -> Vec<Finding> {
    let house = HOUSES
        .iter()
        .find_map(|(house, rooms)| Some((source.path.strip_prefix(house)?, *rooms)));
    let Some((path, rooms)) = house.filter(|(path, _)| *path != "lib.rs") else {
        return Vec::new();
    };
    let modules = modules(path);
    let room = modules[0];
    let Some(level) = level(rooms, room) else {
        return vec![source.finding(
            1,
            format!(
                "`{room}` is no room of the story: give it a place among the rooms ({})",
                file!()
            ),
        )];
    };
    let mut findings = Vec::new();
    for (line, target) in targets(source, modules.len()) {
        if target == room {
            continue;
        }
        let message = match self::level(rooms, &target) {
            None => format!(
                "`crate::{target}` is no room: import from the room it lives in (`crate::<room>::{target}`)"
            ),
            Some(_) if target == "gate" && !MAKERS.contains(&room) => {
                "nobody but its makers imports `gate`: move what you need to the room it belongs to"
                    .to_owned()
            }
            Some(earlier) if earlier < level => continue,
            Some(_) => format!(
                "`{room}` may not import `{target}`, which does not come before it: take it as an argument, or move it to an earlier room"
            ),
        };
        findings.push(source.finding(line, message));
    }
    findings
}

/// An adapter uses the core's root and `latchgate::adapter`, a store the root and `latchgate::store`.
pub(crate) fn of_adapters(source: &Source) -> Vec<Finding> {
    let outside = OUTSIDE
        .iter()
        .find(|(name, _)| source.path.starts_with(name));
    let Some((_, door)) = outside else {
        return Vec::new();
    };
    let code: Vec<(usize, String)> = source.code_before_tests();
    let text = code
        .iter()
        .map(|(_, line)| line.as_str())
        .collect::<Vec<_>>()
        .join("\n");
    let behind = |path: &str| match path.split_once("::") {
        Some((module, _)) => module != *door && module.starts_with(char::is_lowercase),
        None => false,
    };
    paths_under(&text, "latchgate")
        .into_iter()
        .filter(|(_, path)| behind(path))
        .map(|(line, path)| source.finding(line, format!("`latchgate::{path}`: this crate uses the root of `latchgate` and `latchgate::{door}` only: `pub use` it there in crates/latchgate/src/lib.rs")))
        .collect()
}

fn level(rooms: &[(&str, u8)], room: &str) -> Option<u8> {
    rooms
        .iter()
        .find(|(name, _)| *name == room)
        .map(|(_, level)| *level)
}

/// The room of a file, by its path inside of the core.
pub(crate) fn room(path: &str) -> &str {
    modules(path)[0]
}

/// `token/id_token/mod.rs` is `token`, `id_token`.
pub(crate) fn modules(path: &str) -> Vec<&str> {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    path.strip_suffix("/mod")
        .unwrap_or(path)
        .split('/')
        .collect()
}

/// The first step of every path from the crate's root: by `crate::`, or by as many `super::` as the file is deep.
fn targets(source: &Source, depth: usize) -> Vec<(usize, String)> {
    let code: Vec<String> = source
        .code_before_tests()
        .into_iter()
        .map(|(_, line)| line)
        .collect();
    let text = code.join("\n");
    let up = vec!["super"; depth].join("::");
    let mut found = paths_under(&text, "crate");
    // `super::super::x` names `x` at the root only where it does not go on from a longer chain.
    found.extend(
        paths_under(&text, &up)
            .into_iter()
            .filter(|(_, path)| path != "super"),
    );
    found
        .into_iter()
        .map(|(line, path)| (line, path.split("::").next().unwrap_or_default().to_owned()))
        .collect()
}

/// What follows `start::` in a code, with its line: one path, or each branch of a `{…}` group.
pub(crate) fn paths_under(code: &str, start: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let prefix = format!("{start}::");
    for (at, _) in code.match_indices(&prefix) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '$'))
            && !code[..at].ends_with(" ::")
        {
            continue;
        }
        let line = 1 + code[..at].matches('\n').count();
        let rest = &code[at + prefix.len()..];
        match rest.strip_prefix('{') {
            Some(group) => found.extend(branches(group).into_iter().map(|path| (line, path))),
            None => found.push((line, path(rest))),
        }
    }
    found
}

/// The paths of a group, up to its closing brace; a nested group counts as one branch.
fn branches(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut branches = vec![String::new()];
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                branches.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(branch) = branches.last_mut() {
            branch.push(c);
        }
    }
    branches
        .iter()
        .map(|branch| path(branch.trim()))
        .filter(|path| !path.is_empty())
        .collect()
}

fn path(text: &str) -> String {
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ':')))
        .unwrap_or(text.len());
    text[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, text: &str) -> Vec<String> {
        let source = Source::new(&format!("{CORE}{path}"), text);
        between_rooms(&source)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn earlier_rooms_may_be_imported() {
        let text = "use crate::authorization::VerifiedCode;\nuse crate::{jose::Keys, provider};\nuse super::request::X;\nuse crate::token::Y;";
        assert_eq!(messages("token/response.rs", text), Vec::<String>::new());
        assert_eq!(
            messages("settings.rs", "use crate::builder::Builder;"),
            Vec::<String>::new()
        );
        assert_eq!(
            messages(
                "jose/keys.rs",
                "/// [`crate::gate::Gate`]\n#[cfg(test)]\nuse crate::gate::Gate;"
            ),
            Vec::<String>::new()
        );
        assert_eq!(
            messages("lib.rs", "pub use crate::gate::Gate;"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn later_rooms_and_neighbours_may_not() {
        for (path, text) in [
            ("jose/keys.rs", "\nuse crate::token::IdToken;"),
            ("jose/keys.rs", "\nuse crate::seal::Seal;"),
            ("provider/mod.rs", "\nuse crate::client::Client;"),
            (
                "authorization/request.rs",
                "\nuse crate::{jose::Keys, session::{Session}};",
            ),
            (
                "logout/rp_initiated.rs",
                "\nlet x = crate::sessions::begin();",
            ),
            ("token/request.rs", "\nuse super::super::session::Session;"),
            ("guard.rs", "\nuse crate::gate::Gate;"),
            ("guard.rs", "\nuse crate::error::Error;"),
            ("hook/mod.rs", "\nuse crate::error::Error;"),
            ("config/mistake.rs", "\nuse crate::gate::Gate;"),
            ("config/mistake.rs", "\nuse crate::builder::Provider;"),
            ("builder/mod.rs", "\nuse crate::settings::Settings;"),
            ("error.rs", "\nuse super::gate::Gate;"),
            ("token/request.rs", "\nuse crate::User;"),
        ] {
            let found = messages(path, text);
            assert_eq!(found.len(), 1, "{path} {text}: {found:?}");
            assert!(
                found[0].starts_with(&format!("{CORE}{path}:2: ")),
                "{found:?}"
            );
        }
    }

    #[test]
    fn the_dev_provider_has_rooms_too() {
        let found = |path: &str, text: &str| {
            let path = format!("crates/latchgate-dev-provider/src/{path}");
            between_rooms(&Source::new(&path, text)).len()
        };
        assert_eq!(
            found("token/endpoint.rs", "use crate::provider::Provider;"),
            0
        );
        assert_eq!(found("provider.rs", "use crate::token::token;"), 1);
        assert_eq!(found("attic.rs", ""), 1);
    }

    #[test]
    fn a_new_room_needs_a_place() {
        assert_eq!(messages("attic.rs", "").len(), 1);
    }

    #[test]
    fn adapters_stay_outside() {
        let check = |text: &str| {
            of_adapters(&Source::new("crates/latchgate-tower/src/layer.rs", text)).len()
        };
        let of_a_store = |text: &str| {
            of_adapters(&Source::new("crates/latchgate-redis/src/store.rs", text)).len()
        };
        assert_eq!(check("use latchgate::adapter::{Pass, RequestSession};"), 0);
        assert_eq!(check("use latchgate::store::SessionStore;"), 1);
        assert_eq!(
            of_a_store("use latchgate::store::{Lease, SessionStore};"),
            0
        );
        assert_eq!(
            of_a_store("use latchgate::{MemoryStore, adapter::RequestSession};"),
            1
        );
        assert_eq!(
            check(
                "pub use latchgate::*;\nuse latchgate::{Gate, User};\nlatchgate::Gate::from_env();\nuse latchgate_tower::a::b;"
            ),
            0
        );
        assert_eq!(check("use latchgate::session::Session;"), 1);
        assert_eq!(check("use latchgate::{Gate, token::{AccessToken, X}};"), 1);
    }
}
