//! The files of containers that one pipeline follows.

mod answers;

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{
    catalog::{Candidate, Catalog},
    finder::KnownContainers,
    layout::PodLog,
    selection::{Choice, Selection},
    view::{Layer, below},
};
use crate::{
    config::LogContainers,
    identity::{ContainerResources, PodSource},
    logs::{
        discover::{PatternError, Patterns, Walk},
        files::{Place, born_ns},
        records::Plan,
    },
};

/// How long the runtimes are waited for, at the start and for a container that they do not know yet.
const PATIENCE: Duration = Duration::from_secs(5);

/// Containers that are shown to people; further ones are counted.
const MOST_SHOWN: usize = 100;

/// Where Docker has the output of containers; the files of a kubelet lead there.
const DOCKER_LOGS: &str = "/var/lib/docker/containers";

/// How much earlier than the clock the kernel's own may be, by which it says when a file was made.
const TICK_NS: u64 = 20_000_000;

/// Whose files a pipeline follows.
#[derive(Debug, Clone)]
pub struct ContainerSettings {
    /// Which containers there are.
    pub known: KnownContainers,
    /// What the configuration says.
    pub config: LogContainers,
    /// Which files within containers are not followed; a pattern without a slash is about names.
    pub exclude: Vec<String>,
    /// How records are made of output.
    pub output_plan: Arc<Plan>,
    /// How records are made of files within containers.
    pub plan: Arc<Plan>,
    /// What the service is called, if not by its container.
    pub service: Option<Box<str>>,
    /// Who names containers.
    pub resources: Arc<ContainerResources>,
    /// Who knows pods best.
    pub pods: Option<Arc<dyn PodSource>>,
    /// Where the host's file system is for this process.
    pub host_root: PathBuf,
    /// Where the host's processes are.
    pub proc: PathBuf,
}

/// Whether the configuration can be used.
///
/// # Errors
/// If a pattern cannot.
pub fn check(config: &LogContainers) -> Result<(), PatternError> {
    Selection::new(&config.select, &config.except)?;
    Patterns::new(&config.files, &[]).map(drop)
}

/// A container that is selected, as it is shown to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerShown {
    /// `NAMESPACE/POD/NAME`, or its name.
    pub name: String,
    /// The runtime's id; empty if no runtime knows it any more.
    pub id: String,
    /// `created`, `running` or `ended`; `gone` if no runtime knows it any more.
    pub phase: String,
}

/// A look at a pipeline's containers.
#[derive(Debug, Default)]
pub struct ContainerWalk {
    /// The files, by paths of the host.
    pub walk: Walk,
    /// Whether there are files whose container is not known yet.
    pub is_waiting: bool,
    /// Up to when containers are known, in nanoseconds since 1970; nothing if that sets no bound.
    pub known_ns: Option<u64>,
    /// Folders through which writes are heard, and what they are called.
    pub through: Vec<(PathBuf, PathBuf)>,
    /// What people should know: subject and sentence.
    pub said: Vec<(String, String)>,
}

/// The state of all that.
#[derive(Debug)]
pub struct ContainerFiles {
    settings: ContainerSettings,
    selection: Selection,
    output: Option<Patterns>,
    pod_logs: PathBuf,
    output_folders: Arc<[PathBuf]>,
    within: Patterns,
    started: Instant,
    catalog: Arc<Catalog>,
    generation: u64,
    /// By id of a container, or by its active file if no runtime knows it.
    decisions: HashMap<Box<str>, Choice>,
    /// Active files whose container is not known yet, and since when.
    waiting: HashMap<PathBuf, Instant>,
    /// The files that were found within containers, by where the host has them.
    found: HashMap<PathBuf, Within>,
    /// Folders of selected containers in which files may match, by where the host has them.
    folders: HashMap<PathBuf, Within>,
}

/// A file or folder within a container.
#[derive(Debug)]
struct Within {
    candidate: Arc<Candidate>,
    /// Where the host has it: a layer, and the path below it.
    layer: Layer,
    rest: PathBuf,
    /// Its path in the container.
    shown: PathBuf,
}

