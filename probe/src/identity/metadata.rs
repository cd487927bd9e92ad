//! Containers and pods of processes, from whoever knows them.

use std::sync::{Arc, PoisonError, RwLock};

use super::{
    Container, Image, Pod, PodSource,
    facts::Place,
    runtime::{Answer, Containers},
};

/// Who knows containers and pods.
#[derive(Debug)]
pub(super) struct Metadata {
    pub(super) containers: Containers,
    pods: RwLock<Option<Arc<dyn PodSource>>>,
}

/// Where a process runs, as far as that is known by now.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    pub(super) container: Option<Arc<Container>>,
    pub(super) pod: Option<Arc<Pod>>,
    /// Whether nothing more will come of waiting.
    pub(super) settled: bool,
}

impl Metadata {
    pub(super) fn new(containers: Containers) -> Self {
        Self { containers, pods: RwLock::new(None) }
    }

    pub(super) fn use_pods(&self, source: Arc<dyn PodSource>) {
        *self.pods.write().unwrap_or_else(PoisonError::into_inner) = Some(source);
    }

    pub(super) fn pods(&self) -> Option<Arc<dyn PodSource>> {
        self.pods.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A number that changes whenever more is known.
    pub(super) fn generation(&self) -> u64 {
        let pods = self.pods.read().unwrap_or_else(PoisonError::into_inner);
        // A source that replaces another begins to count anew; the constant keeps its first number from being the old one.
        let of_pods = pods.as_ref().map_or(0, |source| source.generation().wrapping_add(1 << 32));
        self.containers.generation().wrapping_add(of_pods)
    }

    /// Where a process with these control groups runs. The runtime is asked, if it has not been, and its answer comes later.
    pub(super) fn surroundings(&self, place: &Place) -> Surroundings {
        let Some(id) = place.container.as_deref() else {
            let pod = place.pod_uid.as_deref().map(|uid| self.pod(uid, None));
            return match pod {
                Some((pod, settled)) => Surroundings { container: None, pod: Some(pod), settled },
                None => Surroundings { settled: true, ..Surroundings::default() },
            };
        };
        let answer = self.containers.describe(id);
        let described = match &answer {
            Answer::Described(described) => Some(&**described),
            Answer::Unknown | Answer::Awaited => None,
        };
        let of_runtime = described.and_then(|described| described.pod.as_ref());
        let uid = of_runtime.map(|pod| &*pod.pod_uid).or(place.pod_uid.as_deref());
        let (pod, pod_settled) = match uid {
            Some(uid) => {
                let (pod, settled) = self.pod(uid, of_runtime);
                (Some(pod), settled)
            }
            None => (None, true),
        };
        let container = match described {
            Some(described) => Arc::clone(&described.container),
            None => Arc::new(Container { id: id.into(), ..Container::default() }),
        };
        let container = match &pod {
            Some(pod) => completed(container, pod),
            None => container,
        };
        let settled = pod_settled && !matches!(answer, Answer::Awaited);
        Surroundings { container: Some(container), pod, settled }
    }

    /// A pod by its uid, and whether there is no more to be known of it. The API knows best.
    fn pod(&self, uid: &str, of_runtime: Option<&Arc<Pod>>) -> (Arc<Pod>, bool) {
        let source = self.pods();
        if let Some(pod) = source.as_ref().and_then(|source| source.pod(uid)) {
            return (pod, true);
        }
        let settled = source.is_none_or(|source| !source.may_learn());
        let pod =
            of_runtime.cloned().unwrap_or_else(|| Arc::new(Pod { pod_uid: uid.into(), ..Pod::default() }));
        (pod, settled)
    }
}

/// The container with what its pod knows of it and the runtime did not tell.
fn completed(container: Arc<Container>, pod: &Pod) -> Arc<Container> {
    let Some(known) = pod.container(&container.id) else { return container };
    if container.name.is_some() && container.image.is_some() && container.restart_count == known.restart_count
    {
        return container;
    }
    let image = || known.image.as_deref().and_then(Image::parse);
    Arc::new(Container {
        id: container.id.clone(),
        name: container.name.clone().or_else(|| Some(known.name.clone())),
        image: container.image.clone().or_else(image),
        restart_count: known.restart_count.or(container.restart_count),
        labels: container.labels.clone(),
    })
}
