//! Header fields of one connection, which are not for the next: [RFC 9110 §7.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1).

use std::collections::BTreeSet;

use http::HeaderMap;
use http::header::CONNECTION;

/// Whether a field is about the connection, whatever `Connection` says.
pub(crate) fn is_of_connection(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "http2-settings"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authentication-info"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// The fields that `Connection` names, in lower case. As a set, since a client may name very many.
pub(crate) fn named_in_connection(headers: &HeaderMap) -> BTreeSet<String> {
    let values = headers.get_all(CONNECTION).iter();
    values
        .filter_map(|value| std::str::from_utf8(value.as_bytes()).ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_names_fields_in_any_case_and_on_several_lines() {
        let mut headers = HeaderMap::new();
        for value in ["close, X-One", "x-TWO ,,"] {
            headers.append(CONNECTION, value.parse().unwrap());
        }
        let named = named_in_connection(&headers);
        assert!(
            named.iter().eq(["", "close", "x-one", "x-two"]),
            "{named:?}"
        );
    }
}
