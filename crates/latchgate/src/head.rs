//! What the core asks of a request: a borrowed view of its head.
//!
//! axum uses `http` 1 and actix-web `http` 0.2. Instead of copying header maps, the core reads through [`RequestHead`].

/// A borrowed view of a request's head.
pub trait RequestHead {
    /// The method, such as `GET`.
    fn method(&self) -> &str;
    /// The path of the request as the client sent it, percent-encoded, without the query.
    fn path(&self) -> &str;
    /// The query string without its `?`.
    fn query(&self) -> Option<&str>;
    /// Calls `each` with every value of the header `name` (lower case), in order. HTTP/2 clients
    /// split `Cookie` over several fields, so one look-up may yield several values.
    fn header<'a>(&'a self, name: &str, each: &mut dyn FnMut(&'a [u8]));
    /// The part of the path that routers have matched on the way to the layer, as far as it is the same for
    /// every request: `/app` within a router nested at `/app`, nothing around a whole application.
    fn nested_at(&self) -> &str {
        ""
    }
}

impl dyn RequestHead + '_ {
    /// The first value of a header, if it is visible ASCII.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        let mut found = None;
        self.header(name, &mut |value| {
            if found.is_none() {
                found = std::str::from_utf8(value).ok();
            }
        });
        found
    }

    /// All `Cookie` fields.
    pub(crate) fn cookie_fields(&self) -> Vec<&[u8]> {
        let mut fields = Vec::new();
        self.header("cookie", &mut |field| fields.push(field));
        fields
    }
}

impl<B> RequestHead for http::Request<B> {
    fn method(&self) -> &str {
        http::Request::method(self).as_str()
    }

    fn path(&self) -> &str {
        self.uri().path()
    }

    fn query(&self) -> Option<&str> {
        self.uri().query()
    }

    fn header<'a>(&'a self, name: &str, each: &mut dyn FnMut(&'a [u8])) {
        for value in self.headers().get_all(name) {
            each(value.as_bytes());
        }
    }
}
