use actix_web::App;
use actix_web::test::{TestRequest, call_service, init_service};
use latchgate_actix::{Gate, LoginMiddleware};
use latchgate_test::{Answer, LoginAssertions, Person, SignedInRequest};

async fn send(gate: &Gate, request: TestRequest) -> Answer {
    let app = App::new().wrap(LoginMiddleware::new(gate.clone()));
    let app = init_service(app.configure(super::routes)).await;
    call_service(&app, request.to_request()).await.into_answer()
}

#[actix_web::test]
async fn alice_is_an_admin() {
    let gate = latchgate_test::gate();
    let request = TestRequest::with_uri("/admin");
    let request = request.signed_in(&gate, Person::new("alice").role("admin"));
    send(&gate, request.await).await.assert_admitted();
}

#[actix_web::test]
async fn bob_is_none_and_a_stranger_has_to_log_in() {
    let gate = latchgate_test::gate();
    let request = TestRequest::with_uri("/admin");
    let request = request.signed_in(&gate, Person::new("bob").role("user"));
    let answer = send(&gate, request.await).await;
    answer.assert_refused("not_permitted");
    let request = TestRequest::with_uri("/admin").by_navigation();
    send(&gate, request).await.assert_sent_to_login();
}
