//! A low-cardinality route from the path of a URL, for names and metrics.
//!
//! What a server's router would call the path cannot be seen on the wire. So the user's patterns are asked first; else
//! segments that look like values become placeholders: `/users/17/orders/2024-05-01` is `/users/{id}/orders/{date}`.
//! Reported as `plainsight.http.route`, for OpenTelemetry's `http.route` must not be made from the path.

use std::borrow::Cow;

use crate::sanitise::target_text;

mod pattern;
mod segment;

pub use pattern::{RoutePattern, RoutePatternError};

/// Segments that are told apart. More are seldom anything but directories, and what follows the first ten says little.
const SEGMENTS: usize = 10;

/// Bytes of a route, placeholders included, save the mark that it was cut.
const ROUTE_BYTES: usize = 200;

/// Stands for whatever follows.
const REST: &str = "*";

/// The route of a path, which is given without query, and as text. Nothing is copied unless the path has something to
/// replace.
pub(crate) fn route<'a>(path: &'a [u8], text: &Cow<'a, str>, patterns: &'a [RoutePattern]) -> Cow<'a, str> {
    if let Some(pattern) = patterns.iter().find(|pattern| pattern.matches(path)) {
        return Cow::Borrowed(pattern.as_str());
    }
    if path.len() <= ROUTE_BYTES && segment::are_usual(path, SEGMENTS) {
        return text.clone();
    }
    let mut route: Option<String> = None;
    let mut start = 0;
    let mut segments = 0;
    for part in path.split(|&byte| byte == b'/') {
        let seen = start;
        start += part.len() + 1;
        let written = route.as_ref().map_or(seen, String::len);
        segments += usize::from(!part.is_empty());
        if segments > SEGMENTS || written + part.len().min(segment::LONGEST) > ROUTE_BYTES {
            let mut cut = route.unwrap_or_else(|| begun(path, seen));
            cut.push_str(REST);
            return Cow::Owned(cut);
        }
        match segment::replacement(part) {
            None => {
                if let Some(route) = &mut route {
                    route.push_str(&target_text(part));
                }
            }
            Some(replacement) => {
                let route = route.get_or_insert_with(|| begun(path, seen));
                route.push_str(replacement.placeholder);
                route.push_str(&target_text(replacement.kept));
            }
        }
        if let Some(route) = &mut route
            && start <= path.len()
        {
            route.push('/');
        }
    }
    route.map_or_else(|| text.clone(), Cow::Owned)
}

