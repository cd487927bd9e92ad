//! The files of containers that one pipeline follows.

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
    origin::{Access, Origin},
    selection::{Choice, Selection, Subject},
    view::{Layer, below},
};
use crate::{
    config::LogContainers,
    identity::{Container, ContainerResources, Pod, PodSource, Resource, ResourceValue},
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
    /// Where the files that were found within containers are, and their paths there.
    found: HashMap<PathBuf, (Arc<Candidate>, Layer, PathBuf, PathBuf)>,
    /// Folders of selected containers in which files may match: by where the host has them, and as the patterns call them.
    folders: HashMap<PathBuf, (Arc<Candidate>, Layer, PathBuf, PathBuf)>,
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
                    let origin = (Arc::clone(candidate), near.layer.clone(), near.rest, folder);
                    self.folders.entry(host).or_insert(origin);
                }
            }
            for mut found in walk.files {
                let Ok(Some(entry)) = candidate.view.resolve(&found.path) else { continue };
                if !places.insert(found.place) {
                    continue;
                }
                let host = entry.host();
                let origin = (Arc::clone(candidate), entry.layer.clone(), entry.rest, found.path);
                self.found.insert(host.clone(), origin);
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

    /// What a path tells of a container that no runtime knows, with what is known of its pod and of its later self.
    fn describe(&self, log: &PodLog<'_>) -> Described {
        let later = self.catalog.of_pod(log.uid, log.container);
        let of_api = self.settings.pods.as_ref().and_then(|pods| pods.pod(log.uid));
        let knows_pod = of_api.is_some() || later.is_some();
        let pod = of_api.or_else(|| later.and_then(|later| later.pod.clone())).unwrap_or_else(|| {
            Arc::new(Pod {
                pod_uid: log.uid.into(),
                namespace: Some(log.namespace.into()),
                name: Some(log.pod.into()),
                ..Pod::default()
            })
        });
        let container = Container {
            name: Some(log.container.into()),
            restart_count: Some(log.restarts),
            labels: later.map(|later| later.container.labels.clone()).unwrap_or_default(),
            image: later.and_then(|later| later.container.image.clone()),
            ..Container::default()
        };
        let environment = later.and_then(|later| later.environment.clone());
        Described { container, pod, environment, knows_pod }
    }

    /// Whose records those of a file are; nothing if it is none of a selected container.
    #[must_use]
    pub fn origin(&self, path: &Path) -> Option<Origin> {
        if let Some((candidate, layer, rest, shown)) = self.found.get(path) {
            return Some(self.within(candidate, layer, rest, shown));
        }
        if self.output.is_some()
            && let Some(origin) = self.output_origin(path)
        {
            return Some(origin);
        }
        let (candidate, layer, rest, at) = self.folders.get(path.parent()?)?;
        let name = path.file_name()?;
        Some(self.within(candidate, layer, &rest.join(name), &at.join(name)))
    }

    fn output_origin(&self, path: &Path) -> Option<Origin> {
        let chosen = |key: &str| self.decisions.get(key) == Some(&Choice::Selected);
        if let Some(log) = PodLog::parse(&self.pod_logs, path) {
            let resource = match self.catalog.of_log(&log.active) {
                Some(candidate) if chosen(&candidate.container.id) => self.resource(candidate),
                Some(_) => return None,
                None if chosen(&log.active.to_string_lossy()) => {
                    let described = self.describe(&log);
                    let environment = described.environment.as_deref().unwrap_or_default();
                    self.named(self.settings.resources.of(
                        &described.container,
                        Some(&described.pod),
                        environment,
                    ))
                }
                None => return None,
            };
            let access = Access::Output(Arc::clone(&self.output_folders));
            return Some(self.output_of(resource, access));
        }
        let candidate = self.catalog.of_rotated(path).filter(|candidate| chosen(&candidate.container.id))?;
        let folder = candidate.log_path.as_ref()?.parent()?;
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        Some(self.output_of(self.resource(candidate), Access::Output([folder].into())))
    }

    fn output_of(&self, resource: Resource, access: Access) -> Origin {
        let plan = Arc::clone(&self.settings.output_plan);
        Origin { resource: Arc::new(resource), plan, within: None, access }
    }

    fn within(&self, candidate: &Candidate, layer: &Layer, rest: &Path, shown: &Path) -> Origin {
        Origin {
            resource: Arc::new(self.resource(candidate)),
            plan: Arc::clone(&self.settings.plan),
            within: Some(shown.to_owned()),
            access: Access::Within(layer.clone(), rest.to_owned()),
        }
    }

    fn resource(&self, candidate: &Candidate) -> Resource {
        let of_runtime = candidate.pod.as_ref();
        let of_api =
            of_runtime.and_then(|pod| self.settings.pods.as_ref().and_then(|pods| pods.pod(&pod.pod_uid)));
        let pod = of_api.as_ref().or(of_runtime).map(|pod| &**pod);
        let environment = candidate.environment.as_deref().unwrap_or_default();
        self.named(self.settings.resources.of(&candidate.container, pod, environment))
    }

    /// The resource as records have it: who observes is not who writes.
    fn named(&self, mut resource: Resource) -> Resource {
        resource.attributes.retain(|(name, _)| !name.starts_with("telemetry."));
        if let Some(service) = &self.settings.service {
            resource.service_name.clone_from(service);
            for (name, value) in &mut resource.attributes {
                if &**name == "service.name" {
                    *value = ResourceValue::Text(service.clone());
                }
            }
        }
        resource
    }

    /// Whether a path lies where containers have their files, whichever are selected.
    #[must_use]
    pub fn covers(&self, path: &Path) -> bool {
        path.starts_with(&self.pod_logs)
            || path.parent().is_some_and(|folder| self.folders.contains_key(folder))
            || self.catalog.of_rotated(path).is_some()
    }

    /// Whether a path is one of a file that is followed.
    #[must_use]
    pub fn matches(&self, path: &Path) -> bool {
        if self.found.contains_key(path) || self.is_selected_output(path) {
            return true;
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return false };
        self.folders.get(folder).is_some_and(|(.., at)| self.within.matches(&at.join(name)))
    }

    fn is_selected_output(&self, path: &Path) -> bool {
        let chosen = |key: &str| self.decisions.get(key) == Some(&Choice::Selected);
        if self.output.is_none() {
            return false;
        }
        match PodLog::parse(&self.pod_logs, path) {
            Some(log) => match self.catalog.of_log(&log.active) {
                Some(candidate) => chosen(&candidate.container.id),
                None => chosen(&log.active.to_string_lossy()),
            },
            None => self.catalog.of_rotated(path).is_some_and(|candidate| chosen(&candidate.container.id)),
        }
    }

    /// Whether a path may be one of a file that is followed, which only a look tells.
    #[must_use]
    pub fn may_match(&self, path: &Path) -> bool {
        let Some(log) = PodLog::parse(&self.pod_logs, path).filter(|_| self.output.is_some()) else {
            return false;
        };
        match self.catalog.of_log(&log.active) {
            Some(candidate) => !self.decisions.contains_key(&candidate.container.id),
            None => !self.decisions.contains_key(&*log.active.to_string_lossy()),
        }
    }

    /// The containers that are selected, and how many there are beyond those shown.
    #[must_use]
    pub fn shown(&self) -> (Vec<ContainerShown>, usize) {
        let is_selected = |key: &str| self.decisions.get(key) == Some(&Choice::Selected);
        let mut all: Vec<ContainerShown> = self
            .catalog
            .all()
            .iter()
            .filter(|candidate| is_selected(&candidate.container.id))
            .map(|candidate| ContainerShown {
                name: candidate.label(),
                id: candidate.container.id.to_string(),
                phase: candidate.phase.name().to_owned(),
            })
            .collect();
        let gone = self.decisions.iter().filter(|(_, choice)| **choice == Choice::Selected);
        let gone = gone.filter_map(|(key, _)| {
            let log = PodLog::parse(&self.pod_logs, Path::new(&**key))?;
            let name = format!("{}/{}/{}", log.namespace, log.pod, log.container);
            Some(ContainerShown { name, id: String::new(), phase: "gone".to_owned() })
        });
        all.extend(gone);
        all.sort_by(|left, right| (&left.name, &left.id).cmp(&(&right.name, &right.id)));
        all.dedup();
        let more = all.len().saturating_sub(MOST_SHOWN);
        all.truncate(MOST_SHOWN);
        (all, more)
    }
}

/// A container by what its path tells.
struct Described {
    container: Container,
    pod: Arc<Pod>,
    environment: Option<Vec<(Box<str>, Box<str>)>>,
    /// Whether labels and annotations are known.
    knows_pod: bool,
}

impl Described {
    fn subject(&self) -> Subject<'_> {
        let subject = Subject::new(&self.container, Some(&self.pod), self.environment.as_deref());
        if self.knows_pod { subject } else { Subject { labels: [None; 2], annotations: None, ..subject } }
    }
}
