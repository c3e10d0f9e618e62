//! What goes between threads can: asserted by the compiler. Services and [`SignIn`](latchgate_actix::SignIn) belong to
//! one worker, as all requests of actix-web do.

use latchgate_actix::{
    AccessToken, Gate, GuardMiddleware, LoginMiddleware, RefreshedAccessToken, Rejection,
    SessionData, SessionEnded, User,
};

const fn shared<T: Send + Sync + 'static>() {}

const fn cloned<T: Clone>() {}

const _: () = {
    shared::<Gate>();
    cloned::<Gate>();
    shared::<LoginMiddleware>();
    cloned::<LoginMiddleware>();
    shared::<GuardMiddleware>();
    cloned::<GuardMiddleware>();
    shared::<User>();
    shared::<AccessToken>();
    shared::<RefreshedAccessToken>();
    shared::<SessionData<()>>();
    shared::<SessionEnded>();
    shared::<Rejection>();
};
