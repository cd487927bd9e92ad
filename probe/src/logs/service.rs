//! All pipelines of a configuration.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use thiserror::Error;

use super::{
    checkpoints::{CheckpointError, Checkpoints},
    configured,
    containers::ContainerFinder,
    discover::PatternError,
    pipeline::{Destination, LinesFile, OtlpLogs, Pipeline, PipelineError, PipelineSettings},
    records::{EncoderLimits, SettingsError},
    status::{PipelineStatus, StatusFile},
};
use crate::{
    config::{LogSource, Logs, StartAt},
    export::otlp::Exporter,
    identity::{IdentitySettings, PodSource, Resource, ResourceValue},
    signal::WallTime,
};

/// How often the status is written for others.
const TELL: Duration = Duration::from_secs(1);

/// Why log files cannot be followed.
#[derive(Debug, Error)]
pub enum LogError {
    /// The checkpoints.
    #[error(transparent)]
    Checkpoints(#[from] CheckpointError),
    /// A pattern of paths.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// How records are made.
    #[error(transparent)]
    Records(#[from] SettingsError),
    /// A pipeline.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// Looking for containers.
    #[error("logs: cannot look for containers: {0}; raise the limits of processes and open files")]
    Finder(#[source] io::Error),
    /// The file for its records.
    #[error("logs: cannot write to {}: {error}; choose a file that this process may write", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// What all pipelines share.
#[derive(Debug, Clone)]
pub struct Surroundings<'s> {
    /// Folder of the checkpoints and the status.
    pub state: &'s Path,
    /// Where OTLP goes.
    pub exporter: &'s Arc<Exporter>,
    /// How large requests get.
    pub limits: EncoderLimits,
    /// How long a record waits for company.
    pub delay: Duration,
    /// The host.
    pub host: &'s Resource,
    /// Where containers are looked for.
    pub identity: &'s IdentitySettings,
    /// Who knows pods.
    pub pods: Option<&'s Arc<dyn PodSource>>,
}

/// Pipelines at work.
#[derive(Debug)]
pub struct LogService {
    pipelines: Vec<Pipeline>,
    /// Looks for containers as long as a pipeline wants to know.
    _finder: Option<ContainerFinder>,
    state: PathBuf,
    told: Option<Instant>,
    /// Whether the status could not be written when it was last tried.
    has_failed: bool,
}

impl LogService {
    /// Starts them. `say` is given what a person should know.
    ///
    /// # Errors
    /// If one cannot start.
    pub fn start(
        logs: &Logs,
        around: &Surroundings<'_>,
        say: &mut dyn FnMut(&str),
    ) -> Result<Self, LogError> {
        let (checkpoints, said) = Checkpoints::open(around.state)?;
        if let Some(said) = said {
            say(&format!("warning: {said}"));
        }
        raise_open_files();
        let follows_containers = logs.0.iter().any(|source| source.containers.0.is_some());
        let finder = if follows_containers {
            Some(ContainerFinder::start(around.identity).map_err(LogError::Finder)?)
        } else {
            None
        };
        let known = finder.as_ref().map(ContainerFinder::known);
        let mut pipelines = Vec::with_capacity(logs.0.len());
        for source in &logs.0 {
            let plan = configured::plan(source)?;
            let settings = PipelineSettings {
                name: source.name.clone().unwrap_or_default(),
                patterns: configured::patterns(source)?,
                containers: match &known {
                    Some(known) => {
                        configured::containers(source, &plan, known, around.identity, around.pods)?
                    }
                    None => None,
                },
                plan,
                resource: Arc::new(resource(source, around.host)),
                starts_at_end: source.start_at == StartAt::End,
                memory_bytes: usize::try_from(source.memory.0).unwrap_or(usize::MAX),
                bytes_per_second: source.bytes_per_second.on().map(|rate| rate.0),
                limits: around.limits,
                delay: around.delay,
            };
            let mut destinations: Vec<Box<dyn Destination>> = Vec::new();
            if source.otlp {
                destinations.push(Box::new(OtlpLogs::new(Arc::clone(around.exporter))));
            }
            if let Some(path) = source.file.on() {
                let opened =
                    LinesFile::open(path).map_err(|error| LogError::File { path: path.clone(), error })?;
                destinations.push(Box::new(opened));
            }
            pipelines.push(Pipeline::start(settings, destinations, checkpoints.clone())?);
        }
        Ok(Self { pipelines, _finder: finder, state: around.state.to_owned(), told: None, has_failed: false })
    }

    /// How far each is.
    #[must_use]
    pub fn status(&self) -> Vec<PipelineStatus> {
        self.pipelines.iter().map(Pipeline::status).collect()
    }

    /// Whether all are at work.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.pipelines.iter().all(Pipeline::is_running)
    }

    /// Writes the status for `plainsight logs status`, if that is due. To be called now and then. `say` is given a warning when
    /// it cannot be written any more.
    pub fn tell(&mut self, say: &mut dyn FnMut(&str)) {
        if self.told.is_some_and(|told| told.elapsed() < TELL) {
            return;
        }
        self.told = Some(Instant::now());
        let written = self.write(self.status());
        if let (Err(error), false) = (&written, self.has_failed) {
            say(&format!("warning: cannot write the status to {}: {error}", self.state.display()));
        }
        self.has_failed = written.is_err();
    }

    fn write(&self, pipelines: Vec<PipelineStatus>) -> io::Result<()> {
        let at_ns = WallTime::now().as_unix_nanos();
        StatusFile { at_ns, pid: std::process::id(), pipelines }.write(&self.state)
    }

    /// Reads nothing more, and sends what is in hand until then.
    pub fn stop(mut self, deadline: Instant) -> Vec<PipelineStatus> {
        let pipelines = std::mem::take(&mut self.pipelines);
        for pipeline in &pipelines {
            pipeline.stop(deadline);
        }
        let statuses: Vec<PipelineStatus> = pipelines.into_iter().map(Pipeline::join).collect();
        // Whoever asks later sees an older status: it tells its age.
        let _ = self.write(statuses.clone());
        statuses
    }
}

/// The host's resource with the service that writes the files.
fn resource(source: &LogSource, host: &Resource) -> Resource {
    let name = source.service.as_deref().unwrap_or("unknown_service");
    let kept = |name: &str| name.starts_with("host.") || name.starts_with("os.") || name == "k8s.node.name";
    let mut attributes: Vec<(Box<str>, ResourceValue)> =
        host.attributes.iter().filter(|(name, _)| kept(name)).cloned().collect();
    attributes.push(("service.name".into(), ResourceValue::Text(name.into())));
    attributes.sort_by(|left, right| left.0.cmp(&right.0));
    Resource { service_name: name.into(), service_namespace: None, attributes }
}

/// Files are kept open until they are read, so the more may be open the better.
fn raise_open_files() {
    use rustix::process::{Resource as Limit, getrlimit, setrlimit};
    let mut limit = getrlimit(Limit::Nofile);
    limit.current = limit.maximum;
    // Where that is refused, fewer files are followed, and said.
    let _ = setrlimit(Limit::Nofile, limit);
}
