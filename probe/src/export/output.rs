//! Lines to standard output: buffered, flushed when there is nothing to do, clear about what went wrong.

use std::{
    fs::File,
    io::{self, BufWriter, ErrorKind, Write},
    os::fd::AsFd,
    path::Path,
};

use serde::Serialize;
use thiserror::Error;

use super::{json_text::append_json, record_json::append_record};
use crate::signal::Record;

/// Bytes collected before they are written: large enough that a system call is a small part of the cost.
const BUFFER: usize = 64 * 1024;

/// Why lines cannot be written any more.
#[derive(Debug, Error)]
pub enum OutputError {
    /// The reader has gone, as `head` does when it has enough. Nothing is wrong.
    #[error("the reader of {name} has gone")]
    Closed {
        /// What was written to.
        name: String,
    },
    /// The device is full.
    #[error("cannot write to {name}: {source}. Free some space there, or write to another disk")]
    Full {
        /// What was written to.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// Anything else.
    #[error("cannot write to {name}: {source}. Check that it can be written to, or write elsewhere")]
    Failed {
        /// What was written to.
        name: String,
        /// What the system said.
        source: io::Error,
    },
}

/// A destination for lines.
pub struct Output {
    name: String,
    writer: BufWriter<Box<dyn Write + Send>>,
    line: Vec<u8>,
}

impl Output {
    /// Standard output.
    ///
    /// # Errors
    /// If the process has none.
    pub fn stdout() -> Result<Self, OutputError> {
        let name = stdout_name();
        // Not through the standard library's handle, which would write every line by itself on a terminal and
        // everywhere else.
        match io::stdout().as_fd().try_clone_to_owned() {
            Ok(descriptor) => Ok(Self::new(name, Box::new(File::from(descriptor)))),
            Err(source) => Err(OutputError::Failed { name, source }),
        }
    }

    /// Any other destination; `name` is for error messages.
    #[must_use]
    pub fn new(name: String, writer: Box<dyn Write + Send>) -> Self {
        Self { name, writer: BufWriter::with_capacity(BUFFER, writer), line: Vec::with_capacity(2048) }
    }

    /// Writes one line of text, adding its end.
    ///
    /// # Errors
    /// If the destination takes no more.
    pub fn text(&mut self, text: &str) -> Result<(), OutputError> {
        self.line.clear();
        self.line.extend_from_slice(text.as_bytes());
        self.write_line()
    }

    /// Writes a value as one line of JSON.
    ///
    /// # Errors
    /// If the destination takes no more.
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), OutputError> {
        self.line.clear();
        let written = append_json(&mut self.line, value);
        written.map_err(|error| self.error(error))?;
        self.write_line()
    }

    /// Writes an exchange as one line of JSON.
    ///
    /// # Errors
    /// If the destination takes no more.
    pub fn record(&mut self, record: &Record) -> Result<(), OutputError> {
        self.line.clear();
        append_record(&mut self.line, record);
        self.write_line()
    }

    /// Hands everything to the system. To be called whenever there is nothing else to do.
    ///
    /// # Errors
    /// If the destination takes no more.
    pub fn flush(&mut self) -> Result<(), OutputError> {
        let flushed = self.writer.flush();
        flushed.map_err(|error| self.error(error))
    }

    fn write_line(&mut self) -> Result<(), OutputError> {
        self.line.push(b'\n');
        let written = self.writer.write_all(&self.line);
        written.map_err(|error| self.error(error))
    }

    fn error(&self, source: io::Error) -> OutputError {
        let name = self.name.clone();
        match source.kind() {
            ErrorKind::BrokenPipe => OutputError::Closed { name },
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => OutputError::Full { name, source },
            _ => OutputError::Failed { name, source },
        }
    }
}

/// Standard output by the name of the file that it was directed to, if it was.
fn stdout_name() -> String {
    const NAME: &str = "standard output";
    match std::fs::read_link(Path::new("/proc/self/fd/1")) {
        Ok(path) if path.is_absolute() => format!("{} ({NAME})", path.display()),
        _ => NAME.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("not poisoned").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn error_of(kind: ErrorKind) -> OutputError {
        let mut output = Output::new("/mnt/out.json".to_owned(), Box::new(Broken(kind)));
        output.text("x").expect("the buffer takes it");
        output.flush().expect_err("the device does not")
    }

    #[test]
    fn lines_wait_for_a_flush_and_come_whole() {
        let shared = Shared::default();
        let mut output = Output::new("memory".to_owned(), Box::new(shared.clone()));
        output.text("plain").expect("memory takes everything");
        output.json(&serde_json::json!({"a": "b\nc"})).expect("memory takes everything");
        assert!(shared.0.lock().expect("not poisoned").is_empty());
        output.flush().expect("memory takes everything");
        assert_eq!(*shared.0.lock().expect("not poisoned"), b"plain\n{\"a\":\"b\\nc\"}\n");
    }

    #[test]
    fn a_reader_that_has_gone_is_told_from_a_failure() {
        assert!(matches!(error_of(ErrorKind::BrokenPipe), OutputError::Closed { .. }));
        assert!(matches!(error_of(ErrorKind::PermissionDenied), OutputError::Failed { .. }));
    }

    #[test]
    fn a_full_disk_is_named_with_the_remedy() {
        let message = error_of(ErrorKind::StorageFull).to_string();
        assert!(message.contains("/mnt/out.json") && message.contains("Free some space"), "{message}");
    }
}
