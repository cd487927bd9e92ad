//! Where secrets are, without patterns. Each takes time linear in the text.

use std::ops::Range;

/// Numbers of payment cards, perhaps in groups with spaces or dashes between.
pub(super) fn card_numbers(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            if !bytes[at].is_ascii_digit() {
                at += 1;
                continue;
            }
            // Part of a word or a longer number: no card.
            let is_within =
                at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || matches!(bytes[at - 1], b'.' | b'_'));
            if !is_within && let Some(end) = card_number(bytes, at) {
                let place = at..end;
                at = end;
                return Some(place);
            }
            at += bytes[at..].iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len() - at);
        }
        None
    })
}

/// Where the longest number ends that begins there and is one of a card.
fn card_number(bytes: &[u8], start: usize) -> Option<usize> {
    // Issuers of payment cards have numbers that begin with 2 to 6 (ISO/IEC 7812).
    if !(b'2'..=b'6').contains(&bytes[start]) {
        return None;
    }
    let mut digits = [0; 19];
    let mut count = 0;
    let mut at = start;
    let mut longest = None;
    while let Some(&byte) = bytes.get(at) {
        if byte.is_ascii_digit() {
            *digits.get_mut(count)? = byte - b'0';
            count += 1;
            at += 1;
            let is_end = !bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
            if is_end && count >= 13 && is_valid(&digits[..count]) {
                longest = Some(at);
            }
            if count == digits.len() && !is_end {
                return longest;
            }
        } else if matches!(byte, b' ' | b'-')
            && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)
            && count < digits.len()
        {
            at += 1;
        } else {
            break;
        }
    }
    longest
}

/// Whether the last digit checks the others (Luhn).
fn is_valid(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(index, &digit)| match (index % 2, u32::from(digit)) {
            (0, digit) => digit,
            (_, digit @ 5..) => 2 * digit - 9,
            (_, digit) => 2 * digit,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Addresses of e-mail, as they are commonly written.
pub(super) fn emails(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let mut least = 0;
    memchr::memchr_iter(b'@', bytes).filter_map(move |place| {
        let is_local = |byte: &u8| byte.is_ascii_alphanumeric() || b"._%+-".contains(byte);
        let local =
            bytes[least.min(place)..place].iter().rev().take(64).take_while(|byte| is_local(byte)).count();
        let is_domain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        let domain = bytes[place + 1..].iter().take(253).take_while(|byte| is_domain(byte)).count();
        let domain = text[place + 1..place + 1 + domain].trim_end_matches(['.', '-']);
        let (name, top) = domain.rsplit_once('.')?;
        let is_address = local > 0
            && !name.is_empty()
            && top.len() >= 2
            && top.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !is_address {
            return None;
        }
        least = place + 1 + domain.len();
        Some(place - local..least)
    })
}

/// Passwords in `scheme://user:password@host`.
pub(super) fn url_passwords(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    memchr::memmem::find_iter(bytes, b"://").filter_map(move |place| {
        let start = place + 3;
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"/?#\"'<>".contains(byte);
        let length = bytes[start..].iter().take(1024).position(is_end);
        let authority = &bytes[start..start + length.unwrap_or((bytes.len() - start).min(1024))];
        let at = memchr::memrchr(b'@', authority)?;
        let colon = memchr::memchr(b':', &authority[..at])?;
        (colon + 1 < at).then_some(start + colon + 1..start + at)
    })
}
