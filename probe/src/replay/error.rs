//! Why a capture file could not be read, or not to its end.

use std::{io, path::PathBuf};

/// Why a capture file could not be read, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file cannot be opened.
    #[error("cannot open {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file cannot be read further.
    #[error("cannot read on at byte {offset}: {source}")]
    Read {
        /// Where.
        offset: u64,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is of another kind.
    #[error("not a pcap or pcapng file: {looks_like}")]
    NotACapture {
        /// What the first bytes look like, with a remedy where there is one.
        looks_like: String,
    },
    /// A pcap or pcapng file of a major version that does not exist yet.
    #[error("{format} version {major} is not known here: only version {known} is")]
    UnsupportedVersion {
        /// `pcap` or `pcapng`.
        format: &'static str,
        /// The major version in the file.
        major: u16,
        /// The major version that is read.
        known: u16,
    },
    /// The file ends in the middle of something.
    #[error(
        "the file ends at byte {offset} in the middle of {inside} after {packets} whole packets: it was cut, or is \
         still being written; everything before was read"
    )]
    Truncated {
        /// Length of the file.
        offset: u64,
        /// What is not whole.
        inside: &'static str,
        /// Whole packets before the cut.
        packets: u64,
    },
    /// A length that no capture has: reading on would be reading noise.
    #[error(
        "the {what} at byte {offset}, after {packets} packets, claims {claimed} bytes where at most {limit} can be: \
         the file is damaged from there on; everything before was read"
    )]
    TooLong {
        /// What claims it.
        what: &'static str,
        /// Where it begins.
        offset: u64,
        /// The length it claims.
        claimed: u64,
        /// The highest that is believed.
        limit: u64,
        /// Whole packets before it.
        packets: u64,
    },
    /// Something that contradicts itself or the format.
    #[error(
        "the {what} at byte {offset}, after {packets} packets, {problem}: the file is damaged from there on; \
         everything before was read"
    )]
    Damaged {
        /// What contradicts itself.
        what: &'static str,
        /// Where it begins.
        offset: u64,
        /// What is wrong with it.
        problem: &'static str,
        /// Whole packets before it.
        packets: u64,
    },
    /// The packets are of a network whose framing is not known here.
    #[error(
        "packets of link type {link_type} cannot be read: supported are Ethernet, Linux cooked (v1 and v2), raw IP and \
         BSD loopback"
    )]
    UnsupportedLinkType {
        /// Its number and, where it has a common one, its name.
        link_type: String,
    },
}
