//! Several providers, from tables and from variables.

use super::*;

const BASE: [(&str, &str); 2] = [
    ("LATCHGATE_BASE_URL", "https://app.example.com"),
    ("LATCHGATE_SESSION_KEYS", KEY),
];

fn from_variables(variables: &[(&str, &str)]) -> Result<Gate, ConfigError> {
    let all = BASE.iter().chain(variables);
    let os = all.map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Settings::from_variables(os).build()
}

fn from_tables(tables: &str) -> Result<Gate, ConfigError> {
    let table = format!("base_url = 'https://app.example.com'\nsession_keys = '{KEY}'\n{tables}");
    Gate::from_toml(&table)
}

/// Name, label, issuer, client id and redirect URI of each provider.
fn providers(gate: &Gate) -> Vec<[String; 4]> {
    let each = gate.providers().map(|one| {
        let uri = one.redirect_uri().to_owned();
        [one.name(), one.label(), one.issuer(), &uri].map(str::to_owned)
    });
    each.collect()
}

fn mistakes(built: Result<Gate, ConfigError>) -> Vec<(String, String)> {
    let error = built.map(|_| ()).unwrap_err();
    let told = |mistake: &Mistake| (mistake.setting().to_owned(), mistake.to_string());
    error.mistakes().map(told).collect()
}

const TABLES: &str = "
    [providers.staff]
    issuer = 'https://login.corp.example/'
    client_id = 'my-app'
    client_secret = 'one'
    label = 'Corporate account'
    email_domains = ['corp.example', 'Corp.test']
    max_age = 300

    [providers.guests]
    issuer = 'https://accounts.example.com'
    client_id = 'guests'
    client_auth = 'none'
";

#[test]
fn tables_make_providers_in_their_order() {
    let gate = from_tables(TABLES).unwrap();
    let staff = "https://app.example.com/callback/staff";
    let guests = "https://app.example.com/callback/guests";
    assert_eq!(
        providers(&gate),
        [
            [
                "staff",
                "Corporate account",
                "https://login.corp.example/",
                staff
            ],
            ["guests", "guests", "https://accounts.example.com", guests],
        ]
    );
    let parties: Vec<_> = gate.0.context.relying_parties.iter().collect();
    assert_eq!(
        parties[0].registration().email_domains,
        ["corp.example", "corp.test"]
    );
    assert_eq!(parties[0].every_login().max_age, Some(300));
    assert_eq!(parties[1].every_login().max_age, None);
    assert_eq!(parties[1].registration().auth, ClientAuth::None);
}

#[test]
fn the_page_to_choose_at_may_be_the_applications() {
    let page = |tables: &str| {
        let gate = from_tables(tables).unwrap();
        gate.0.routes.sign_in_page.clone()
    };
    assert_eq!(page(TABLES), None);
    let own = format!("sign_in_page = '/choose'\n{TABLES}");
    assert_eq!(page(&own).as_deref(), Some("/choose"));
}

#[test]
fn variables_make_providers_in_the_order_of_the_list() {
    let gate = from_variables(&[
        ("LATCHGATE_PROVIDERS", "my-own, my"),
        ("LATCHGATE_PROVIDER_MY_ISSUER", "https://my.example"),
        ("LATCHGATE_PROVIDER_MY_CLIENT_ID", "a"),
        ("LATCHGATE_PROVIDER_MY_CLIENT_SECRET", "s"),
        ("LATCHGATE_PROVIDER_MY_OWN_ISSUER", "https://own.example"),
        ("LATCHGATE_PROVIDER_MY_OWN_CLIENT_ID", "b"),
        ("LATCHGATE_PROVIDER_MY_OWN_CLIENT_SECRET", "s"),
        ("LATCHGATE_PROVIDER_MY_OWN_LABEL", "Our own"),
    ]);
    let found = providers(&gate.unwrap());
    let found: Vec<_> = found
        .iter()
        .map(|one| [&*one[0], &*one[1], &*one[2]])
        .collect();
    let expected = [
        ["my-own", "Our own", "https://own.example"],
        ["my", "my", "https://my.example"],
    ];
    assert_eq!(found, expected);
}

#[test]
fn variables_override_tables_provider_by_provider() {
    let table = format!("base_url = 'https://app.example.com'\nsession_keys = '{KEY}'\n{TABLES}");
    let variables = [
        ("LATCHGATE_PROVIDERS", "guests"),
        ("LATCHGATE_PROVIDER_GUESTS_LABEL", "Guests"),
        ("LATCHGATE_PROVIDER_GUESTS_ISSUER", " "),
    ];
    let os = variables.map(|(name, value)| (name.into(), value.into()));
    let env = Settings::from_variables(os);
    let mut settings = Settings::from_toml(&table);
    settings.override_providers(env.providers);
    let found = providers(&settings.build().unwrap());
    assert_eq!((found[0][0].as_str(), found.len()), ("staff", 2));
    assert_eq!(found[1][1..3], ["Guests", "https://accounts.example.com"]);
}

