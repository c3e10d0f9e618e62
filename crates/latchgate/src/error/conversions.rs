//! From the error of one operation to the sum of them.

use super::{Error, ForwardError, LayerError, RequestError, TenantError};
use crate::authorization::{
    AuthorizationError, InitiateLoginError, PushedRequestError, RequestObjectError,
};
use crate::client::ProfileError;
use crate::io::{HttpError, RandomError};
use crate::logout::{FrontChannelLogoutError, LogoutTokenError};
use crate::provider::{DiscoveryError, KeysError};
use crate::resource::{BearerError, IntrospectionError};
use crate::session::{DataError, SessionTooLarge};
use crate::store::StoreError;
use crate::token::{IdTokenError, JwtError, TokenError};
use crate::userinfo::UserinfoError;
use crate::visitor::VisitorError;

macro_rules! from {
    ($($variant:ident($source:ty)),* $(,)?) => {$(
        impl From<$source> for Error {
            fn from(source: $source) -> Self {
                Self::$variant(source)
            }
        }
    )*};
}

from! {
    Request(RequestError),
    InitiateLogin(InitiateLoginError),
    Layer(LayerError),
    Profile(ProfileError),
    RequestObject(RequestObjectError),
    PushedRequest(PushedRequestError),
    Authorization(AuthorizationError),
    ResponseJwt(JwtError),
    Http(HttpError),
    Discovery(DiscoveryError),
    Keys(KeysError),
    Token(TokenError),
    IdToken(IdTokenError),
    Userinfo(UserinfoError),
    LogoutToken(LogoutTokenError),
    Bearer(BearerError),
    Introspection(IntrospectionError),
    FrontChannelLogout(FrontChannelLogoutError),
    SessionTooLarge(SessionTooLarge),
    Store(StoreError),
    Random(RandomError),
    Data(DataError),
    Visitor(VisitorError),
    Tenant(TenantError),
    Forward(ForwardError),
}
