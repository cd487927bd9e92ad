//! Masks what must not leave the host: credentials and signatures in URLs, and bytes that are no text.

use std::{borrow::Cow, fmt::Write as _};

/// What stands where a secret stood.
pub(crate) const REDACTED: &str = "REDACTED";

/// Query keys whose values sign a URL. OpenTelemetry's list for `url.full` and `url.query`, matched with case.
const SIGNATURE_KEYS: [&str; 7] = [
    "AWSAccessKeyId",
    "Signature",
    "sig",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Goog-Signature",
];

/// Query keys whose values are credentials by common usage (RFC 6750 section 2.3, OAuth 2, OpenID Connect, SAML, web
/// frameworks). Matched without case, and with `-` and `_` left out.
const SECRET_KEYS: [&str; 27] = [
    "accesskey",
    "accesstoken",
    "apikey",
    "apitoken",
    "auth",
    "authorization",
    "authtoken",
    "bearer",
    "clientassertion",
    "clientsecret",
    "code",
    "credential",
    "credentials",
    "idtoken",
    "jwt",
    "otp",
    "pass",
    "passwd",
    "password",
    "privatekey",
    "pwd",
    "refreshtoken",
    "samlresponse",
    "secret",
    "sessionid",
    "sessiontoken",
    "token",
];

/// Longest of [`SECRET_KEYS`].
const LONGEST_SECRET_KEY: usize = 15;

/// A path or target as text: what is not printable UTF-8 is percent-encoded, all else stays as it was sent.
pub(crate) fn target_text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if is_plain(bytes) => Cow::Borrowed(text),
        _ => Cow::Owned(encode_target(bytes)),
    }
}

/// Other text, such as a host or a user agent: what is not printable UTF-8 becomes U+FFFD.
pub(crate) fn field_text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if is_plain(bytes) => Cow::Borrowed(text),
        _ => Cow::Owned(
            String::from_utf8_lossy(bytes)
                .chars()
                .map(|character| if character.is_control() { char::REPLACEMENT_CHARACTER } else { character })
                .collect(),
        ),
    }
}

/// A query without its question mark, the values of secrets and signatures replaced, keys and order kept.
pub(crate) fn query_text(bytes: &[u8]) -> Cow<'_, str> {
    let secret =
        |pair: &[u8]| split_pair(pair).is_some_and(|(key, value)| !value.is_empty() && is_secret(key));
    if !pairs(bytes).any(|(pair, _)| secret(pair)) {
        return target_text(bytes);
    }
    let mut text = String::with_capacity(bytes.len());
    for (pair, separator) in pairs(bytes) {
        match split_pair(pair) {
            Some((key, value)) if !value.is_empty() && is_secret(key) => {
                text.push_str(&target_text(key));
                text.push('=');
                text.push_str(REDACTED);
            }
            _ => text.push_str(&target_text(pair)),
        }
        if let Some(separator) = separator {
            text.push(char::from(separator));
        }
    }
    Cow::Owned(text)
}

/// The authority of a URL with its user information, if any, replaced.
pub(crate) fn authority_text(bytes: &[u8]) -> Cow<'_, str> {
    match bytes.iter().rposition(|&byte| byte == b'@') {
        Some(at) => Cow::Owned(format!("{REDACTED}:{REDACTED}@{}", field_text(&bytes[at + 1..]))),
        None => field_text(bytes),
    }
}

fn is_plain(bytes: &[u8]) -> bool {
    // Without an early exit the compiler looks at many bytes at once.
    if bytes.iter().fold(true, |plain, &byte| plain & (0x20..0x7f).contains(&byte)) {
        return true;
    }
    bytes.iter().all(|&byte| byte >= 0x20 && byte != 0x7f) && !has_c1_control(bytes)
}

/// U+0080 to U+009F, which some terminals take as commands, are C2 80 to C2 9F in UTF-8.
fn has_c1_control(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair[0] == 0xc2 && pair[1] < 0xa0)
}

fn encode_target(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() {
                let mut buffer = [0; 4];
                encode_bytes(character.encode_utf8(&mut buffer).as_bytes(), &mut text);
            } else {
                text.push(character);
            }
        }
        encode_bytes(chunk.invalid(), &mut text);
    }
    text
}

fn encode_bytes(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "%{byte:02X}");
    }
}

/// The `key=value` parts of a query with the separator that follows each.
fn pairs(query: &[u8]) -> impl Iterator<Item = (&[u8], Option<u8>)> {
    query.split_inclusive(|&byte| byte == b'&' || byte == b';').map(|part| match part.split_last() {
        Some((&separator @ (b'&' | b';'), pair)) => (pair, Some(separator)),
        _ => (part, None),
    })
}

