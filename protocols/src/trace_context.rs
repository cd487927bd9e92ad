//! The fields `traceparent` and `tracestate` (W3C Trace Context level 2, sections 3.2 and 3.3).

use crate::TraceParent;

/// Length of a version 00 field: `00-<32 hex>-<16 hex>-<2 hex>`.
const LENGTH: usize = 55;

/// Reads a `traceparent` value; anything that the specification calls invalid gives `None`.
///
/// A version above 00 may carry more fields after another dash; the first four are read alike (section 3.3.1).
pub(crate) fn trace_parent(value: &[u8]) -> Option<TraceParent> {
    let value = value.trim_ascii();
    let (head, rest) = value.split_at_checked(LENGTH)?;
    if head[2] != b'-' || head[35] != b'-' || head[52] != b'-' {
        return None;
    }
    let [version] = hex::<1>(&head[..2])?;
    let fits = match version {
        0x00 => rest.is_empty(),
        0xff => false,
        _ => rest.first().is_none_or(|&byte| byte == b'-'),
    };
    let trace_id = hex::<16>(&head[3..35])?;
    let parent_span_id = hex::<8>(&head[36..52])?;
    let [flags] = hex::<1>(&head[53..55])?;
    (fits && trace_id != [0; 16] && parent_span_id != [0; 8]).then_some(TraceParent {
        trace_id,
        parent_span_id,
        flags,
    })
}

/// Lower-case hexadecimal only: upper case is invalid by section 3.2.2.
fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

const fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

/// Characters of a `tracestate` that are kept: as many as the specification asks all to pass on (section 3.3.1.5).
pub(crate) const STATE: usize = 512;
/// Members of a list that is valid (section 3.3.1.1).
const MEMBERS: usize = 32;
/// Characters of a key, and of a value (sections 3.3.1.3.1 and 3.3.1.3.2).
const WORD: usize = 256;

/// The members of a list that fit whole into what is kept: those at its end go first (section 3.3.1.5).
pub(crate) fn whole_members(list: &[u8]) -> &[u8] {
    let list = list.trim_ascii();
    if list.len() <= STATE {
        return list;
    }
    let end = list[..=STATE].iter().rposition(|&byte| byte == b',');
    list[..end.unwrap_or(0)].trim_ascii_end()
}

/// Reads a `tracestate` value; a list with anything invalid in it is invalid as a whole and gives `None`.
pub(crate) fn trace_state(list: &[u8]) -> Option<&str> {
    let list = list.trim_ascii();
    let mut members = 0;
    for member in list.split(|&byte| byte == b',') {
        // Empty members are allowed, for lists are joined from several fields.
        let member = member.trim_ascii();
        if member.is_empty() {
            continue;
        }
        members += 1;
        let equals = member.iter().position(|&byte| byte == b'=')?;
        if members > MEMBERS || !is_key(&member[..equals]) || !is_state_value(&member[equals + 1..]) {
            return None;
        }
    }
    if members == 0 || list.len() > STATE {
        return None;
    }
    str::from_utf8(list).ok()
}

/// Level 2 allows what level 1 does and more: a vendor's part may begin with a digit, and `@` may stand anywhere but first.
fn is_key(key: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    key.len() <= WORD
        && key.first().is_some_and(is_letter)
        && key.iter().all(|byte| is_letter(byte) || matches!(byte, b'_' | b'-' | b'*' | b'/' | b'@'))
}

fn is_state_value(value: &[u8]) -> bool {
    // No control characters, no comma (it was split at them), no second equals sign.
    (1..=WORD).contains(&value.len()) && value.iter().all(|&byte| matches!(byte, 0x20..0x7f) && byte != b'=')
}

#[cfg(test)]
mod tests {
    use super::{STATE, trace_parent, trace_state, whole_members};

    const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03";

    #[test]
    fn a_valid_field_is_read_with_all_its_flags() {
        let parent = trace_parent(VALID.as_bytes()).expect("valid");
        assert_eq!(parent.trace_id[..2], [0x0a, 0xf7]);
        assert_eq!(parent.parent_span_id, [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31]);
        assert_eq!(parent.flags, 3);
    }

    #[test]
    fn what_the_specification_calls_invalid_is_ignored() {
        let zero_trace = format!("00-{}-b7ad6b7169203331-01", "0".repeat(32));
        let zero_span = format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", "0".repeat(16));
        for value in [
            &VALID.to_uppercase(),
            &VALID.replacen("00", "ff", 1),
            &format!("{VALID}-extra"),
            &VALID.replace('-', "_"),
            &VALID[..54].to_owned(),
            &zero_trace,
            &zero_span,
            &String::new(),
        ] {
            assert_eq!(trace_parent(value.as_bytes()), None, "{value}");
        }
    }

    #[test]
    fn a_later_version_may_carry_more_fields() {
        let later = VALID.replacen("00", "cc", 1);
        assert!(trace_parent(later.as_bytes()).is_some());
        assert!(trace_parent(format!("{later}-what-the-future-holds").as_bytes()).is_some());
        assert_eq!(trace_parent(format!("{later}x").as_bytes()), None);
    }

    #[test]
    fn a_valid_state_is_kept_as_it_came() {
        let many = vec!["k=v"; 32].join(",");
        let widest = format!("{}={}", "k".repeat(256), "v".repeat(255));
        for valid in [
            "congo=t61rcWkgMzE",
            "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
            "foo=1 \t , \t bar=2",
            "foo=1,,bar=2,",
            "fw529a3039@dt=FfAAAACeAAABAA",
            "0ab@x=1",
            "a_-*/@1=!\"#$%&'()*+-./:;<>?@[\\]^_`{|}~ x",
            &many,
            &widest,
        ] {
            assert_eq!(trace_state(valid.as_bytes()), Some(valid), "{valid}");
        }
        assert_eq!(trace_state(b" \tfoo=1\t "), Some("foo=1"));
    }

    #[test]
    fn a_state_with_anything_invalid_in_it_is_ignored() {
        let many = vec!["k=v"; 33].join(",");
        let (long_key, long_value) = (format!("{}=1", "k".repeat(257)), format!("k={}", "v".repeat(257)));
        for invalid in [
            "",
            " ",
            ",",
            "foo",
            "foo=",
            "=1",
            "foo=1,bar",
            "foo =1",
            "FOO=1",
            "foo.bar=1",
            "@foo=1",
            "_foo=1",
            "foo=1=2",
            "foo=\x01",
            "foo=a\tb",
            "foo=\u{e9}",
            &many,
            &long_key,
            &long_value,
        ] {
            assert_eq!(trace_state(invalid.as_bytes()), None, "{invalid:?}");
        }
    }

    #[test]
    fn of_a_long_state_the_first_members_are_kept_whole() {
        let member = format!("k={}", "v".repeat(98));
        let list = [member.as_str(); 6].join(",");
        let kept = whole_members(list.as_bytes());
        assert_eq!(kept, [member.as_str(); 5].join(",").as_bytes());
        assert!(trace_state(kept).is_some() && trace_state(list.as_bytes()).is_none());
        let exact = format!("k={},b=2", "v".repeat(STATE - 2));
        assert_eq!(whole_members(exact.as_bytes()).len(), STATE);
        assert_eq!(whole_members(&[b'x'; 600]), b"");
    }
}
