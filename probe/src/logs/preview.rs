//! What settings would do, without doing it.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use serde::Serialize;

use super::{
    configured,
    containers::{ContainerFiles, ContainerFinder, ContainerShown, ContainerWalk, Origin, label},
    discover::PatternError,
    files::read_full,
    records::{LogRecord, Maker, Plan, SettingsError, Sink, Source, append_json},
};
use crate::{
    config::LogSource,
    identity::{IdentitySettings, Resource, ResourceValue},
    signal::WallTime,
};

/// Bytes of each file that are looked at.
const BYTES: usize = 256 << 10;

/// What one pipeline would do.
#[derive(Debug, Serialize)]
pub struct Preview {
    /// The pipeline.
    pub name: String,
    /// Files that match, and how many there are beyond.
    pub files: Vec<FilePreview>,
    /// The containers whose files are meant, up to 100.
    pub containers: Vec<ContainerShown>,
    /// Further ones.
    pub more_containers: usize,
    /// What is to be known of containers that are not followed.
    pub notes: Vec<String>,
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
    /// Where it is in its container, if it lies within one.
    pub within: Option<PathBuf>,
    /// The container that writes it, as `NAMESPACE/POD/NAME` or by its name.
    pub container: Option<String>,
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
    /// Looking for containers.
    #[error("cannot look for containers: {0}")]
    Finder(#[from] io::Error),
    /// How records are made.
    #[error(transparent)]
    Records(#[from] SettingsError),
}

/// Looks at up to so many files, and gives up to so many records of each.
///
/// # Errors
/// If the settings cannot be used.
pub fn preview(
    source: &LogSource,
    identity: &IdentitySettings,
    files: usize,
    records: usize,
) -> Result<Preview, PreviewError> {
    let patterns = configured::patterns(source)?;
    let plan = configured::plan(source)?;
    let containers = containers(source, &plan, identity)?;
    let mut walk = patterns.walk();
    let (mut shown, mut more_containers) = (Vec::new(), 0);
    let mut said = Vec::new();
    let containers = match containers {
        Some(mut containers) => {
            let look = settle(&mut containers);
            walk.extend(look.walk);
            said.extend(look.said.into_iter().map(|(_, sentence)| sentence));
            (shown, more_containers) = containers.shown();
            Some(containers)
        }
        None => None,
    };
    let mut preview = Preview {
        name: source.name.clone().unwrap_or_default(),
        files: Vec::new(),
        containers: shown,
        more_containers,
        notes: said,
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
        let origin = containers.as_ref().and_then(|containers| containers.origin(&found.path));
        let origin = origin.unwrap_or_else(|| Origin::of_host(Arc::default(), Arc::clone(&plan)));
        let read = origin.open(&found.path).and_then(|file| read_full(&file, &mut bytes, 0));
        let length = match read {
            Ok(length) => length,
            Err(error) => {
                preview.unreadable.push(format!("{}: {error}", found.path.display()));
                continue;
            }
        };
        let mut maker = Maker::with_plan(Arc::clone(&origin.plan));
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
            within: origin.within,
            container: resource_name(&origin.resource),
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

/// Files of containers, where they are meant, once the runtimes have told of them.
fn containers(
    source: &LogSource,
    plan: &Arc<Plan>,
    identity: &IdentitySettings,
) -> Result<Option<ContainerFiles>, PreviewError> {
    if source.containers.0.is_none() {
        return Ok(None);
    }
    let finder = ContainerFinder::start(identity)?;
    let Some(settings) = configured::containers(source, plan, &finder.known(), identity, None)? else {
        return Ok(None);
    };
    let files = ContainerFiles::new(settings)?;
    while !files.is_ready() {
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(Some(files))
}

/// Looks until it is known whose all files are: the finder has ended, so that those it did not see are decided by their paths.
fn settle(containers: &mut ContainerFiles) -> ContainerWalk {
    loop {
        let look = containers.walk();
        if !look.is_waiting {
            return look;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What a person calls the container that a resource is of.
fn resource_name(resource: &Resource) -> Option<String> {
    let text = |name: &str| {
        let (_, value) = resource.attributes.iter().find(|(known, _)| **known == *name)?;
        match value {
            ResourceValue::Text(text) => Some(&**text),
            ResourceValue::Integer(_) | ResourceValue::Texts(_) => None,
        }
    };
    match (text("k8s.namespace.name"), text("k8s.pod.name"), text("k8s.container.name")) {
        (Some(namespace), Some(pod), Some(container)) => Some(label(namespace, pod, container)),
        _ => text("container.name").map(str::to_owned),
    }
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
