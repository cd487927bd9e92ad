//! What a pipeline asks of the files of containers that it follows, by what the last look found.

use std::{path::Path, sync::Arc};

use super::{
    super::{
        catalog::{Candidate, label},
        layout::PodLog,
        origin::{Access, Origin},
        selection::{Choice, Subject},
        view::Layer,
    },
    ContainerFiles, ContainerShown, MOST_SHOWN, Within,
};
use crate::identity::{Container, Pod, Resource, ResourceValue};

impl ContainerFiles {
    /// What a path tells of a container that no runtime knows, with what is known of its pod and of its later self.
    pub(super) fn describe(&self, log: &PodLog<'_>) -> Described {
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
        if let Some(Within { candidate, layer, rest, shown }) = self.found.get(path) {
            return Some(self.within(candidate, layer, rest, shown));
        }
        if self.output.is_some()
            && let Some(origin) = self.output_origin(path)
        {
            return Some(origin);
        }
        let Within { candidate, layer, rest, shown } = self.folders.get(path.parent()?)?;
        let name = path.file_name()?;
        Some(self.within(candidate, layer, &rest.join(name), &shown.join(name)))
    }

    /// Whether a container is selected, by its key among the decisions.
    fn is_chosen(&self, key: &str) -> bool {
        self.decisions.get(key) == Some(&Choice::Selected)
    }

    fn output_origin(&self, path: &Path) -> Option<Origin> {
        if let Some(log) = PodLog::parse(&self.pod_logs, path) {
            let resource = match self.catalog.of_log(&log.active) {
                Some(candidate) if self.is_chosen(&candidate.container.id) => self.resource(candidate),
                Some(_) => return None,
                None if self.is_chosen(&log.active.to_string_lossy()) => {
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
        let candidate =
            self.catalog.of_rotated(path).filter(|candidate| self.is_chosen(&candidate.container.id))?;
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
        self.folders.get(folder).is_some_and(|within| self.within.matches(&within.shown.join(name)))
    }

    fn is_selected_output(&self, path: &Path) -> bool {
        if self.output.is_none() {
            return false;
        }
        match PodLog::parse(&self.pod_logs, path) {
            Some(log) => match self.catalog.of_log(&log.active) {
                Some(candidate) => self.is_chosen(&candidate.container.id),
                None => self.is_chosen(&log.active.to_string_lossy()),
            },
            None => {
                self.catalog.of_rotated(path).is_some_and(|candidate| self.is_chosen(&candidate.container.id))
            }
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
        let mut all: Vec<ContainerShown> = self
            .catalog
            .all()
            .iter()
            .filter(|candidate| self.is_chosen(&candidate.container.id))
            .map(|candidate| ContainerShown {
                name: candidate.label(),
                id: candidate.container.id.to_string(),
                phase: candidate.phase.name().to_owned(),
            })
            .collect();
        let gone = self.decisions.iter().filter(|(_, choice)| **choice == Choice::Selected);
        let gone = gone.filter_map(|(key, _)| {
            let log = PodLog::parse(&self.pod_logs, Path::new(&**key))?;
            let name = label(log.namespace, log.pod, log.container);
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
pub(super) struct Described {
    container: Container,
    pod: Arc<Pod>,
    environment: Option<Vec<(Box<str>, Box<str>)>>,
    /// Whether labels and annotations are known.
    knows_pod: bool,
}

impl Described {
    pub(super) fn subject(&self) -> Subject<'_> {
        let subject = Subject::new(&self.container, Some(&self.pod), self.environment.as_deref());
        if self.knows_pod { subject } else { Subject { labels: [None; 2], annotations: None, ..subject } }
    }
}
