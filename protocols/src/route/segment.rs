//! Tells words from values.

/// Bytes of a segment that may be shown as it is.
pub(super) const LONGEST: usize = 64;

/// Words of a segment that may be shown as it is: titles have more.
const WORDS: usize = 5;

/// Words with more digits than one expects of words.
const KNOWN: [&str; 9] =
    ["ed25519", "h264", "h265", "sha224", "sha256", "sha384", "sha512", "secp256k1", "x509"];

/// What stands for a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Replacement<'a> {
    pub(super) placeholder: &'static str,
    /// What of the segment is written behind it.
    pub(super) kept: &'a [u8],
}

/// What is to stand for a segment, `None` if it may stay as it is.
pub(super) fn replacement(segment: &[u8]) -> Option<Replacement<'_>> {
    match segment {
        [b'v' | b'V', b'0'..=b'9'] => return None,
        [b'0'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => {
            return Some(Replacement { placeholder: "{id}", kept: b"" });
        }
        _ if is_usual(segment) => return None,
        _ => {}
    }
    if segment.len() > LONGEST * 3 {
        return Some(Replacement { placeholder: "{token}", kept: b"" });
    }
    // Parameters of a segment (RFC 3986 section 3.3) are values, session identities among them.
    let (own, parameters) = match memchr::memchr(b';', segment) {
        Some(at) => (segment.get(..at).unwrap_or_default(), true),
        None => (segment, false),
    };
    let (stem, extension) = split_extension(own);
    let placeholder = if memchr::memchr(b'%', own).is_some() {
        let mut room = [0; LONGEST * 3];
        classify(decode(stem, &mut room))
    } else {
        classify(stem)
    };
    match placeholder {
        Some(placeholder) => Some(Replacement { placeholder, kept: extension }),
        None if parameters => Some(Replacement { placeholder: "", kept: own }),
        None => None,
    }
}

/// Small letters, what joins words of them, and what lies between segments.
#[derive(Clone, Copy)]
enum Class {
    Other,
    Vowel,
    Consonant,
    Separator,
    Slash,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Other; 256];
    let mut letter = b'a';
    while letter <= b'z' {
        classes[letter as usize] = match letter {
            b'a' | b'e' | b'i' | b'o' | b'u' | b'y' => Class::Vowel,
            _ => Class::Consonant,
        };
        letter += 1;
    }
    classes[b'-' as usize] = Class::Separator;
    classes[b'_' as usize] = Class::Separator;
    classes[b'.' as usize] = Class::Separator;
    classes[b'/' as usize] = Class::Slash;
    classes
};

/// Bytes of a segment of usual words. No word is longer than its segment.
const USUAL: usize = 24;

/// Whether a segment is made of words such as most are, so that nothing below would replace it. A shortcut: other
/// segments may be kept as well.
fn is_usual(segment: &[u8]) -> bool {
    are_usual(segment, 1) && !segment.is_empty()
}

/// The same of a whole path, of so many segments at most. Versions, such as `v1`, are usual, too.
pub(super) fn are_usual(path: &[u8], most: usize) -> bool {
    let (mut run, mut separators, mut start, mut segments) = (0, 0, 0, 0);
    for (index, &byte) in path.iter().enumerate() {
        match CLASSES[usize::from(byte)] {
            Class::Vowel => run = 0,
            Class::Consonant => {
                run += 1;
                if run >= 5 {
                    return false;
                }
            }
            Class::Separator => {
                run = 0;
                separators += 1;
            }
            Class::Slash => {
                if !may_end(index - start, separators) {
                    return false;
                }
                segments += usize::from(index > start);
                (run, separators, start) = (0, 0, index + 1);
            }
            Class::Other if is_short_version(path, start, index) => {}
            Class::Other => return false,
        }
    }
    segments += usize::from(path.len() > start);
    may_end(path.len() - start, separators) && segments <= most
}

/// Whether a segment of usual bytes is one of usual words.
const fn may_end(length: usize, separators: usize) -> bool {
    length <= USUAL && separators < WORDS && (separators < length || length == 0)
}

/// Whether the byte at `index` is the end of the segment `v1` that begins at `start`.
fn is_short_version(path: &[u8], start: usize, index: usize) -> bool {
    index == start + 1
        && matches!(path.get(start..=index), Some([b'v', b'0'..=b'9']))
        && matches!(path.get(index + 1), None | Some(b'/'))
}

