//! Endpoints as URLs.

use reqwest::Url;

use super::Target;
use crate::export::SignalKind;

/// Reads an endpoint; says what is wrong with it.
pub(super) fn parse(target: &Target) -> Result<Option<Url>, String> {
    let (endpoint, without_scheme) = match target {
        Target::File { .. } => return Ok(None),
        Target::Http { endpoint, .. } => (endpoint, None),
        Target::Grpc { endpoint, insecure } => (endpoint, Some(if *insecure { "http" } else { "https" })),
    };
    let text = match (endpoint.contains("://"), without_scheme) {
        (true, _) => endpoint.clone(),
        (false, Some(scheme)) => format!("{scheme}://{endpoint}"),
        (false, None) => return Err(format!("write it with its scheme, as in http://{endpoint}")),
    };
    let url =
        Url::parse(&text).map_err(|error| format!("it is not a URL ({error}): write http://HOST:PORT"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("its scheme is {}: write http:// or https://", url.scheme()));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("it names no host: write http://HOST:PORT".to_owned());
    }
    Ok(Some(url))
}

/// The base with the path of a kind appended (OTLP 1.11, "OTLP/HTTP Request").
pub(super) fn signal_url(base: &Url, kind: SignalKind) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/v1/{}", base.path().trim_end_matches('/'), kind.name()));
    url
}

/// For people: without user, password and query.
pub(super) fn without_secrets(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::otlp::Encoding;

    fn http(endpoint: &str) -> Target {
        Target::Http { endpoint: endpoint.into(), exact: false, encoding: Encoding::Protobuf }
    }

    fn parsed(target: &Target) -> Url {
        parse(target).expect("a good endpoint").expect("a URL")
    }

    #[test]
    fn the_path_of_a_kind_is_appended_to_the_base() {
        let cases = [
            ("http://localhost:4318", "http://localhost:4318/v1/traces"),
            ("http://localhost:4318/", "http://localhost:4318/v1/traces"),
            ("https://example.com/mycollector/", "https://example.com/mycollector/v1/traces"),
            ("https://example.com/a//", "https://example.com/a/v1/traces"),
            ("http://[::1]:4318/x?key=1", "http://[::1]:4318/x/v1/traces?key=1"),
        ];
        for (base, url) in cases {
            assert_eq!(signal_url(&parsed(&http(base)), SignalKind::Traces).as_str(), url);
        }
    }

    #[test]
    fn an_endpoint_that_cannot_be_used_is_refused_with_how_to_write_it() {
        let cases = [
            ("localhost:4318", "http://localhost:4318"),
            ("ftp://host", "scheme is ftp"),
            ("http://", "http://HOST:PORT"),
            ("http://host:notaport", "http://HOST:PORT"),
            ("", "scheme"),
        ];
        for (endpoint, part) in cases {
            let error = parse(&http(endpoint)).expect_err(endpoint);
            assert!(error.contains(part), "{endpoint}: {error}");
        }
    }

    #[test]
    fn grpc_needs_no_scheme_and_is_secure_without_one_unless_told_otherwise() {
        let grpc = |endpoint: &str, insecure| Target::Grpc { endpoint: endpoint.into(), insecure };
        assert_eq!(parsed(&grpc("collector:4317", false)).scheme(), "https");
        assert_eq!(parsed(&grpc("collector:4317", true)).scheme(), "http");
        assert_eq!(parsed(&grpc("https://collector:4317", true)).scheme(), "https");
        assert_eq!(parsed(&grpc("http://collector:4317", false)).scheme(), "http");
    }

    #[test]
    fn people_are_shown_no_secrets() {
        let url = parsed(&http("https://user:secret@host/path?token=secret"));
        assert_eq!(without_secrets(&url), "https://host/path");
    }
}
