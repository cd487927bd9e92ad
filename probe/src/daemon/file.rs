//! Records as JSON lines, to a file or standard output, for people without a backend.

use std::{
    fs::OpenOptions,
    io,
    path::Path,
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{Component, State};
use crate::{
    export::{Handover, Output, OutputError, Progress},
    identity::Identities,
    signal::Record,
};

/// Pause when there was nothing to write.
const PAUSE: Duration = Duration::from_millis(50);

/// Opens the file, to which is appended; `-` is standard output.
pub(super) fn open(path: &Path) -> Result<Output, OutputError> {
    if path == Path::new("-") {
        return Output::stdout();
    }
    let name = path.display().to_string();
    match OpenOptions::new().create(true).append(true).open(path) {
        Ok(file) => Ok(Output::new(name, Box::new(file))),
        Err(source) => Err(OutputError::Failed { name, source }),
    }
}

/// Writes until all workers have gone. After an error nothing more is written, and the workers do not wait.
pub(super) fn start(
    handover: Handover<Record>,
    identities: Identities,
    mut output: Output,
    health: Component,
) -> io::Result<JoinHandle<Component>> {
    thread::Builder::new().name("file".into()).spawn(move || {
        health.set(State::Well);
        if let Err(error) = write(&handover, &identities, &mut output) {
            eprintln!("plainsight: error: {error}; no more records are written there until a restart");
            health.set(State::Degraded(error.to_string()));
        }
        // Kept by the handle of the thread, so that the health goes on to tell.
        health
    })
}

fn write(
    handover: &Handover<Record>,
    identities: &Identities,
    output: &mut Output,
) -> Result<(), OutputError> {
    let mut taken = Vec::new();
    loop {
        let progress = handover.take(&mut taken);
        let is_idle = taken.is_empty();
        for mut record in taken.drain(..) {
            record.identify(identities);
            output.record(&record)?;
        }
        if is_idle {
            output.flush()?;
            if progress == Progress::Finished {
                return Ok(());
            }
            thread::sleep(PAUSE);
        }
    }
}
