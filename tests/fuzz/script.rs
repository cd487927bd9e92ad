//! Reads the steps of a script, whose format is told in `connection.rs`.

use plainsight_protocols::{Direction, GapCause};

/// One step.
pub(crate) enum Step {
    /// A segment.
    Bytes(Vec<u8>),
    /// So many bytes were not seen.
    Gap(u64, GapCause),
    /// So many times 16 milliseconds pass.
    Wait(u8),
    /// A stream ends.
    End,
    /// The connection closes, and the script ends; why.
    Close(u8),
}

/// Takes the next step off a script.
pub(crate) fn next(script: &mut &[u8]) -> Option<(Direction, Step)> {
    let [operation, amount, rest @ ..] = *script else { return None };
    *script = rest;
    let direction = if operation & 8 > 0 { Direction::ToClient } else { Direction::ToServer };
    let step = match operation & 7 {
        scale @ 0..=2 => {
            let length = usize::from(*amount) * [1, 8, 64][usize::from(scale)];
            let (bytes, rest) = rest.split_at(length.min(rest.len()));
            *script = rest;
            let mut bytes = bytes.to_vec();
            if operation & 16 > 0 {
                bytes.pop();
                bytes.extend_from_slice(b"\r\n");
            }
            Step::Bytes(bytes)
        }
        3 => Step::Gap(u64::from(*amount), GapCause::Lost { calls: u64::from(operation >> 4 & 7) }),
        4 => Step::Gap(u64::from(*amount) * 64, GapCause::NotCopied),
        5 => Step::Wait(*amount),
        6 => Step::End,
        _ => Step::Close(*amount),
    };
    Some((direction, step))
}
