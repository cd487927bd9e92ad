//! What settings would do, without doing it.

use std::{fs::File, path::PathBuf};

use serde::Serialize;

use super::{
    configured,
    discover::PatternError,
    files::read_full,
    records::{LogRecord, Maker, SettingsError, Sink, Source, append_json},
};
use crate::{config::LogSource, identity::Resource, signal::WallTime};

/// Bytes of each file that are looked at.
const BYTES: usize = 256 << 10;

/// What one pipeline would do.
#[derive(Debug, Serialize)]
pub struct Preview {
    /// The pipeline.
    pub name: String,
    /// Files that match, and how many there are beyond.
    pub files: Vec<FilePreview>,
    /// Files that match beyond those shown.
    pub more_files: usize,
    /// Patterns that no file matches.
    pub without_files: Vec<String>,
    /// What cannot be looked at, with the reason.
    pub unreadable: Vec<String>,
}

/// What one file would give.
#[derive(Debug, Serialize)]
pub struct FilePreview {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub size_bytes: u64,
    /// The first records, as lines of JSON.
    pub records: Vec<serde_json::Value>,
    /// Of the beginning that was looked at: all records.
    pub records_seen: u64,
    /// Those that no format matched.
    pub unparsable: u64,
    /// Those that were cut.
    pub cut: u64,
    /// Those that filters left out.
    pub filtered: u64,
    /// The first that no format matched.
    pub unparsable_example: Option<String>,
}

/// Why there is no preview.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// A pattern of paths.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// How records are made.
    #[error(transparent)]
    Records(#[from] SettingsError),
}

/// Looks at up to so many files, and gives up to so many records of each.
///
/// # Errors
/// If the settings cannot be used.
pub fn preview(source: &LogSource, files: usize, records: usize) -> Result<Preview, PreviewError> {
    let patterns = configured::patterns(source)?;
    let plan = configured::plan(source)?;
    let walk = patterns.walk();
    let mut preview = Preview {
        name: source.name.clone().unwrap_or_default(),
        files: Vec::new(),
        more_files: walk.files.len().saturating_sub(files),
        without_files: walk.without_files,
        unreadable: walk
            .problems
            .iter()
            .map(|(path, error)| format!("{}: {error}", path.display()))
            .collect(),
    };
    for found in walk.files.into_iter().take(files) {
        let mut bytes = vec![0; BYTES];
        let read = File::open(&found.path).and_then(|file| read_full(&file, &mut bytes, 0));
        let length = match read {
            Ok(length) => length,
            Err(error) => {
                preview.unreadable.push(format!("{}: {error}", found.path.display()));
                continue;
            }
        };
        let mut maker = Maker::with_plan(std::sync::Arc::clone(&plan));
        let mut first = First {
            source: Source::new(&Resource::default(), &[], None),
            records: Vec::new(),
            most: records,
            last: String::new(),
        };
        let now_ns = WallTime::now().as_unix_nanos();
        let mut unparsable_example = None;
        let mut offset = 0;
        // Line by line, so that what did not parse can be named.
        for line in bytes.get(..length).unwrap_or_default().split_inclusive(|&byte| byte == b'\n') {
            let before = maker.counts().unparsable;
            maker.feed(line, offset, now_ns, &mut first);
            offset += line.len() as u64;
            if unparsable_example.is_none() && maker.counts().unparsable > before {
                unparsable_example = Some(first.last.clone());
            }
        }
        if (length as u64) == found.size {
            maker.finish(now_ns, &mut first);
        }
        let counts = maker.counts();
        preview.files.push(FilePreview {
            path: found.path,
            size_bytes: found.size,
            records: first.records,
            records_seen: counts.records,
            unparsable: counts.unparsable,
            cut: counts.cut,
            filtered: counts.filtered,
            unparsable_example,
        });
    }
    Ok(preview)
}

struct First {
    source: Source,
    records: Vec<serde_json::Value>,
    most: usize,
    /// The beginning of the last record.
    last: String,
}

impl Sink for First {
    fn record(&mut self, record: &LogRecord<'_>) {
        self.last.clear();
        self.last.extend(record.body.chars().take(200));
        if self.records.len() < self.most {
            let mut line = Vec::new();
            append_json(&mut line, &self.source, record);
            self.records.extend(serde_json::from_slice(&line));
        }
    }
}
