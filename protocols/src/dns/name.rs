//! Domain names on the wire (RFC 1035 sections 3.1 and 4.1.4): labels, each behind its length, and pointers to the rest
//! of a name that stands earlier in the message.

use std::fmt;

/// Longest name, its lengths and the final zero included (RFC 1035 section 2.3.4).
pub(super) const NAME_BYTES: usize = 255;

/// Why a name, or anything else, could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The bytes ended first.
    Short,
    /// They are no name.
    Malformed,
}

/// One step in a name: what stands at a place.
enum Step<'a> {
    Label(&'a [u8]),
    Pointer(usize),
    End,
}

fn step(message: &[u8], at: usize) -> Result<Step<'_>, Fault> {
    let &length = message.get(at).ok_or(Fault::Short)?;
    match length {
        0 => Ok(Step::End),
        1..=63 => {
            let label = message.get(at + 1..at + 1 + usize::from(length)).ok_or(Fault::Short)?;
            Ok(Step::Label(label))
        }
        0xc0.. => {
            let &low = message.get(at + 1).ok_or(Fault::Short)?;
            Ok(Step::Pointer(usize::from(length & 0x3f) << 8 | usize::from(low)))
        }
        // Reserved, save for a kind of label that was tried and given up (RFC 6891 section 5).
        64..=0xbf => Err(Fault::Malformed),
    }
}

/// Where the name at `start` ends. A pointer is not followed, but must point at something before the name.
pub(super) fn skip(message: &[u8], start: usize) -> Result<usize, Fault> {
    let mut at = start;
    loop {
        match step(message, at)? {
            Step::Label(label) => at += 1 + label.len(),
            Step::Pointer(target) if target >= super::message::HEAD_BYTES && target < start => {
                return Ok(at + 2);
            }
            Step::Pointer(_) => return Err(Fault::Malformed),
            Step::End => return Ok(at + 1),
        }
        if at - start >= NAME_BYTES {
            return Err(Fault::Malformed);
        }
    }
}

/// The labels of a name, pointers followed. Ends early where the name is cut or is none.
#[derive(Clone)]
struct Labels<'a> {
    message: &'a [u8],
    at: usize,
    /// Pointers must lead to ever earlier places, so that following them comes to an end.
    before: usize,
    left: usize,
    whole: bool,
}

impl<'a> Labels<'a> {
    const fn new(message: &'a [u8], at: usize) -> Self {
        Self { message, at, before: at, left: NAME_BYTES - 1, whole: false }
    }
}

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            match step(self.message, self.at) {
                Ok(Step::Label(label)) => {
                    self.left = self.left.checked_sub(1 + label.len())?;
                    self.at += 1 + label.len();
                    return Some(label);
                }
                Ok(Step::Pointer(target)) if target < self.before => {
                    self.at = target;
                    self.before = target;
                }
                Ok(Step::End) => {
                    self.whole = true;
                    return None;
                }
                _ => return None,
            }
        }
    }
}

/// Appends the name at `start` to `name` as it would stand without pointers. Gives whether it is whole; if it is not,
/// nothing was appended.
pub(super) fn expand(message: &[u8], start: usize, name: &mut Vec<u8>) -> bool {
    let before = name.len();
    let mut labels = Labels::new(message, start);
    for label in labels.by_ref() {
        name.push(label.len() as u8);
        name.extend_from_slice(label);
    }
    if labels.whole {
        name.push(0);
    } else {
        name.truncate(before);
    }
    labels.whole
}

/// Whether the name at `start` is this one, letters of either case being the same (RFC 4343).
pub(super) fn equals(message: &[u8], start: usize, name: &[u8]) -> bool {
    // Lengths are below 64 and so no letters: the whole can be compared as one text.
    if message.get(start..start + name.len()).is_some_and(|bytes| bytes.eq_ignore_ascii_case(name)) {
        return true;
    }
    let (mut mine, mut theirs) = (Labels::new(message, start), Labels::new(name, 0));
    loop {
        match (mine.next(), theirs.next()) {
            (Some(one), Some(other)) if one.eq_ignore_ascii_case(other) => {}
            (None, None) => return mine.whole && theirs.whole,
            _ => return false,
        }
    }
}

/// A number that is the same for the same name in any case, however it is written. FNV-1a, 64 bits; for telling names
/// apart among few, not for tables that a stranger fills.
pub(super) fn digest(message: &[u8], start: usize) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    Labels::new(message, start).fold(BASIS, |hash, label| {
        std::iter::once(label.len() as u8)
            .chain(label.iter().map(u8::to_ascii_lowercase))
            .fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    })
}

/// Whether the name ends in this label, as `local` ends names of multicast DNS.
pub(super) fn ends_in(message: &[u8], start: usize, last: &[u8]) -> bool {
    Labels::new(message, start).last().is_some_and(|label| label.eq_ignore_ascii_case(last))
}