/// The bytes that a percent-encoded text stands for (RFC 3986 section 2.1).
fn decode<'r>(text: &[u8], room: &'r mut [u8]) -> &'r [u8] {
    let (mut length, mut index) = (0, 0);
    while let (Some(&byte), Some(slot)) = (text.get(index), room.get_mut(length)) {
        let digit = |at: usize| text.get(at).and_then(|&byte| char::from(byte).to_digit(16));
        let encoded = (byte == b'%').then(|| Some(digit(index + 1)? << 4 | digit(index + 2)?)).flatten();
        *slot = encoded.and_then(|code| u8::try_from(code).ok()).unwrap_or(byte);
        index += if encoded.is_some() { 3 } else { 1 };
        length += 1;
    }
    room.get(..length).unwrap_or_default()
}

/// A file's name without its extension, and the extension with its dot.
fn split_extension(segment: &[u8]) -> (&[u8], &[u8]) {
    let extension = memchr::memrchr(b'.', segment).filter(|&dot| {
        let extension = segment.get(dot + 1..).unwrap_or_default();
        let digits = extension.iter().filter(|byte| byte.is_ascii_digit()).count();
        dot > 0
            && (1..=5).contains(&extension.len())
            && extension.first().is_some_and(u8::is_ascii_alphabetic)
            && extension.iter().all(u8::is_ascii_alphanumeric)
            && digits <= 1
            // The host of an e-mail address ends alike, perhaps in disguise.
            && memchr::memchr2(b'@', b'%', segment).is_none()
    });
    segment.split_at(extension.unwrap_or(segment.len()))
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte >= 0x80
}

fn classify(text: &[u8]) -> Option<&'static str> {
    let (mut digits, mut letters, mut hexadecimal, mut plain) = (0, 0, 0, true);
    for &byte in text {
        digits += usize::from(byte.is_ascii_digit());
        letters += usize::from(is_letter(byte));
        hexadecimal += usize::from(byte.is_ascii_hexdigit());
        plain &= byte.is_ascii() && !byte.is_ascii_control();
    }
    if !plain && !std::str::from_utf8(text).is_ok_and(|text| !text.contains(char::is_control)) {
        return Some("{token}");
    }
    match memchr::memchr(b'@', text) {
        Some(0) => return Some("{name}"),
        Some(at) if text.get(at + 1).is_some_and(|&byte| is_letter(byte)) => return Some("{email}"),
        Some(_) => return Some("{id}"),
        None => {}
    }
    if digits == 0 && letters == 0 {
        return (text.len() > 8).then_some("{token}");
    }
    if is_uuid(text) {
        return Some("{uuid}");
    }
    if starts_with_date(text) {
        return Some("{date}");
    }
    if letters == 0 {
        return Some(if is_ipv4(text) { "{ip}" } else { "{id}" });
    }
    if hexadecimal == text.len() && is_hash(text.len(), digits) {
        return Some("{hash}");
    }
    if text.len() > LONGEST {
        return Some("{token}");
    }
    classify_words(text)
}

/// Looks at the words of a segment, one by one.
fn classify_words(text: &[u8]) -> Option<&'static str> {
    let mut words = 0;
    let mut separator = None;
    let mut rest = text;
    while !rest.is_empty() {
        let end =
            rest.iter().position(|&byte| !is_letter(byte) && !byte.is_ascii_digit()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if !word.is_empty() {
            words += 1;
            let value = words == 1 || matches!(separator, Some(b'(' | b'=' | b':' | b','));
            if let Some(placeholder) = classify_word(word, value) {
                return Some(placeholder);
            }
        }
        separator = after.first().copied();
        rest = after.get(1..).unwrap_or_default();
    }
    (words > WORDS).then_some("{slug}")
}

/// Looks at one word. `value` where a number is a value however short it is.
fn classify_word(word: &[u8], value: bool) -> Option<&'static str> {
    let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
    if digits == word.len() {
        return (value || digits > 2).then_some("{id}");
    }
    if digits == 0 {
        return is_opaque(word).then_some("{token}");
    }
    if is_version(word) || KNOWN.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes())) {
        return None;
    }
    let hexadecimal = word.iter().all(u8::is_ascii_hexdigit);
    if hexadecimal && (is_hash(word.len(), digits) || (word.len() >= 6 && digits > 2)) {
        return Some("{hash}");
    }
    let first_digit = word.iter().position(u8::is_ascii_digit).unwrap_or(0);
    let (before, behind) = word.split_at(first_digit);
    let run = behind.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits > 2 && run == behind.len() && !before.is_empty() && !is_opaque(before) {
        return Some("{id}");
    }
    let scattered = run < digits && word.len() > 4;
    (digits > 2 || scattered || word.len() > 20 || is_opaque(word)).then_some("{token}")
}

