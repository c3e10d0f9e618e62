//! The logout page with a frame for each client that wants one ([OpenID Connect Front-Channel Logout
//! §3](https://openid.net/specs/openid-connect-frontchannel-1_0.html#OPLogout)). When all have loaded it goes on by
//! itself, or with a link where scripts are off.

use axum::response::Response;
use http::StatusCode;
use url::Url;

use super::html::Html;
use super::{Script, page};

/// The `load` event of a page waits for its frames.
const GO_ON: &str = "addEventListener('load',()=>{const on=document.getElementById('on');if(on)location.replace(on.href)})";

pub(crate) fn signing_out(frames: &[Url], next: Option<&Url>) -> Response {
    let mut main = Html::new()
        .raw("<h1>Signed out</h1>\n<p>You are signed out of the development provider.</p>\n");
    for frame in frames {
        main = main
            .raw("<iframe hidden src=\"")
            .text(frame.as_str())
            .raw("\"></iframe>\n");
    }
    if let Some(next) = next {
        main = main
            .raw("<p><a id=\"on\" href=\"")
            .text(next.as_str())
            .raw("\">Go back to the app</a></p>\n");
    }
    let origins: Vec<String> = frames
        .iter()
        .map(|frame| frame.origin().ascii_serialization())
        .collect();
    let script = Script::BesideFrames {
        script: GO_ON,
        origins: origins.join(" "),
    };
    page(StatusCode::OK, "Signed out", main, &script)
}