#[test]
fn each_provider_sees_the_certificate_that_it_knows() {
    let gate = from_variables(&[
        ("LATCHGATE_PROVIDERS", "bank, guests"),
        ("LATCHGATE_PROVIDER_BANK_ISSUER", "https://bank.example"),
        ("LATCHGATE_PROVIDER_BANK_CLIENT_ID", "a"),
        ("LATCHGATE_PROVIDER_BANK_CLIENT_AUTH", "tls_client_auth"),
        (
            "LATCHGATE_PROVIDER_BANK_CLIENT_CERT_FILE",
            "src/settings/tests/client.cert.pem",
        ),
        (
            "LATCHGATE_PROVIDER_BANK_CLIENT_KEY_FILE",
            "src/jose/private_key/tests/p256.pkcs8.pem",
        ),
        ("LATCHGATE_PROVIDER_GUESTS_ISSUER", "https://guests.example"),
        ("LATCHGATE_PROVIDER_GUESTS_CLIENT_ID", "b"),
        ("LATCHGATE_PROVIDER_GUESTS_CLIENT_SECRET", "s"),
    ]);
    let gate = gate.unwrap();
    let parties = gate.0.context.relying_parties.iter();
    let presented: Vec<_> = parties
        .map(|party| party.registration().certificate.is_some())
        .collect();
    assert_eq!(presented, [true, false]);
}

#[test]
fn mistakes_name_the_provider_and_the_variable() {
    for (tables, setting, said) in [
        (
            "[providers.a]\nclient_id = 'x'\nclient_secret = 's'",
            "providers.a.issuer",
            "(LATCHGATE_PROVIDER_A_ISSUER) is required",
        ),
        (
            "[providers.a]\nissuer = 'https://a.example'\nclient_id = 'x'\nclient_secret = 's'\nuserinfo = 'maybe'",
            "providers.a.userinfo",
            "is not one of: true, false",
        ),
        (
            "[providers.a]\nissuer = 'https://a.example'\nclient_id = 'x'\nclient_secret = 's'\nclient_ids = 'y'",
            "providers.a.client_ids",
            "did you mean `client_id`?",
        ),
        (
            "[providers.a]\nissuer = 'https://a.example'\nclient_id = 'x'\nclient_secret = 's'\nstore = 'memory'",
            "providers.a.store",
            "is not a setting of latchgate",
        ),
        (
            "[providers.a]\nissuer = 'https://a.example'\nclient_id = 'x'\nclient_auth = 'tls_client_auth'",
            "providers.a.client_cert_file",
            "(LATCHGATE_PROVIDER_A_CLIENT_CERT_FILE) is required because the client authenticates by its certificate",
        ),
        (
            "providers = 'a,b'",
            "providers",
            "a table for each provider",
        ),
        (
            "client_id = 'x'\n[providers.a]\nissuer = 'https://a.example'\nclient_id = 'x'\nclient_secret = 's'",
            "client_id",
            "is set beside `providers`",
        ),
        (
            "[providers.A_b]\nissuer = 'https://a.example'\nclient_id = 'x'\nclient_secret = 's'",
            "providers.A_b.name",
            "is not a name for one of several providers",
        ),
    ] {
        let found = mistakes(from_tables(tables));
        let about = found.iter().find(|(found, _)| found == setting);
        assert!(
            about.is_some_and(|(_, told)| told.contains(said)),
            "{tables}: {found:?}"
        );
    }
}

#[test]
fn variables_of_nobody_are_mistakes() {
    let good = [
        ("LATCHGATE_PROVIDERS", "a"),
        ("LATCHGATE_PROVIDER_A_ISSUER", "https://a.example"),
        ("LATCHGATE_PROVIDER_A_CLIENT_ID", "x"),
        ("LATCHGATE_PROVIDER_A_CLIENT_SECRET", "s"),
    ];
    assert!(from_variables(&good).is_ok());
    for (variable, said) in [
        (
            "LATCHGATE_PROVIDER_B_CLIENT_ID",
            "belongs to no provider in LATCHGATE_PROVIDERS",
        ),
        (
            "LATCHGATE_PROVIDER_A_CLIENT_IDS",
            "did you mean `LATCHGATE_PROVIDER_A_CLIENT_ID`?",
        ),
        ("LATCHGATE_PROVIDER_A_STORE", "is not a setting"),
        ("LATCHGATE_PROVIDER_", "is not a setting"),
    ] {
        let all: Vec<_> = good.iter().copied().chain([(variable, "x")]).collect();
        let found = mistakes(from_variables(&all));
        assert!(found[0].1.contains(said), "{variable}: {found:?}");
    }
}
