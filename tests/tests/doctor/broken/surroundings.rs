//! What is around the application is not as its settings say.

use latchgate::FindingCode as Code;

use super::Broken;
use crate::set_up::SetUp;

/// Each in one way.
pub(super) fn set_ups() -> Vec<Broken> {
    let behind_a_path = || SetUp::new("").set("base_url", "http://127.0.0.1:3000/shop");
    vec![
        SetUp::new("people come by another name")
            .arriving(
                "/",
                &[
                    ("host", "127.0.0.1:3000"),
                    ("x-forwarded-host", "shop.example.com"),
                ],
            )
            .fails(Code::ProxyHeaders, "`base_url`"),
        SetUp::new("people come by https, and the base URL is http")
            .arriving(
                "/",
                &[("host", "127.0.0.1:3000"), ("x-forwarded-proto", "https")],
            )
            .fails(
                Code::ProxyHeaders,
                "Set `base_url` (LATCHGATE_BASE_URL) to the URL with https",
            ),
        SetUp::new("the proxy replaces `Host`")
            .arriving("/", &[("host", "10.0.0.7:3000")])
            .limps(Code::ProxyHeaders, "proxy_set_header Host $host"),
        SetUp::new("the proxy removes a path that the base URL lacks")
            .arriving(
                "/cart",
                &[("host", "127.0.0.1:3000"), ("x-forwarded-prefix", "/shop")],
            )
            .fails(Code::BasePath, "Add `/shop` to `base_url`"),
        behind_a_path()
            .named("the proxy removes the path of the base URL, and nobody says so")
            .arriving("/cart", &[("host", "127.0.0.1:3000")])
            .fails(
                Code::BasePath,
                "set `base_path` (LATCHGATE_BASE_PATH) to `stripped`",
            ),
        behind_a_path()
            .named("the proxy is said to remove the path of the base URL, and does not")
            .set("base_path", "stripped")
            .arriving("/shop/cart", &[("host", "127.0.0.1:3000")])
            .fails(
                Code::BasePath,
                "Set `base_path` (LATCHGATE_BASE_PATH) to `kept`",
            ),
        SetUp::new("nobody listens at the store")
            .set("store", "redis://127.0.0.1:9")
            .fails(Code::StoreReachable, "correct its URL (LATCHGATE_STORE"),
        SetUp::new("nobody listens where nodes share logouts")
            .set("revocations", "redis://127.0.0.1:9")
            .fails(Code::StoreReachable, "LATCHGATE_REVOCATIONS"),
    ]
}