/// The beginning of a path, which nothing had to be replaced in.
fn begun(path: &[u8], end: usize) -> String {
    let mut text = String::with_capacity(path.len() + 16);
    text.push_str(&target_text(path.get(..end).unwrap_or_default()));
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain_route(path: &[u8]) -> Cow<'_, str> {
        route(path, &target_text(path), &[])
    }

    fn of(path: &str) -> String {
        plain_route(path.as_bytes()).into_owned()
    }

    fn all(cases: &[(&str, &str)]) {
        let wrong: Vec<_> = cases
            .iter()
            .filter(|(path, expected)| of(path) != *expected)
            .map(|(path, expected)| format!("{path}: expected {expected}, found {}", of(path)))
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn values_become_placeholders() {
        all(&[
            ("/users/17", "/users/{id}"),
            ("/users/17/orders/2024-05-01/", "/users/{id}/orders/{date}/"),
            ("/users/17/orders/2024-05-01T10:00:00Z", "/users/{id}/orders/{date}"),
            ("/stats/2024-05", "/stats/{date}"),
            ("/o/550e8400-e29b-41d4-a716-446655440000", "/o/{uuid}"),
            ("/o/550E8400-E29B-41D4-A716-446655440000.json", "/o/{uuid}.json"),
            ("/commit/9f8e7d6c5b4a39281706f5e4d3c2b1a098765432", "/commit/{hash}"),
            ("/c/a1b2c3d", "/c/{hash}"),
            ("/doc/507f1f77bcf86cd799439011", "/doc/{hash}"),
            ("/users/alice@example.com/mail", "/users/{email}/mail"),
            ("/users/alice%40example.com", "/users/{email}"),
            ("/@alice/status/17", "/{name}/status/{id}"),
            ("/items/item-12345", "/items/{id}"),
            ("/items/INV20240001", "/items/{id}"),
            ("/items/17:cancel", "/items/{id}"),
            ("/odata/Users(17)", "/odata/{id}"),
            ("/geo/51.5,-0.12", "/geo/{id}"),
            ("/hosts/10.0.0.9", "/hosts/{ip}"),
            ("/npm/lodash@4.17.21", "/npm/{id}"),
            ("/watch/dQw4w9WgXcQ", "/watch/{token}"),
            ("/reset/aBxKpQzRtVwN", "/reset/{token}"),
            ("/t/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/t/{token}"),
            ("/t/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "/t/{token}"),
            ("/blog/how-we-made-the-parser-twice-as-fast", "/blog/{slug}"),
            ("/app;jsessionid=0A1B2C3D/x", "/app/x"),
        ]);
    }

    #[test]
    fn words_stay_words() {
        for path in [
            "/",
            "",
            "*",
            "/api/v1/users",
            "/api/v1beta1/users",
            "/api/v1.2/users",
            "/s3/oauth2/utf8/k8s/i18n/e2e/x509/sha256/mp4",
            "/2fa/3d/web3/covid19",
            "/google.pubsub.v1.Publisher/CreateTopic",
            "/api/hello.world/getUserById",
            "/api/listAllAvailableSubscriptionPlansOfCustomer",
            "/terms-and-conditions/contact_us/top-10",
            "/.well-known/openid-configuration",
            "/grüße/%C3%A4pfel",
            "/deadbeef/facade/catchphrase/Rechtschreibung",
            "/a//b/./..",
            "/index.html",
            "/robots.txt",
        ] {
            assert!(
                matches!(plain_route(path.as_bytes()), Cow::Borrowed(route) if route == path),
                "{path}: {}",
                of(path)
            );
        }
    }

    #[test]
    fn files_keep_what_kind_they_are() {
        all(&[
            ("/static/app.3f2a9c1b.js", "/static/{hash}.js"),
            ("/static/main-9f8e7d6c5b.css", "/static/{hash}.css"),
            ("/fonts/inter.woff2", "/fonts/inter.woff2"),
            ("/photos/17.jpg", "/photos/{id}.jpg"),
            ("/logs/2024-05-01.log", "/logs/{date}.log"),
            ("/backup/db-20240501.tar.gz", "/backup/{id}.gz"),
        ]);
    }

    #[test]
    fn long_and_deep_paths_end_in_a_star() {
        assert_eq!(of(&"/a".repeat(11)), format!("{}/*", "/a".repeat(10)));
        assert_eq!(of(&"/17".repeat(11)), format!("{}/*", "/{id}".repeat(10)));
        assert_eq!(of(&format!("/{}", "abc".repeat(500))), "/{token}");
        let wide = format!("/{}", "some-words/with-others/".repeat(5));
        assert!(of(&wide).len() <= ROUTE_BYTES + 1, "{}", of(&wide));
    }

    #[test]
    fn bytes_that_are_no_text_do_not_get_out() {
        assert_eq!(plain_route(b"/a/\xff\xfe/b"), "/a/{token}/b");
        assert_eq!(plain_route(b"/a/%00%1b/b"), "/a/{token}/b");
        assert_eq!(plain_route(b"/a/x\x1b[2Jy/b"), "/a/{token}/b");
    }

    #[test]
    fn the_users_patterns_come_first() {
        let patterns =
            ["/api/{tenant}/files/*", "/api/{tenant}/{user}", "/*"].map(|text| text.parse().expect("valid"));
        let of = |path: &'static str, patterns| {
            route(path.as_bytes(), &Cow::Borrowed(path), patterns).into_owned()
        };
        assert_eq!(of("/api/acme/files/a/b/17", &patterns), "/api/{tenant}/files/*");
        assert_eq!(of("/api/acme/files", &patterns), "/api/{tenant}/{user}");
        assert_eq!(of("/api/acme/alice/", &patterns), "/api/{tenant}/{user}");
        assert_eq!(of("/api/acme", &patterns), "/*");
        assert_eq!(of("/api/acme/17", &patterns[..1]), "/api/acme/{id}");
        assert_eq!(of("/", &patterns[..2]), "/");
    }

    proptest! {
        #[test]
        fn no_path_breaks_it_and_every_route_is_short_text(
            path in prop::collection::vec(any::<u8>(), 0..400),
            words in prop::collection::vec("[a-zA-Z0-9.;%@/-]{0,12}", 0..20),
        ) {
            for path in [path, words.join("/").into_bytes()] {
                let route = plain_route(&path);
                // A byte that no URL may hold is written as three.
                prop_assert!(route.len() <= 3 * ROUTE_BYTES + 1, "{}", route);
                prop_assert!(!route.chars().any(char::is_control), "{:?}", route);
            }
        }

        #[test]
        fn random_identities_never_name_a_route(
            number in any::<u64>(), long in any::<u128>(), token in "[A-Za-z0-9_-]{4,20}[0-9][A-Z][0-9][a-z][0-9][A-Za-z0-9_-]{4,20}",
        ) {
            for path in [format!("/a/{number}/b"), format!("/a/{long:032x}/b"), format!("/a/{token}/b")] {
                let route = of(&path);
                prop_assert!(route.starts_with("/a/{") && route.ends_with("}/b"), "{} {}", path, route);
            }
        }
    }
}
