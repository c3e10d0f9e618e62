//! A browser with as much as a login takes: cookies, and the way to the provider and back.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use http::{Request, Response, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::{Position, Url};

use crate::ORIGIN;

#[derive(Clone, Default)]
pub struct Browser {
    cookies: BTreeMap<String, String>,
    at_provider: BTreeMap<String, String>,
}

impl Browser {
    /// A navigation to a path of the application's.
    pub fn request(&self, path: &str) -> Request<Bytes> {
        let mut request = Request::get(path)
            .header("host", &ORIGIN["http://".len()..])
            .header(
                "user-agent",
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            )
            .header(
                "accept",
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            )
            .header("accept-language", "en-GB,en;q=0.5")
            .header("accept-encoding", "gzip, deflate, br, zstd")
            .header("sec-fetch-dest", "document")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-site", "none")
            .header("sec-fetch-user", "?1");
        if !self.cookies.is_empty() {
            request = request.header("cookie", joined(&self.cookies));
        }
        request.body(Bytes::new()).expect("a request")
    }

    /// How many bytes of cookies a request brings.
    pub fn cookie_bytes(&self) -> usize {
        joined(&self.cookies).len()
    }

    /// Keeps an answer's cookies.
    pub fn take(&mut self, answer: &Response<Bytes>) {
        let lines = answer.headers().get_all(header::SET_COOKIE).iter();
        for line in lines.filter_map(|line| line.to_str().ok()) {
            keep(&mut self.cookies, line);
        }
    }

    /// Follows a redirect to the provider, which signs Alice in, and comes back: the path and the query of the callback.
    pub async fn visit_provider(&mut self, answer: &Response<Bytes>) -> String {
        self.take(answer);
        let location = answer.headers().get(header::LOCATION);
        let location = location
            .unwrap_or_else(|| panic!("no redirect to the provider but {}", answer.status()));
        let mut url = Url::parse(location.to_str().expect("a URL")).expect("a URL");
        while url.origin().ascii_serialization() != ORIGIN {
            let answer = get(&url, &joined(&self.at_provider)).await;
            let head = answer.split("\r\n\r\n").next().unwrap_or_default();
            let field = |wanted: &'static str| {
                let lines = head.lines().filter_map(|line| line.split_once(':'));
                lines.filter(move |(name, _)| name.eq_ignore_ascii_case(wanted))
            };
            for (_, line) in field("set-cookie") {
                keep(&mut self.at_provider, line.trim());
            }
            let next = field("location").next().map(|(_, next)| next.trim());
            url = url
                .join(next.unwrap_or_else(|| panic!("the provider does not redirect: {answer}")))
                .expect("a URL");
        }
        url[Position::BeforePath..].to_owned()
    }
}

fn joined(cookies: &BTreeMap<String, String>) -> String {
    let mut joined = String::new();
    for (name, value) in cookies {
        let separator = if joined.is_empty() { "" } else { "; " };
        let _ = write!(joined, "{separator}{name}={value}");
    }
    joined
}

fn keep(cookies: &mut BTreeMap<String, String>, line: &str) {
    let pair = line.split(';').next().unwrap_or_default();
    let Some((name, value)) = pair.split_once('=') else {
        return;
    };
    match value {
        "" => cookies.remove(name),
        value => cookies.insert(name.to_owned(), value.to_owned()),
    };
}

/// Loopback, HTTP/1.1, one connection: as much as the development provider needs.
async fn get(url: &Url, cookies: &str) -> String {
    let address = &url[Position::BeforeHost..Position::AfterPort];
    let mut stream = TcpStream::connect(address).await.expect("the provider");
    let path = &url[Position::BeforePath..Position::AfterQuery];
    let cookies = match cookies {
        "" => String::new(),
        cookies => format!("cookie: {cookies}\r\n"),
    };
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: text/html\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n{cookies}connection: close\r\n\r\n"
    );
    stream
        .write_all(request.as_bytes())
        .await
        .expect("the provider");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("the provider");
    String::from_utf8_lossy(&answer).into_owned()
}
