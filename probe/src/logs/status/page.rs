//! The status as a file beside the checkpoints, so that another process can show it without a door into this one.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::PipelineStatus;
use crate::{export::visible, signal::WallTime};

/// Files of one pipeline that are told apart.
pub const MOST_FILES: usize = 100;

/// The name of the file.
const NAME: &str = "logs-status.json";

/// A status that is older is that of a process that has ended.
const FRESH: Duration = Duration::from_secs(10);

/// Why there is no status to show.
#[derive(Debug, Error)]
pub enum StatusError {
    /// Nobody wrote one.
    #[error("no process follows log files with the state folder {}: {error}; start `plainsight run --config FILE`, or name its configuration with --config", .path.display())]
    Missing {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It makes no sense.
    #[error("{} cannot be understood: {error}; is it of another version?", .path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: serde_json::Error,
    },
}

/// What is written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StatusFile {
    /// When, in nanoseconds since 1970.
    pub at_ns: u64,
    /// The process that wrote it.
    pub pid: u32,
    /// All pipelines.
    pub pipelines: Vec<PipelineStatus>,
}

impl StatusFile {
    /// Writes it into a folder, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let draft = folder.join(format!("{NAME}.new"));
        fs::write(&draft, serde_json::to_vec(self)?)?;
        fs::rename(draft, folder.join(NAME))
    }

    /// Whether the process that wrote it is at work.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        let at = WallTime::from_unix_nanos(self.at_ns).to_system_time();
        SystemTime::now().duration_since(at).unwrap_or_default() < FRESH
    }
}

/// The status that a process wrote into a folder.
///
/// # Errors
/// If there is none.
pub fn read(folder: &Path) -> Result<StatusFile, StatusError> {
    let path = folder.join(NAME);
    let bytes = fs::read(&path).map_err(|error| StatusError::Missing { path: folder.to_owned(), error })?;
    serde_json::from_slice(&bytes).map_err(|error| StatusError::Broken { path, error })
}

/// The status for people.
#[must_use]
pub fn text(status: &StatusFile) -> String {
    let mut text = String::new();
    let at = WallTime::from_unix_nanos(status.at_ns).to_timestamp();
    if !status.is_fresh() {
        let _ = writeln!(text, "The process {} has ended; this is what it said last, at {at}.", status.pid);
    }
    for pipeline in &status.pipelines {
        let watermark = match pipeline.watermark_ns {
            Some(ns) => format!(
                "every line written before {} is acknowledged",
                WallTime::from_unix_nanos(ns).to_timestamp()
            ),
            None => "what was there at the start is not all acknowledged yet".to_owned(),
        };
        let _ = writeln!(
            text,
            "{}: {} files, {} lines and {} bytes read, {} bytes acknowledged, {} bytes behind; {watermark}",
            pipeline.name,
            pipeline.files,
            pipeline.lines,
            pipeline.read_bytes,
            pipeline.acknowledged_bytes,
            pipeline.lag_bytes,
        );
        if let Some(trouble) = &pipeline.trouble {
            let _ = writeln!(text, "  trouble: {trouble}");
        }
        for container in &pipeline.containers {
            let id = container.id.get(..12).unwrap_or(&container.id);
            let _ = writeln!(text, "  container {} {id} ({})", visible(&container.name), container.phase);
        }
        if pipeline.more_containers > 0 {
            let _ = writeln!(text, "  and {} further containers", pipeline.more_containers);
        }
        for finding in &pipeline.findings {
            let _ = writeln!(text, "  note: {}", visible(&finding.sentence));
        }
        for file in pipeline.behind.iter().filter(|file| file.acknowledged_offset < file.size_bytes) {
            let _ = writeln!(
                text,
                "  {}{}: {} of {} bytes acknowledged",
                visible(&file.path.display().to_string()),
                if file.is_removed { " (removed)" } else { "" },
                file.acknowledged_offset,
                file.size_bytes
            );
        }
    }
    text
}
