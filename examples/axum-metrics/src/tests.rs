use latchgate_dev_provider::DevProvider;
use latchgate_test::TestBrowser;
use latchgate_tower::Gate;

const BASE_URL: &str = "http://127.0.0.1:3000";

#[tokio::test]
async fn prometheus_is_told_of_a_login_and_how_long_it_took() {
    let metrics = super::recorder().unwrap();
    let provider = DevProvider::start().await.unwrap();
    let gate = Gate::from_toml(&provider.settings(BASE_URL)).unwrap();
    let mut browser = TestBrowser::of(BASE_URL, super::app(gate)).unwrap();
    browser.sign_in("/me", "alice").await.unwrap();
    let text = metrics.render();
    for line in [
        "# HELP latchgate_logins_total Logins that ended, successfully or not",
        "# TYPE latchgate_logins_total counter",
        r#"latchgate_logins_total{provider="main",outcome="signed_in",code="none"} 1"#,
        r#"latchgate_sessions_opened_total{outcome="active"} 1"#,
        "# TYPE latchgate_provider_call_duration_seconds histogram",
        r#"latchgate_provider_call_duration_seconds_bucket{provider="main",endpoint="token",status="2xx",le="10"} 1"#,
        r#"latchgate_session_cookies_bytes_bucket{le="4096"} 1"#,
    ] {
        assert!(text.contains(line), "{line} is missing:\n{text}");
    }
}
