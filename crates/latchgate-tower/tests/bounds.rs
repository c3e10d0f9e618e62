//! What goes between threads can: asserted by the compiler.

use latchgate_tower::{
    AccessToken, Gate, GuardLayer, GuardService, LoginLayer, LoginService, RefreshedAccessToken,
    Rejection, ResponseFuture, SessionData, SessionEnded, SignIn, User,
};

const fn shared<T: Send + Sync + 'static>() {}

const fn cloned<T: Clone>() {}

const _: () = {
    shared::<Gate>();
    cloned::<Gate>();
    shared::<LoginLayer>();
    cloned::<LoginLayer>();
    shared::<LoginService<()>>();
    cloned::<LoginService<()>>();
    shared::<GuardLayer>();
    cloned::<GuardLayer>();
    shared::<GuardService<()>>();
    cloned::<GuardService<()>>();
    shared::<User>();
    shared::<AccessToken>();
    shared::<RefreshedAccessToken>();
    shared::<SessionData<()>>();
    shared::<SessionEnded>();
    shared::<SignIn>();
    shared::<Rejection>();
    sent::<ResponseFuture<()>>();
};

const fn sent<T: Send>() {}