impl ContainerFiles {
    /// Of one pipeline.
    ///
    /// # Errors
    /// If a pattern cannot be used.
    pub fn new(settings: ContainerSettings) -> Result<Self, PatternError> {
        let config = &settings.config;
        let pod_logs = below(&settings.host_root, &config.pod_logs);
        let output = match config.output {
            true => {
                Some(Patterns::new(&PodLog::patterns(&globset::escape(&pod_logs.to_string_lossy())), &[])?)
            }
            false => None,
        };
        let docker = below(&settings.host_root, Path::new(DOCKER_LOGS));
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        Ok(Self {
            selection: Selection::new(&config.select, &config.except)?,
            within: Patterns::new(&config.files, &settings.exclude)?,
            output,
            output_folders: [real(&pod_logs), real(&docker)].into(),
            pod_logs,
            started: Instant::now(),
            catalog: settings.known.catalog(),
            generation: u64::MAX,
            decisions: HashMap::new(),
            waiting: HashMap::new(),
            found: HashMap::new(),
            folders: HashMap::new(),
            settings,
        })
    }

    /// Whether the runtimes have told which containers there are, or are waited for no longer.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.settings.known.catalog().listed.is_some() || self.started.elapsed() >= PATIENCE
    }

    /// Whether containers have changed since the last look.
    #[must_use]
    pub fn has_news(&self) -> bool {
        self.settings.known.generation() != self.generation
    }

    /// Looks at all files.
    pub fn walk(&mut self) -> ContainerWalk {
        self.generation = self.settings.known.generation();
        self.catalog = self.settings.known.catalog();
        let mut look = ContainerWalk::default();
        let mut places = HashSet::new();
        self.walk_output(&mut look, &mut places);
        self.walk_within(&mut look, &mut places);
        let needs_runtime = !self.settings.config.files.is_empty() || self.has_output_elsewhere();
        look.known_ns = self
            .catalog
            .listed
            .map(|(_, at_ns)| at_ns)
            .filter(|_| needs_runtime && self.catalog.has_runtimes);
        self.say(&mut look);
        look
    }

    fn walk_output(&mut self, look: &mut ContainerWalk, places: &mut HashSet<Place>) {
        let Some(patterns) = &self.output else { return };
        let walk = patterns.walk();
        look.walk.problems.extend(walk.problems);
        look.walk.is_incomplete |= walk.is_incomplete;
        look.walk.folders = walk.folders;
        let mut is_waiting = false;
        let mut active = HashSet::new();
        for found in walk.files {
            active.extend(PodLog::parse(&self.pod_logs, &found.path).map(|log| log.active));
            match self.choose_output(&found.path) {
                Some(Choice::Selected) => {
                    places.insert(found.place);
                    look.walk.files.push(found);
                }
                Some(_) => {}
                None => is_waiting = true,
            }
        }
        self.waiting.retain(|path, _| active.contains(path));
        // What was decided of those that are gone is of no use any more.
        let catalog = Arc::clone(&self.catalog);
        let ids: HashSet<&str> = catalog.all().iter().map(|candidate| &*candidate.container.id).collect();
        self.decisions.retain(|key, _| {
            let path = Path::new(&**key);
            ids.contains(&**key) || (active.contains(path) && catalog.of_log(path).is_none())
        });
        if is_waiting {
            self.settings.known.want();
        }
        look.is_waiting = is_waiting;
        // Of runtimes that write elsewhere, as Docker does.
        for candidate in catalog.all() {
            let Some(active) = &candidate.log_path else { continue };
            if active.starts_with(&self.pod_logs) || self.choose(candidate) != Choice::Selected {
                continue;
            }
            let text = globset::escape(&active.to_string_lossy());
            let Ok(patterns) = Patterns::new(&[text.clone(), format!("{text}.*[0-9]")], &[]) else {
                continue;
            };
            let walk = patterns.walk();
            look.walk.problems.extend(walk.problems);
            look.walk.folders.extend(walk.folders);
            look.walk.files.extend(walk.files.into_iter().filter(|found| places.insert(found.place)));
        }
    }

    fn has_output_elsewhere(&self) -> bool {
        let is_elsewhere = |candidate: &Arc<Candidate>| {
            candidate.log_path.as_ref().is_some_and(|path| !path.starts_with(&self.pod_logs))
        };
        self.output.is_some() && self.catalog.all().iter().any(is_elsewhere)
    }

    fn walk_within(&mut self, look: &mut ContainerWalk, places: &mut HashSet<Place>) {
        self.found.clear();
        self.folders.clear();
        if self.settings.config.files.is_empty() {
            return;
        }
        let catalog = Arc::clone(&self.catalog);
        for candidate in catalog.all() {
            if self.choose(candidate) != Choice::Selected {
                continue;
            }
            let walk = self.within.walk_in(&candidate.view);
            look.walk.is_incomplete |= walk.is_incomplete;
            for (path, error) in walk.problems {
                look.walk
                    .problems
                    .push((PathBuf::from(format!("{}:{}", candidate.label(), path.display())), error));
            }
            for folder in walk.folders {
                let Some(near) = candidate.view.nearest(&folder) else { continue };
                let host = near.host();
                if let Some(pid) = candidate.pid.filter(|_| near.is_of_root) {
                    let through = below(&self.settings.proc.join(format!("{pid}/root")), &near.path);
                    look.through.push((through, host.clone()));
                }
                look.walk.folders.push(host.clone());
                if near.is_whole {
                    let (candidate, layer) = (Arc::clone(candidate), near.layer.clone());
                    let within = Within { candidate, layer, rest: near.rest, shown: folder };
                    self.folders.entry(host).or_insert(within);
                }
            }
            for mut found in walk.files {
                let Ok(Some(entry)) = candidate.view.resolve(&found.path) else { continue };
                if !places.insert(found.place) {
                    continue;
                }
                let host = entry.host();
                let (candidate, layer) = (Arc::clone(candidate), entry.layer.clone());
                let within = Within { candidate, layer, rest: entry.rest, shown: found.path };
                self.found.insert(host.clone(), within);
                found.path = host;
                look.walk.files.push(found);
            }
        }
    }

    fn say(&mut self, look: &mut ContainerWalk) {
        for path in &self.catalog.silent {
            let sentence = format!(
                "the container runtime behind {} does not answer: containers that it started lately are not followed yet; \
                 see whether it runs",
                path.display()
            );
            look.said.push((path.display().to_string(), sentence));
        }
        if self.catalog.left_out > 0 {
            let sentence = format!(
                "{} containers beyond the most that are known at once are not followed; remove those that have ended",
                self.catalog.left_out
            );
            look.said.push(("containers".to_owned(), sentence));
        }
        let unknown = self.decisions.values().filter_map(|choice| match choice {
            Choice::Unknown(what) => Some(*what),
            Choice::Selected | Choice::Left => None,
        });
        let unknown: Vec<&str> = unknown.collect();
        if let Some(what) = unknown.first() {
            let sentence = format!(
                "{} containers are not followed because their {what} are not known: no runtime knows them; name its socket \
                 under identity.runtimes, or select by namespace, pod and container name",
                unknown.len()
            );
            look.said.push(("selection".to_owned(), sentence));
        }
    }

    /// Decides about a container, once.
    fn choose(&mut self, candidate: &Candidate) -> Choice {
        let id = &candidate.container.id;
        if let Some(&choice) = self.decisions.get(id) {
            return choice;
        }
        let choice = self.selection.choose(&candidate.subject());
        self.decisions.insert(id.clone(), choice);
        choice
    }

    /// Decides about a file below the kubelet's folder. Nothing if that cannot be done yet.
    fn choose_output(&mut self, path: &Path) -> Option<Choice> {
        let Some(log) = PodLog::parse(&self.pod_logs, path) else { return Some(Choice::Left) };
        let catalog = Arc::clone(&self.catalog);
        if let Some(candidate) = catalog.of_log(&log.active) {
            return Some(self.choose(candidate));
        }
        let key = log.active.to_string_lossy();
        if let Some(&choice) = self.decisions.get(&*key) {
            return Some(choice);
        }
        let since = *self.waiting.entry(log.active.clone()).or_insert_with(Instant::now);
        // A list that began after the file was there has its container, unless that is gone.
        let born_ns = fs::metadata(path).map_or(0, |metadata| born_ns(&metadata));
        let was_there = |(began, at_ns)| began > since || (born_ns > 0 && born_ns + TICK_NS < at_ns);
        let is_settled =
            !catalog.has_runtimes || catalog.listed.is_some_and(was_there) || since.elapsed() >= PATIENCE;
        if !is_settled {
            return None;
        }
        self.waiting.remove(&log.active);
        let described = self.describe(&log);
        let choice = self.selection.choose(&described.subject());
        self.decisions.insert(key.into(), choice);
        Some(choice)
    }
}
