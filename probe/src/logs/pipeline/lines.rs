//! Lines of JSON to a file or to standard output.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;

use super::destination::{Destination, Done, Form, Outcome, Shipment};

/// Shipments that wait for the thread that writes.
const AHEAD: usize = 4;

/// Pause before what could not be written is written again.
const AGAIN: Duration = Duration::from_secs(1);

/// Bytes at the end of a file in which its last line is looked for.
const LAST_LINE_BYTES: u64 = 64 << 20;

/// A file that lines are added to. A thread of its own writes them, so that a reader who does not read stops nothing else.
pub struct LinesFile {
    sender: SyncSender<(Bytes, Done)>,
    file: File,
    is_regular: bool,
    trouble: Arc<Mutex<Option<String>>>,
}

impl LinesFile {
    /// Opens it; `-` is standard output. A line that an earlier process could not finish is removed: it was not acknowledged, and
    /// comes again.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = if path == Path::new("-") {
            File::from(io::stdout().as_fd().try_clone_to_owned()?)
        } else {
            OpenOptions::new().create(true).read(true).append(true).open(path)?
        };
        let is_regular = file.metadata()?.is_file();
        if is_regular && path != Path::new("-") {
            remove_unfinished(&mut file)?;
        }
        let (sender, receiver) = sync_channel(AHEAD);
        let trouble = Arc::<Mutex<Option<String>>>::default();
        let writer = Writer {
            file: file.try_clone()?,
            path: path.to_owned(),
            is_regular,
            trouble: Arc::clone(&trouble),
        };
        thread::Builder::new().name("log-lines".into()).spawn(move || writer.run(&receiver))?;
        Ok(Self { sender, file, is_regular, trouble })
    }
}

impl Destination for LinesFile {
    fn form(&self) -> Form {
        Form::Lines
    }

    fn submit(&mut self, shipment: &Shipment, done: Done) -> bool {
        let Some(lines) = shipment.lines.clone() else { return true };
        match self.sender.try_send((lines, done)) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }

    fn settle(&mut self) -> Result<(), String> {
        if !self.is_regular {
            return Ok(());
        }
        self.file.sync_data().map_err(|error| format!("what was written is not on the disk: {error}"))
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

struct Writer {
    file: File,
    path: PathBuf,
    is_regular: bool,
    trouble: Arc<Mutex<Option<String>>>,
}

impl Writer {
    fn run(mut self, receiver: &Receiver<(Bytes, Done)>) {
        while let Ok((lines, done)) = receiver.recv() {
            let outcome = self.write(&lines);
            let said = outcome.as_ref().err().map(|error| {
                format!(
                    "cannot write to {}: {error}; make room or make it writable, then it goes on by itself",
                    self.path.display()
                )
            });
            let has_failed = said.is_some();
            *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = said;
            done.tell(if has_failed { Outcome::Failed } else { Outcome::Arrived(0) });
            if has_failed {
                thread::sleep(AGAIN);
            }
        }
    }

    /// All or nothing where that is possible.
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let before = if self.is_regular { Some(self.file.metadata()?.len()) } else { None };
        let written = self.file.write_all(lines);
        if let (Err(_), Some(before)) = (&written, before) {
            self.file.set_len(before)?;
        }
        written
    }
}

/// Cuts a file back to the end of its last whole line.
fn remove_unfinished(file: &mut File) -> io::Result<()> {
    let size = file.metadata()?.len();
    let from = size.saturating_sub(LAST_LINE_BYTES);
    let mut last = vec![0; 1];
    if size == 0 {
        return Ok(());
    }
    file.seek(SeekFrom::Start(size - 1))?;
    file.read_exact(&mut last)?;
    if last == b"\n" {
        return Ok(());
    }
    file.seek(SeekFrom::Start(from))?;
    let mut end = Vec::new();
    file.take(LAST_LINE_BYTES).read_to_end(&mut end)?;
    let line = memchr::memrchr(b'\n', &end).map_or(0, |at| at + 1);
    // Something else than our own half line is left alone, and ended.
    if end.get(line) == Some(&b'{') && (line > 0 || from == 0) {
        file.set_len(from + line as u64)
    } else {
        file.write_all(b"\n")
    }
}