/// The first label.
pub(super) fn first_label(message: &[u8], start: usize) -> Option<&[u8]> {
    Labels::new(message, start).next()
}

/// Writes the name at `start` as a zone file has it (RFC 1035 section 5.1), without the final dot: what is not
/// printable as `\DDD`, a dot within a label as `\.`.
pub(super) fn write(message: &[u8], start: usize, out: &mut dyn fmt::Write) -> fmt::Result {
    let mut labels = Labels::new(message, start);
    let mut first = true;
    for label in labels.by_ref() {
        if !std::mem::take(&mut first) {
            out.write_char('.')?;
        }
        write_label(label, out)?;
    }
    if first { out.write_char('.') } else { Ok(()) }
}

fn write_label(label: &[u8], out: &mut dyn fmt::Write) -> fmt::Result {
    let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'.' | b'\\' | b'"');
    if label.iter().all(plain)
        && let Ok(text) = std::str::from_utf8(label)
    {
        return out.write_str(text);
    }
    for byte in label {
        match byte {
            byte if plain(byte) => out.write_char(char::from(*byte))?,
            b'.' | b'\\' | b'"' => write!(out, "\\{}", char::from(*byte))?,
            _ => write!(out, "\\{byte:03}")?,
        }
    }
    Ok(())
}

/// The name as text.
pub(super) fn text(message: &[u8], start: usize) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(message, start, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twelve bytes of head, then `example.org`, then `www` with a pointer to it.
    const MESSAGE: &[u8] = b"............\x07example\x03org\0\x03wWw\xc0\x0c";
    const SECOND: usize = 25;

    #[test]
    fn pointers_are_followed_and_never_forwards() {
        assert_eq!(text(MESSAGE, SECOND), "wWw.example.org");
        assert_eq!(skip(MESSAGE, SECOND), Ok(MESSAGE.len()));
        assert!(equals(MESSAGE, SECOND, b"\x03www\x07EXAMPLE\x03org\0"));
        assert!(!equals(MESSAGE, SECOND, b"\x03www\x07EXAMPLE\0"));
        assert!(!equals(MESSAGE, SECOND, b"\x03www\x07EXAMPLE\x03org\x01a\0"));
        assert_eq!(digest(MESSAGE, SECOND), digest(b"\x03WWW\x07example\x03org\0", 0));
        let mut name = Vec::new();
        assert!(expand(MESSAGE, SECOND, &mut name));
        assert_eq!(name, b"\x03wWw\x07example\x03org\0");
        let circle = b"............\x01a\xc0\x0c";
        assert_eq!(skip(circle, 12), Err(Fault::Malformed), "a name that contains itself");
        assert!(!expand(circle, 12, &mut name));
        assert_eq!(name, b"\x03wWw\x07example\x03org\0", "and nothing of it was kept");
        assert_eq!(skip(b"............\xc0\x0e\x01a\0", 12), Err(Fault::Malformed));
    }

    #[test]
    fn names_are_bounded_in_length_and_labels_in_kind() {
        let long = [b"\x3f".as_slice(), &[b'a'; 63]].concat().repeat(4);
        assert_eq!(skip(&[&long[..], b"\0"].concat(), 0), Err(Fault::Malformed), "257 bytes");
        let longest = [&long[..192], b"\x3d", &[b'a'; 61], b"\0"].concat();
        assert_eq!(longest.len(), NAME_BYTES);
        assert_eq!(skip(&longest, 0), Ok(NAME_BYTES));
        let mut name = Vec::new();
        assert!(expand(&longest, 0, &mut name));
        assert_eq!(skip(b"\x41a\0", 0), Err(Fault::Malformed));
        assert_eq!(skip(b"\x05abc", 0), Err(Fault::Short));
        assert_eq!(skip(b"", 0), Err(Fault::Short));
        // Each name adds a label to the one before it and points there.
        let mut message = vec![b'.'; 12];
        message.extend_from_slice(b"\0");
        let mut target = 12_u16;
        for _ in 0..200 {
            let here = message.len() as u16;
            message.extend_from_slice(b"\x01a");
            message.extend_from_slice(&(0xc000 | target).to_be_bytes());
            target = here;
        }
        assert!(!expand(&message, usize::from(target), &mut name), "longer than a name may be");
        assert!(text(&message, usize::from(target)).len() <= NAME_BYTES);
    }

    #[test]
    fn text_holds_no_control_characters_and_tells_dots_from_dots() {
        assert_eq!(text(b"\x04a.b\\\x05\x1b\xff \"x\0", 0), r#"a\.b\\.\027\255\032\"x"#);
        assert_eq!(text(b"\0", 0), ".");
    }
}
