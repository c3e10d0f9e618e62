//! What actix-web's `Logger` writes of a callback's `code` and `state`: everything, unless its format leaves the query
//! out, as the README's does. A process has one `log`, and so this is one test.

#![expect(
    clippy::unwrap_used,
    reason = "a preparation that fails is a test that fails"
)]

use std::sync::Mutex;

use actix_web::App;
use actix_web::middleware::Logger;
use actix_web::test::{TestRequest, call_service, init_service};
use latchgate_actix::{ClientAuth, Gate, LoginMiddleware, Provider};

struct Lines(Mutex<String>);

static LINES: Lines = Lines(Mutex::new(String::new()));

impl log::Log for Lines {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let mut lines = self.0.lock().unwrap();
        lines.push_str(&format!("{}\n", record.args()));
    }

    fn flush(&self) {}
}

/// What the log has of a callback.
async fn told(logger: Logger) -> String {
    let provider = Provider::new("https://op.example", "app").client_auth(ClientAuth::None);
    let gate = Gate::builder("http://127.0.0.1:3000", provider)
        .build()
        .unwrap();
    let app = init_service(App::new().wrap(LoginMiddleware::new(gate)).wrap(logger)).await;
    let request = TestRequest::get().uri("/callback?code=spent-once&state=known-to-us");
    let answer = call_service(&app, request.to_request()).await;
    assert_eq!(answer.status(), 400);
    // The logger writes when the body has been sent.
    actix_web::test::read_body(answer).await;
    std::mem::take(&mut *LINES.0.lock().unwrap())
}

#[actix_web::test]
async fn the_query_is_left_out_by_a_format_with_the_path_alone() {
    log::set_logger(&LINES).unwrap();
    log::set_max_level(log::LevelFilter::Trace);

    let as_it_comes = told(Logger::default()).await;
    assert!(as_it_comes.contains("spent-once"), "{as_it_comes}");
    assert!(as_it_comes.contains("known-to-us"), "{as_it_comes}");

    let logger = Logger::new(r#"%a "%{method}xi %U" %s %b "%{User-Agent}i" %T"#);
    let logger = logger.custom_request_replace("method", |request| request.method().to_string());
    let path_only = told(logger).await;
    assert!(path_only.contains("\"GET /callback\" 400"), "{path_only}");
    assert!(!path_only.contains("spent-once"), "{path_only}");
    assert!(!path_only.contains("known-to-us"), "{path_only}");
}
