//! Authorities, and where proxies say that a request came from (RFC 9110 section 7.2, RFC 7239, `X-Forwarded-*`).

use memchr::{memchr, memchr2};

/// A host and its port, if one is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HostPort<'a> {
    pub(crate) host: &'a [u8],
    pub(crate) port: Option<u16>,
}

/// A request target cut into its parts (RFC 9112 section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Target<'a> {
    /// Of the absolute form.
    pub(crate) scheme: Option<&'a [u8]>,
    /// Of the absolute and the authority form, user information included.
    pub(crate) authority: Option<&'a [u8]>,
    /// Absent in the authority form.
    pub(crate) path: Option<&'a [u8]>,
    /// Without the question mark.
    pub(crate) query: Option<&'a [u8]>,
}

/// Cuts a target. `to_connect` where the method is CONNECT, which has the authority form.
pub(crate) fn target(target: &[u8], to_connect: bool) -> Target<'_> {
    if to_connect {
        return Target { authority: Some(target), ..Target::default() };
    }
    let (scheme, authority, rest) = match absolute(target) {
        Some((scheme, rest)) => {
            let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
            (Some(scheme), Some(&rest[..end]), &rest[end..])
        }
        None => (None, None, target),
    };
    let (path, query) = match memchr2(b'?', b'#', rest) {
        Some(mark) if rest[mark] == b'?' => {
            let query = &rest[mark + 1..];
            (&rest[..mark], Some(memchr(b'#', query).map_or(query, |hash| &query[..hash])))
        }
        Some(hash) => (&rest[..hash], None),
        None => (rest, None),
    };
    let path: &[u8] = if path.is_empty() && authority.is_some() { b"/" } else { path };
    Target { scheme, authority, path: Some(path), query }
}

fn absolute(target: &[u8]) -> Option<(&[u8], &[u8])> {
    if target.first() == Some(&b'/') {
        return None;
    }
    let colon = target.iter().take(16).position(|&byte| byte == b':')?;
    let (scheme, rest) = target.split_at(colon);
    let valid = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    valid.then_some((scheme, rest.strip_prefix(b"://")?))
}

/// Reads `host[:port]`, the host perhaps an IPv6 address in brackets, user information left out.
pub(crate) fn host_port(authority: &[u8]) -> Option<HostPort<'_>> {
    // One pass, for hosts are too short for searches to be worth their calls.
    let (mut begins, mut colons, mut colon) = (0, 0, 0);
    for (index, &byte) in authority.iter().enumerate() {
        match byte {
            b'@' => (begins, colons) = (index + 1, 0),
            b':' => (colon, colons) = (index, colons + 1),
            _ => {}
        }
    }
    let named = authority[begins..].trim_ascii();
    let (host, rest) = if let Some(inner) = named.strip_prefix(b"[") {
        let end = inner.iter().position(|&byte| byte == b']')?;
        (&inner[..end], &inner[end + 1..])
    } else if colons == 1 {
        (authority[begins..colon].trim_ascii_start(), authority[colon..].trim_ascii_end())
    } else {
        // More than one colon and no brackets is an address alone, as proxies write it.
        (named, &[][..])
    };
    let port = rest.strip_prefix(b":").and_then(port_number);
    (!host.is_empty()).then_some(HostPort { host, port })
}

fn port_number(digits: &[u8]) -> Option<u16> {
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|&port| port != 0)
}

/// A parameter of the first element of `Forwarded`: the one that the client's own proxy wrote (RFC 7239 section 4).
pub(crate) fn forwarded<'a>(field: &'a [u8], name: &str) -> Option<&'a [u8]> {
    first_element(field).split(|&byte| byte == b';').find_map(|pair| {
        let equals = pair.iter().position(|&byte| byte == b'=')?;
        let value = pair[equals + 1..].trim_ascii();
        let value = value.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\"")).unwrap_or(value);
        let named = pair[..equals].trim_ascii().eq_ignore_ascii_case(name.as_bytes());
        (named && !value.is_empty()).then_some(value)
    })
}

/// The first element of a comma-separated list.
pub(crate) fn first_element(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == b',').next().unwrap_or_default().trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_are_cut_into_host_and_port() {
        let parts = |text: &'static str| host_port(text.as_bytes()).map(|found| (found.host, found.port));
        assert_eq!(parts("example.com"), Some((&b"example.com"[..], None)));
        assert_eq!(parts("example.com:8080"), Some((&b"example.com"[..], Some(8080))));
        assert_eq!(parts("[2001:db8::1]:443"), Some((&b"2001:db8::1"[..], Some(443))));
        assert_eq!(parts("2001:db8::1"), Some((&b"2001:db8::1"[..], None)));
        assert_eq!(parts("user:secret@host:99999"), Some((&b"host"[..], None)));
        assert_eq!(parts("user@ host:8080 "), Some((&b"host"[..], Some(8080))));
        assert_eq!(parts("a@b@[::1]:80"), Some((&b"::1"[..], Some(80))));
        assert_eq!(parts(""), None);
        assert_eq!(parts(":80"), None);
    }

    #[test]
    fn every_form_of_target_is_cut_into_its_parts() {
        let origin = target(b"/a/b?c=d?e", false);
        assert_eq!((origin.path, origin.query), (Some(&b"/a/b"[..]), Some(&b"c=d?e"[..])));
        let cut = target(b"/a?b#c?d", false);
        assert_eq!((cut.path, cut.query), (Some(&b"/a"[..]), Some(&b"b"[..])));
        let fragment = target(b"/a#b?c", false);
        assert_eq!((fragment.path, fragment.query), (Some(&b"/a"[..]), None));
        let absolute = target(b"http://u:p@host:1/x?y#z", false);
        assert_eq!(absolute.scheme, Some(&b"http"[..]));
        assert_eq!(absolute.authority, Some(&b"u:p@host:1"[..]));
        assert_eq!((absolute.path, absolute.query), (Some(&b"/x"[..]), Some(&b"y"[..])));
        assert_eq!(target(b"http://host", false).path, Some(&b"/"[..]));
        let authority = target(b"host:443", true);
        assert_eq!((authority.authority, authority.path), (Some(&b"host:443"[..]), None));
        assert_eq!(target(b"*", false).path, Some(&b"*"[..]));
        assert_eq!(target(b"/redirect?to=http://x", false).authority, None);
    }

    #[test]
    fn the_first_proxy_in_a_chain_is_believed() {
        let field = b"For=\"[2001:db8::1]:4711\";Proto=https;host=shop.example, for=10.0.0.1";
        assert_eq!(forwarded(field, "for"), Some(&b"[2001:db8::1]:4711"[..]));
        assert_eq!(forwarded(field, "proto"), Some(&b"https"[..]));
        assert_eq!(forwarded(field, "host"), Some(&b"shop.example"[..]));
        assert_eq!(forwarded(field, "by"), None);
        assert_eq!(first_element(b" 203.0.113.9 , 10.0.0.1"), b"203.0.113.9");
    }
}