/// `v1`, `v1beta2`: a number of the interface, of which there are few.
fn is_version(word: &[u8]) -> bool {
    let Some((b'v' | b'V', rest)) = word.split_first() else { return false };
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let major = digits(rest);
    let rest = rest.get(major..).unwrap_or_default();
    let stage = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (stage, minor) = rest.split_at(stage);
    (1..=3).contains(&major)
        && [&b""[..], b"alpha", b"beta", b"rc", b"preview", b"p"].contains(&stage)
        && minor.len() <= 2
        && digits(minor) == minor.len()
}

fn is_hash(length: usize, digits: usize) -> bool {
    length >= 16 || (length >= 8 && digits > 0)
}

/// Letters that no language would put together. Camel case is how programs write several words.
fn is_opaque(word: &[u8]) -> bool {
    let (mut vowels, mut run, mut longest_run) = (0, 0, 0);
    let (mut humps, mut capitals, mut small_letters, mut longest_word) = (0, 0, 0, 0);
    let mut before_small = false;
    for &byte in word {
        if matches!(byte.to_ascii_lowercase(), b'a' | b'e' | b'i' | b'o' | b'u' | b'y')
            || !byte.is_ascii_alphabetic()
        {
            vowels += 1;
            run = 0;
        } else {
            run += 1;
            longest_run = longest_run.max(run);
        }
        capitals += usize::from(byte.is_ascii_uppercase());
        humps += usize::from(before_small && byte.is_ascii_uppercase());
        before_small = byte.is_ascii_lowercase();
        small_letters = if before_small { small_letters + 1 } else { 0 };
        longest_word = longest_word.max(small_letters);
    }
    let length = word.len();
    (humps >= 2 && (humps * 3 > length || (capitals * 5 > length * 2 && length >= 8)))
        || (length >= 8 && longest_run >= 5 && vowels * 5 < length)
        || longest_word > 24
        || (length > 24 && humps == 0 && word.is_ascii())
}

fn is_uuid(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"{").and_then(|text| text.strip_suffix(b"}")).unwrap_or(text);
    text.len() == 36
        && text.iter().enumerate().all(|(index, &byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// `2024-05`, `2024-05-01`, and either with a time behind it.
fn starts_with_date(text: &[u8]) -> bool {
    let [a, b, _, _, dash @ (b'-' | b'_' | b'.'), m, n, rest @ ..] = text else { return false };
    let year = matches!((a, b), (b'1', b'9') | (b'2', b'0')) && text.iter().take(4).all(u8::is_ascii_digit);
    let month = matches!((m, n), (b'0', b'1'..=b'9') | (b'1', b'0'..=b'2'));
    let day = match rest {
        [] => true,
        [other, d, e, rest @ ..] if other == dash => {
            matches!(d, b'0'..=b'3')
                && e.is_ascii_digit()
                && rest
                    .first()
                    .is_none_or(|byte| matches!(byte, b'T' | b't' | b' ' | b'_' | b'-' | b'+' | b'Z'))
        }
        _ => false,
    };
    year && month && day
}

fn is_ipv4(text: &[u8]) -> bool {
    let mut parts = 0;
    text.split(|&byte| byte == b'.').all(|part| {
        parts += 1;
        (1..=3).contains(&part.len()) && part.iter().all(u8::is_ascii_digit)
    }) && parts == 4
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_shortcut_keeps_only_what_is_kept_anyway(segment in "[a-z._-]{1,30}") {
            if is_usual(segment.as_bytes()) {
                let (stem, _) = split_extension(segment.as_bytes());
                prop_assert_eq!(classify(stem), None, "{}", segment);
            }
        }

        #[test]
        fn a_usual_path_is_one_of_segments_that_are_kept(
            segments in prop::collection::vec("[a-z._-]{0,10}|[a-zA-Z0-9._-]{0,4}|v[0-9]{1,2}", 0..14),
        ) {
            let path = segments.join("/");
            if are_usual(path.as_bytes(), 10) {
                for segment in &segments {
                    prop_assert_eq!(replacement(segment.as_bytes()), None, "{}", path);
                }
                prop_assert!(segments.iter().filter(|segment| !segment.is_empty()).count() <= 10);
            }
        }
    }
}
