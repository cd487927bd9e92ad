//! Lines: everything in RESP but the bytes of a bulk string is one.

/// A marker with a number after it, such as `*3\r\n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    /// The number, and how many bytes the line takes.
    Whole(Length, usize),
    /// It goes on.
    NeedMore,
    /// No such line.
    Invalid,
}

/// What a header says of what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// So many bytes or elements.
    Known(u64),
    /// Nothing follows: RESP2's null.
    Null,
    /// It is sent in parts (RESP3).
    Streamed,
}

/// Longest line that a number can take: a marker, nineteen digits, the end.
pub(super) const HEADER_BYTES: usize = 22;

/// Reads the line that `bytes` begin with, whatever its marker is.
#[inline]
pub(super) fn header(bytes: &[u8]) -> Header {
    let mut value = 0_u64;
    let mut place = 1;
    loop {
        match bytes.get(place) {
            Some(digit @ b'0'..=b'9') if place <= 19 => {
                value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
                place += 1;
            }
            Some(b'\r') if place > 1 => return end(bytes, place, Length::Known(value)),
            Some(b'?') if place == 1 => return end(bytes, 2, Length::Streamed),
            Some(b'-') if place == 1 => {
                return match bytes.get(2) {
                    Some(b'1') => end(bytes, 3, Length::Null),
                    Some(_) => Header::Invalid,
                    None => Header::NeedMore,
                };
            }
            Some(_) => return Header::Invalid,
            None => return Header::NeedMore,
        }
    }
}

fn end(bytes: &[u8], place: usize, length: Length) -> Header {
    match bytes.get(place..) {
        Some([b'\r', b'\n', ..]) => Header::Whole(length, place + 2),
        Some([] | [b'\r']) => Header::NeedMore,
        _ => Header::Invalid,
    }
}

/// The number that a text is, if it is nothing else.
pub(super) fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 18 {
        return None;
    }
    text.iter()
        .try_fold(0, |value: u64, digit| digit.is_ascii_digit().then(|| value * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_number_and_its_line_s_end() {
        assert_eq!(header(b"*3\r\n$"), Header::Whole(Length::Known(3), 4));
        assert_eq!(header(b"$-1\r\n"), Header::Whole(Length::Null, 5));
        assert_eq!(header(b"*?\r\n"), Header::Whole(Length::Streamed, 4));
        assert_eq!(
            header(b"$1234567890123456789\r\n"),
            Header::Whole(Length::Known(1_234_567_890_123_456_789), 22)
        );
        for cut in [b"*".as_slice(), b"*3", b"*3\r", b"$-", b"$-1", b"$-1\r", b"*?", b"*?\r"] {
            assert_eq!(header(cut), Header::NeedMore, "{cut:?}");
        }
        for wrong in
            [b"*\r\n".as_slice(), b"*3\n", b"*3x", b"*-2", b"$-1x", b"$12345678901234567890\r\n", b"$ 1\r\n"]
        {
            assert_eq!(header(wrong), Header::Invalid, "{wrong:?}");
        }
    }

    #[test]
    fn numbers_are_digits_alone() {
        assert_eq!(number(b"17"), Some(17));
        assert_eq!(number(b"-1"), None);
        assert_eq!(number(b""), None);
        assert_eq!(number(b"1234567890123456789"), None);
    }
}
