//! The `traceparent` field (W3C Trace Context level 2, section 3.2).

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

#[cfg(test)]
mod tests {
    use super::trace_parent;

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
}
