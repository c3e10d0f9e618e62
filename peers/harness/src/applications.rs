//! Applications of either framework, as what is measured.

use bytes::Bytes;
use http::{Request, Response};

/// An application that is asked in this process.
#[expect(async_fn_in_trait, reason = "one thread asks")]
pub trait Application {
    /// A request of the framework's.
    type Request;

    fn prepare(&self, request: Request<Bytes>) -> Self::Request;

    /// Answers, and drops the answer as a server does that has sent it.
    async fn answer(&mut self, request: Self::Request);

    /// Answers, for a browser.
    async fn ask(&mut self, request: Request<Bytes>) -> Response<Bytes>;
}

#[cfg(feature = "axum")]
pub mod on_axum {
    use axum::Router;
    use axum::body::Body;
    use axum::http::header::CONTENT_TYPE;
    use axum::routing::get;
    use http_body_util::BodyExt;
    use tower::{Service, ServiceExt};

    use super::*;

    /// A router, with its layers around the handlers once and not for every request, as `axum::serve` has it.
    pub struct Axum(Router);

    impl Axum {
        pub fn new(router: Router) -> Self {
            Self(router.with_state(()))
        }
    }

    /// The framework alone.
    pub async fn bare(json: String) -> Axum {
        let json = Bytes::from(json);
        let me = move || {
            let json = json.clone();
            async move { ([(CONTENT_TYPE, "application/json")], json) }
        };
        Axum::new(Router::new().route("/me", get(me)))
    }

    impl Application for Axum {
        type Request = Request<Body>;

        fn prepare(&self, request: Request<Bytes>) -> Request<Body> {
            request.map(Body::from)
        }

        async fn answer(&mut self, request: Request<Body>) {
            let Ok(ready) = ServiceExt::<Request<Body>>::ready(&mut self.0).await;
            drop(ready.call(request).await);
        }

        async fn ask(&mut self, request: Request<Bytes>) -> Response<Bytes> {
            let request = self.prepare(request);
            let Ok(ready) = ServiceExt::<Request<Body>>::ready(&mut self.0).await;
            let Ok(answer) = ready.call(request).await;
            let (head, body) = answer.into_parts();
            let body = body.collect().await.expect("a body").to_bytes();
            Response::from_parts(head, body)
        }
    }
}

#[cfg(feature = "actix")]
pub mod on_actix {
    use actix_http::Request as ActixRequest;
    use actix_web::body::{BoxBody, MessageBody, to_bytes};
    use actix_web::dev::{Service, ServiceResponse};
    use actix_web::test::{TestRequest, init_service};
    use actix_web::{App, Error, HttpResponse, web};

    use super::*;

    /// What `actix_web::test::init_service` makes, in a box for all contestants alike.
    pub struct Actix(Box<dyn Dispatch>);

    type Answering = std::pin::Pin<Box<dyn Future<Output = Result<ServiceResponse, Error>>>>;

    trait Dispatch {
        fn dispatch(&self, request: ActixRequest) -> Answering;
    }

    struct Dispatched<S>(S);

    impl<S, B> Dispatch for Dispatched<S>
    where
        S: Service<ActixRequest, Response = ServiceResponse<B>, Error = Error>,
        S::Future: 'static,
        B: MessageBody + 'static,
    {
        fn dispatch(&self, request: ActixRequest) -> Answering {
            let answering = self.0.call(request);
            Box::pin(async move { Ok(answering.await?.map_into_boxed_body()) })
        }
    }

    impl Actix {
        pub fn new<S, B>(service: S) -> Self
        where
            S: Service<ActixRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
            S::Future: 'static,
            B: MessageBody + 'static,
        {
            Self(Box::new(Dispatched(service)))
        }
    }

    /// The framework alone.
    pub async fn bare(json: String) -> Actix {
        let json = Bytes::from(json);
        let me = move || {
            let json = json.clone();
            async move {
                HttpResponse::Ok()
                    .content_type("application/json")
                    .body(json)
            }
        };
        Actix::new(init_service(App::new().route("/me", web::get().to(me))).await)
    }

    impl Application for Actix {
        type Request = ActixRequest;

        fn prepare(&self, request: Request<Bytes>) -> ActixRequest {
            let (head, _) = request.into_parts();
            let mut made = TestRequest::with_uri(&head.uri.to_string());
            for (name, value) in &head.headers {
                made = made.append_header((name.as_str(), value.as_bytes()));
            }
            made.to_request()
        }

        async fn answer(&mut self, request: ActixRequest) {
            drop(self.0.dispatch(request).await);
        }

        async fn ask(&mut self, request: Request<Bytes>) -> Response<Bytes> {
            let answer = self.0.dispatch(self.prepare(request)).await;
            let (_, answer) = answer.expect("an answer").into_parts();
            let mut made = Response::builder().status(answer.status().as_u16());
            for (name, value) in answer.headers() {
                made = made.header(name.as_str(), value.as_bytes());
            }
            let body: BoxBody = answer.into_body();
            let body = to_bytes(body).await.unwrap_or_default();
            made.body(body).expect("a response")
        }
    }
}
