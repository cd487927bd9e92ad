//! The few attributes that filters and aggregates ask for, whatever the protocol calls them.

use std::{borrow::Cow, fmt};

use plainsight_protocols::{Endpoints, Exchange, Side, Value};

/// What was asked for, of what, and how it was answered. Each is absent where the protocol has none or it was not seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facets<'a> {
    /// The request method or the operation, as it was sent.
    pub method: Option<Cow<'a, str>>,
    /// What the request was for, without a query.
    pub path: Option<Cow<'a, str>>,
    /// The answer's status.
    pub status: Option<StatusCode<'a>>,
}

/// The status of an answer: a number in most protocols, a word in some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusCode<'a> {
    /// Such as 404.
    Number(i64),
    /// Such as `NXDOMAIN`.
    Word(Cow<'a, str>),
}

impl fmt::Display for StatusCode<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(formatter),
            Self::Word(word) => word.fmt(formatter),
        }
    }
}

impl<'a> Facets<'a> {
    /// Reads them from an exchange's attributes, which costs computing those: ask only when they are needed.
    #[must_use]
    pub fn of(exchange: &Exchange<'a>, side: Side, endpoints: &Endpoints) -> Self {
        let mut facets = Self::default();
        let mut original_method = None;
        exchange.details.attributes(side, endpoints, &mut |name, value| match name {
            "http.request.method_original" => original_method = text(value),
            "http.request.method"
            | "rpc.method"
            | "db.operation.name"
            | "messaging.operation.name"
            | "plainsight.dns.question.type" => facets.method = text(value),
            "url.path" | "dns.question.name" => facets.path = text(value),
            // Client spans have no path of its own (OpenTelemetry HTTP semantic conventions).
            "url.full" if facets.path.is_none() => facets.path = text(value).map(path_of_url),
            "http.response.status_code"
            | "db.response.status_code"
            | "rpc.response.status_code"
            | "plainsight.dns.response_code" => facets.status = status(value),
            _ => {}
        });
        // A method outside the standard list is reported as `_OTHER` beside the original.
        if original_method.is_some() {
            facets.method = original_method;
        }
        facets
    }
}

fn text(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value {
        Value::Text(text) => Some(text),
        Value::Integer(_) | Value::Texts(_) => None,
    }
}

fn status(value: Value<'_>) -> Option<StatusCode<'_>> {
    match value {
        Value::Integer(number) => Some(StatusCode::Number(number)),
        Value::Text(word) => Some(StatusCode::Word(word)),
        Value::Texts(_) => None,
    }
}

/// The path of an absolute URL (RFC 3986 section 3): after the authority, before the query and the fragment.
fn path_of_url(url: Cow<'_, str>) -> Cow<'_, str> {
    fn range(url: &str) -> std::ops::Range<usize> {
        let authority = url.find("://").map_or(0, |scheme| scheme + 3);
        let end = url[authority..].find(['?', '#']).map_or(url.len(), |end| authority + end);
        let start = url[authority..end].find('/').map_or(end, |start| authority + start);
        start..end
    }
    match url {
        Cow::Borrowed(url) => Cow::Borrowed(&url[range(url)]),
        Cow::Owned(url) => Cow::Owned(url[range(&url)].to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{Example, ExampleDetails};

    #[test]
    fn a_servers_facets_come_from_its_attributes() {
        Example::default().observe(|observed| {
            let facets = Facets::of(observed.exchange, observed.side, &Example::endpoints());
            assert_eq!(facets.method.as_deref(), Some("GET"));
            assert_eq!(facets.path.as_deref(), Some("/users/17"));
            assert_eq!(facets.status, Some(StatusCode::Number(200)));
        });
    }

    #[test]
    fn a_method_out_of_the_list_is_shown_as_it_was_sent() {
        let details = ExampleDetails {
            attributes: vec![
                ("http.request.method_original", Value::Text("BREW".into())),
                ("http.request.method", Value::Text("_OTHER".into())),
            ],
            ..ExampleDetails::default()
        };
        Example { details, ..Example::default() }.observe(|observed| {
            let facets = Facets::of(observed.exchange, observed.side, &Example::endpoints());
            assert_eq!(facets.method.as_deref(), Some("BREW"));
        });
    }

    #[test]
    fn a_lookups_facets_are_type_name_and_code() {
        let details = ExampleDetails {
            attributes: vec![
                ("dns.question.name", Value::Text("example.org".into())),
                ("plainsight.dns.question.type", Value::Text("AAAA".into())),
                ("plainsight.dns.response_code", Value::Text("NXDOMAIN".into())),
            ],
            ..ExampleDetails::default()
        };
        Example { details, ..Example::default() }.observe(|observed| {
            let facets = Facets::of(observed.exchange, observed.side, &Example::endpoints());
            assert_eq!(facets.method.as_deref(), Some("AAAA"));
            assert_eq!(facets.path.as_deref(), Some("example.org"));
            assert_eq!(facets.status, Some(StatusCode::Word("NXDOMAIN".into())));
        });
    }

    #[test]
    fn a_clients_path_is_cut_out_of_its_url() {
        let cases = [
            ("http://h:80/a/b?c=d", "/a/b"),
            ("https://h/a#f?x", "/a"),
            ("http://h", ""),
            ("http://h?q=/x", ""),
            ("/only/path?x", "/only/path"),
        ];
        for (url, path) in cases {
            assert_eq!(path_of_url(Cow::Borrowed(url)), path, "{url}");
            assert_eq!(path_of_url(Cow::Owned(url.to_owned())), path, "{url}");
        }
    }
}