fn split_pair(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    // A loop: keys are too short for a search to be worth its call.
    let equals = pair.iter().position(|&byte| byte == b'=')?;
    Some((&pair[..equals], &pair[equals + 1..]))
}

/// First letters of [`SECRET_KEYS`], a bit for each.
const SECRET_INITIALS: u32 = {
    let (mut initials, mut index) = (0, 0);
    while index < SECRET_KEYS.len() {
        initials |= 1 << (SECRET_KEYS[index].as_bytes()[0] - b'a');
        index += 1;
    }
    initials
};

fn is_secret(key: &[u8]) -> bool {
    if matches!(key, [b'A' | b'S' | b's' | b'X', ..])
        && SIGNATURE_KEYS.iter().any(|name| name.as_bytes() == key)
    {
        return true;
    }
    if let [first, ..] = key
        && first.is_ascii_alphabetic()
        && SECRET_INITIALS >> (first.to_ascii_lowercase() - b'a') & 1 == 0
    {
        return false;
    }
    let mut plain = [0; LONGEST_SECRET_KEY];
    let mut length = 0;
    let mut rest = key;
    while let Some((byte, after)) = decode(rest) {
        rest = after;
        if matches!(byte, b'-' | b'_') {
            continue;
        }
        let Some(slot) = plain.get_mut(length) else { return false };
        *slot = byte.to_ascii_lowercase();
        length += 1;
    }
    SECRET_KEYS.iter().any(|name| name.as_bytes() == &plain[..length])
}

/// The first byte of a percent-encoded text, so that `%74oken` hides nothing, and what follows it.
fn decode(text: &[u8]) -> Option<(u8, &[u8])> {
    if let [b'%', high, low, rest @ ..] = text {
        let digits = (char::from(*high).to_digit(16), char::from(*low).to_digit(16));
        if let (Some(high), Some(low)) = digits {
            return Some((u8::try_from(high << 4 | low).unwrap_or(b'%'), rest));
        }
    }
    text.split_first().map(|(&byte, rest)| (byte, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_sign_a_url_are_replaced_and_their_keys_kept() {
        for key in SIGNATURE_KEYS {
            let query = format!("a=1&{key}=s3cr3t&b=2");
            assert_eq!(query_text(query.as_bytes()), format!("a=1&{key}=REDACTED&b=2"));
        }
        assert_eq!(query_text(b"SIG=x"), "SIG=x", "OpenTelemetry matches its list with case");
    }

    #[test]
    fn credentials_are_replaced_in_whatever_spelling() {
        for key in
            ["access_token", "Access-Token", "api_key", "apikey", "PASSWORD", "client_secret", "%74oken"]
        {
            assert_eq!(query_text(format!("{key}=x;z").as_bytes()), format!("{key}=REDACTED;z"), "{key}");
        }
        for key in ["tokens", "page", "passage", "tok%zzen", "a_very_long_key_that_is_no_secret"] {
            assert_eq!(query_text(format!("{key}=x").as_bytes()), format!("{key}=x"), "{key}");
        }
    }

    #[test]
    fn a_query_without_secrets_is_not_copied() {
        assert!(matches!(query_text(b"a=1&&b&=&token&token="), Cow::Borrowed("a=1&&b&=&token&token=")));
    }

    #[test]
    fn every_secret_key_can_match() {
        for key in SECRET_KEYS {
            assert!(key.len() <= LONGEST_SECRET_KEY && is_secret(key.as_bytes()), "{key}");
        }
        for key in SIGNATURE_KEYS {
            assert!(is_secret(key.as_bytes()), "{key}");
        }
    }

    #[test]
    fn user_information_is_replaced_up_to_the_last_at_sign() {
        assert_eq!(authority_text(b"user:p@ss@host:1"), "REDACTED:REDACTED@host:1");
        assert_eq!(authority_text(b"host:1"), "host:1");
    }

    #[test]
    fn targets_keep_what_is_text_and_encode_the_rest() {
        assert_eq!(target_text(b"/%"), "/%");
        assert_eq!(target_text("/grüße".as_bytes()), "/grüße");
        assert_eq!(target_text(b"/\xd9cc\x1b[2J"), "/%D9cc%1B[2J");
        assert_eq!(target_text("/\u{9b}2J".as_bytes()), "/%C2%9B2J");
    }

    #[test]
    fn other_text_never_carries_commands_for_a_terminal() {
        assert_eq!(field_text(b"a\x1bb\xffc"), "a\u{fffd}b\u{fffd}c");
        assert_eq!(field_text("curl/8 \u{9b}".as_bytes()), "curl/8 \u{fffd}");
    }
}
