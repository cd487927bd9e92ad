//! The containers of this host, as far as they are known.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use super::{layout::is_rotated_from, selection::Subject, view::View};
use crate::identity::{Container, ContainerPhase, Pod};

/// A container whose files may be followed.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) container: Arc<Container>,
    pub(super) pod: Option<Arc<Pod>>,
    pub(super) environment: Option<Vec<(Box<str>, Box<str>)>>,
    pub(super) phase: ContainerPhase,
    /// The first of its processes while it runs.
    pub(super) pid: Option<u32>,
    /// The file that its output goes to, as this process sees it.
    pub(super) log_path: Option<PathBuf>,
    pub(super) view: View,
}

impl Candidate {
    pub(super) fn subject(&self) -> Subject<'_> {
        Subject::new(&self.container, self.pod.as_deref(), self.environment.as_deref())
    }

    /// What a person calls it: `NAMESPACE/POD/NAME` in a pod, else its name, else its id.
    pub(super) fn label(&self) -> String {
        let name = self.container.name.as_deref().unwrap_or(&self.container.id);
        let pod = self.pod.as_deref().and_then(|pod| Some((pod.namespace.as_deref()?, pod.name.as_deref()?)));
        match pod {
            Some((namespace, pod)) => label(namespace, pod, name),
            None => name.to_owned(),
        }
    }
}

/// What a person calls a container of a pod.
pub(in crate::logs) fn label(namespace: &str, pod: &str, container: &str) -> String {
    format!("{namespace}/{pod}/{container}")
}

/// All that are known, those included that ended lately.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    /// The same for as long as nothing changes about them.
    pub(super) known: Arc<Index>,
    /// When the last listing began that every runtime answered, by both clocks.
    pub(super) listed: Option<(Instant, u64)>,
    /// Whether a runtime is there at all.
    pub(super) has_runtimes: bool,
    /// Sockets of runtimes that did not answer the last time.
    pub(super) silent: Vec<PathBuf>,
    /// Containers that there was no room for.
    pub(super) left_out: usize,
}

/// Containers by what they are looked for.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Sorted by what people call them.
    candidates: Vec<Arc<Candidate>>,
    by_log: HashMap<PathBuf, usize>,
    by_pod: HashMap<(Box<str>, Box<str>), usize>,
}

impl Index {
    pub(super) fn new(mut candidates: Vec<Arc<Candidate>>) -> Self {
        candidates.sort_by_cached_key(|candidate| {
            (candidate.label(), candidate.container.restart_count, candidate.container.id.clone())
        });
        let (mut by_log, mut by_pod) = (HashMap::new(), HashMap::new());
        for (position, candidate) in candidates.iter().enumerate() {
            if let Some(path) = &candidate.log_path {
                by_log.insert(path.clone(), position);
            }
            if let (Some(pod), Some(name)) = (&candidate.pod, &candidate.container.name) {
                by_pod.insert((pod.pod_uid.clone(), name.clone()), position);
            }
        }
        Self { candidates, by_log, by_pod }
    }
}

impl Catalog {
    pub(super) fn all(&self) -> &[Arc<Candidate>] {
        &self.known.candidates
    }

    /// The container whose output goes to that file.
    pub(super) fn of_log(&self, active: &Path) -> Option<&Arc<Candidate>> {
        self.known.candidates.get(*self.known.by_log.get(active)?)
    }

    /// The container whose output goes, or went, to that file.
    pub(super) fn of_rotated(&self, path: &Path) -> Option<&Arc<Candidate>> {
        let mut active = path.to_owned();
        // `c.log.1`, `c.log.20260102-150405`: one name more at most.
        for _ in 0..2 {
            if let Some(found) = self.of_log(&active).filter(|_| is_rotated_from(path, &active)) {
                return Some(found);
            }
            active.set_extension("");
        }
        None
    }

    /// A container of that pod with that name, at whichever restart it is.
    pub(super) fn of_pod(&self, uid: &str, name: &str) -> Option<&Arc<Candidate>> {
        self.known.candidates.get(*self.known.by_pod.get(&(uid.into(), name.into()))?)
    }
}
