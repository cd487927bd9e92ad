//! What the kernel tells of processes, from a ring of its own: a host that starts thousands of programs a second fills this
//! one, and no other.

use std::os::fd::{AsRawFd, RawFd};

use aya::maps::{MapData, RingBuf};
use probe_ebpf::record::{self, PATH_BYTES, ProcessRecord, ProgramRecord, kind};

/// What happened to a process. Threads are not told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessEvent {
    /// A process was forked.
    Forked {
        /// Who forked it.
        parent: u32,
        /// The new process.
        pid: u32,
        /// When it came to be, on the clock that counts from boot.
        started_ns: u64,
    },
    /// A process has started a program.
    Started {
        /// Its parent.
        parent: u32,
        /// The process.
        pid: u32,
        /// When the process came to be.
        started_ns: u64,
        /// When it started the program.
        at_ns: u64,
        /// The program's path as it was given, of a script its interpreter's; `None` if it could not be read or is longer
        /// than the record.
        path: Option<Box<str>>,
    },
    /// The last thread of a process has ended.
    Ended {
        /// The process.
        pid: u32,
    },
}

/// The ring of such events.
pub struct ProcessEvents {
    ring: RingBuf<MapData>,
}

impl ProcessEvents {
    pub(super) fn new(ring: RingBuf<MapData>) -> Self {
        Self { ring }
    }

    /// The next event, `None` if there is none yet.
    #[expect(clippy::should_implement_trait, reason = "there may be more after there is none")]
    pub fn next(&mut self) -> Option<ProcessEvent> {
        loop {
            let record = self.ring.next()?;
            if let Some(event) = decode(&record) {
                return Some(event);
            }
        }
    }
}

impl AsRawFd for ProcessEvents {
    fn as_raw_fd(&self) -> RawFd {
        self.ring.as_raw_fd()
    }
}

fn decode(bytes: &[u8]) -> Option<ProcessEvent> {
    let (process, rest) = record::read::<ProcessRecord>(bytes)?;
    let ProcessRecord { header, parent, pid, started_ns } = process;
    match header.kind {
        kind::FORKED => Some(ProcessEvent::Forked { parent, pid, started_ns }),
        kind::ENDED => Some(ProcessEvent::Ended { pid }),
        kind::PROGRAM => {
            let path = rest.get(..(header.captured_bytes as usize).min(PATH_BYTES))?;
            // A path that fills its room was cut, and would name another file.
            let is_whole = !path.is_empty() && path.len() < PATH_BYTES - 1;
            let path = is_whole.then(|| String::from_utf8_lossy(path).into());
            Some(ProcessEvent::Started { parent, pid, started_ns, at_ns: header.time_ns, path })
        }
        _ => None,
    }
}

const _: () = assert!(size_of::<ProgramRecord>() == size_of::<ProcessRecord>() + PATH_BYTES);

#[cfg(test)]
mod tests {
    use probe_ebpf::record::Header;

    use super::*;

    fn bytes(kind: u8, path: &[u8]) -> Vec<u8> {
        let header = Header { kind, captured_bytes: path.len() as u32, time_ns: 9, ..Header::default() };
        let mut bytes = vec![header.kind, header.flow, 0, 0];
        bytes.extend(header.captured_bytes.to_ne_bytes());
        bytes.extend(header.connection.to_ne_bytes());
        bytes.extend(header.time_ns.to_ne_bytes());
        bytes.extend(41_u32.to_ne_bytes());
        bytes.extend(42_u32.to_ne_bytes());
        bytes.extend(7_u64.to_ne_bytes());
        if kind == kind::PROGRAM {
            let mut room = [0; PATH_BYTES];
            room[..path.len()].copy_from_slice(path);
            bytes.extend(room);
        }
        bytes
    }

    #[test]
    fn each_kind_of_record_is_read() {
        let forked = ProcessEvent::Forked { parent: 41, pid: 42, started_ns: 7 };
        assert_eq!(decode(&bytes(kind::FORKED, b"")), Some(forked));
        assert_eq!(decode(&bytes(kind::ENDED, b"")), Some(ProcessEvent::Ended { pid: 42 }));
        let started = |path: Option<&str>| ProcessEvent::Started {
            parent: 41,
            pid: 42,
            started_ns: 7,
            at_ns: 9,
            path: path.map(Into::into),
        };
        assert_eq!(decode(&bytes(kind::PROGRAM, b"/bin/ls")), Some(started(Some("/bin/ls"))));
        assert_eq!(decode(&bytes(kind::PROGRAM, b"")), Some(started(None)));
        assert_eq!(decode(&bytes(kind::PROGRAM, &[b'x'; PATH_BYTES - 1])), Some(started(None)));
    }

    #[test]
    fn what_is_cut_short_or_of_another_kind_is_none() {
        let whole = bytes(kind::PROGRAM, b"/bin/ls");
        assert_eq!(decode(&whole[..30]), None);
        assert_eq!(decode(&whole[..43]), None);
        assert_eq!(decode(&bytes(kind::OPENED, b"")), None);
    }
}
