//! A file with one request in OTLP's JSON form on each line (OpenTelemetry's "OTLP File Exporter" format).

use std::{
    fs::{File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use super::{answer::Attempt, json};
use crate::export::Batch;

pub(super) struct FileTransport {
    path: PathBuf,
    file: Arc<Mutex<Option<File>>>,
}

impl FileTransport {
    pub(super) fn new(path: PathBuf) -> io::Result<Self> {
        let file = Arc::new(Mutex::new(Some(open(&path)?)));
        Ok(Self { path, file })
    }

    pub(super) async fn send(&self, batch: &Batch) -> Attempt {
        let (batch, path, file) = (batch.clone(), self.path.clone(), Arc::clone(&self.file));
        let write = move || {
            let mut line = match json::request(batch.kind, &batch.payload) {
                Ok(line) => line,
                Err(sentence) => return Attempt::Refused(sentence),
            };
            line.push(b'\n');
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            match append(&mut file, &path, &line) {
                Ok(()) => Attempt::ACCEPTED,
                Err(error) => {
                    // Opened anew for the next attempt: the disk may have been replaced meanwhile.
                    *file = None;
                    let sentence = format!(
                        "cannot write to {}: {error}. Free some space there, or write elsewhere",
                        path.display()
                    );
                    Attempt::Later { sentence, after: None }
                }
            }
        };
        match tokio::task::spawn_blocking(write).await {
            Ok(attempt) => attempt,
            Err(error) => Attempt::Refused(format!("the batch could not be written: {error}")),
        }
    }
}

fn open(path: &PathBuf) -> io::Result<File> {
    // Telemetry may name people and secrets: for the owner only.
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// Appends a line, or nothing of it: a line that is there in part would be there twice after the next attempt.
fn append(file: &mut Option<File>, path: &PathBuf, line: &[u8]) -> io::Result<()> {
    if file.is_none() {
        *file = Some(open(path)?);
    }
    let Some(file) = file else { return Ok(()) };
    let end = file.seek(SeekFrom::End(0))?;
    file.write_all(line).inspect_err(|_| {
        // Fails for pipes, which keep no part.
        let _ = file.set_len(end);
    })
}
