//! Where one packet ends: three bytes of length, a sequence number, the payload. A payload of 16 MiB less one byte is
//! continued by the next packet.

use super::{command, detect};
use crate::framed::Layout;

/// Bytes before the payload.
pub(super) const HEADER_BYTES: usize = 4;

/// Length of a packet, header included, whose payload the next packet continues.
pub(super) const CONTINUED_BYTES: u64 = 0xff_ffff + HEADER_BYTES as u64;

/// Bytes kept of a client's packet: the text of a statement, and what may stand before it.
pub(super) const CLIENT_KEEP_BYTES: usize = HEADER_BYTES + command::TEXT_BYTES + 512;

/// Bytes kept of a server's packet: all of an error, and the changes to a session that a server tells of.
pub(super) const SERVER_KEEP_BYTES: usize = 1024;

/// Length of the payload that a header announces.
pub(super) fn payload_bytes(header: &[u8]) -> Option<usize> {
    match header {
        [low, middle, high, ..] => {
            Some(usize::from(*low) | usize::from(*middle) << 8 | usize::from(*high) << 16)
        }
        _ => None,
    }
}

fn length(header: &[u8]) -> Option<u64> {
    payload_bytes(header).map(|bytes| (bytes + HEADER_BYTES) as u64)
}

/// What clients send.
#[derive(Debug, Default)]
pub(super) struct ClientPackets {
    /// Whether the next packet must begin a command: of at least a byte, with sequence number 0.
    pub(super) commands_only: bool,
}

impl Layout for ClientPackets {
    fn header_bytes(&self) -> usize {
        HEADER_BYTES
    }

    fn length(&self, header: &[u8]) -> Option<u64> {
        let command = matches!(*header, [low, middle, high, 0] if low | middle | high != 0);
        if self.commands_only && !command { None } else { length(header) }
    }

    fn keep_bytes(&self) -> usize {
        CLIENT_KEEP_BYTES
    }

    fn resumes(&self, bytes: &[u8]) -> bool {
        detect::resumes_commands(bytes)
    }
}

/// What servers send.
#[derive(Debug)]
pub(super) struct ServerPackets;

impl Layout for ServerPackets {
    fn header_bytes(&self) -> usize {
        HEADER_BYTES
    }

    fn length(&self, header: &[u8]) -> Option<u64> {
        length(header)
    }

    fn keep_bytes(&self) -> usize {
        SERVER_KEEP_BYTES
    }

    fn resumes(&self, bytes: &[u8]) -> bool {
        detect::begins_response(bytes)
    }
}
