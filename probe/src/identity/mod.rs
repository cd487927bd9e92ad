//! Who is behind a connection: process, container, pod, service.
//!
//! Reading `/proc` takes tens of microseconds and may wait for locks of the process it asks about, and a container runtime
//! answers in milliseconds or never. So the data path only ever [notices](Identities::notice) a process; a thread of its own
//! looks it up, and consumers ask what is known by then.
//!
//! | file | holds |
//! |---|---|
//! | `cache`, `entries` | what is known of each process, for everybody who asks |
//! | `noticing`, `names` | what the data path tells |
//! | `thread`, `events` | the thread that asks, and what the kernel tells it of processes |
//! | `lookup`, `facts`, `cgroup_path`, `environment`, `users`, `host` | what files tell |
//! | `runtime` | containers, asked of containerd, CRI-O, Docker, Podman |
//! | `kubernetes` | pods, and the seam for those who know them from the API |
//! | `peers`, `names` | what the other end's address belongs to |
//! | `service`, `resource`, `interned` | OpenTelemetry's resource of all that |
//! | `of_container` | the same of a container without a process, for its log files |

mod cache;
mod cgroup_path;
mod entries;
mod environment;
mod events;
mod facts;
mod host;
mod image;
mod interned;
mod kubernetes;
mod labels;
mod lookup;
mod metadata;
mod names;
mod noticing;
mod of_container;
mod peers;
pub mod pod_watch;
mod resource;
mod runtime;
mod service;
mod settings;
mod thread;
mod users;

use std::{borrow::Cow, sync::Arc, time::SystemTime};

pub use cache::{Counts, Identities, Lookup};
pub use image::Image;
pub use kubernetes::{Owner, OwnerKind, Peer, PeerKind, Pod, PodContainer, PodSource};
pub use labels::Labels;
pub use noticing::Noticing;
pub use of_container::ContainerResources;
pub use resource::{Resource, ResourceValue};
pub(crate) use runtime::overlay_layers;
pub use runtime::{ContainerPhase, Inspected, ListedContainer, Runtime, RuntimeKind, RuntimeSocket, Silent};
pub use settings::IdentitySettings;

/// Who a process is. What could not be found out is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// The process that started it, in the initial namespace.
    pub parent: Option<u32>,
    /// Path of its program, as it is seen in the process's own file system.
    pub exe: Option<Arc<str>>,
    /// Its command line, if the settings ask for it.
    pub command: Option<Arc<str>>,
    /// Who runs it.
    pub user: Option<User>,
    /// When it started, in clock ticks after boot (`/proc/PID/stat` field 22): tells a process from a later one with
    /// the same id. Absent if the process was gone before it could be asked.
    pub started_ticks: Option<u64>,
    /// When it started.
    pub started: Option<SystemTime>,
    /// The container it runs in.
    pub container: Option<Arc<Container>>,
    /// The Kubernetes pod it runs in.
    pub pod: Option<Arc<Pod>>,
    /// The service it belongs to.
    pub resource: Arc<Resource>,
}

impl Identity {
    /// What a person calls its container: `NAMESPACE/POD/NAME` in a pod, else its name, else its id.
    #[must_use]
    pub fn container_label(&self) -> Option<Cow<'_, str>> {
        let container = self.container.as_deref()?;
        let Some(name) = container.name.as_deref() else { return Some(Cow::Borrowed(&container.id)) };
        Some(match self.pod_label() {
            Some(pod) => Cow::Owned(format!("{pod}/{name}")),
            None => Cow::Borrowed(name),
        })
    }

    /// What a person calls its pod: `NAMESPACE/NAME`, else its uid.
    #[must_use]
    pub fn pod_label(&self) -> Option<Cow<'_, str>> {
        let pod = self.pod.as_deref()?;
        Some(match (&pod.namespace, &pod.name) {
            (Some(namespace), Some(name)) => Cow::Owned(format!("{namespace}/{name}")),
            _ => Cow::Borrowed(&pod.pod_uid),
        })
    }
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The number, in the initial namespace: the effective one.
    pub id: u32,
    /// The host's name for it. Absent in containers, which may have other users by the same numbers.
    pub name: Option<Arc<str>>,
}

/// A container. What its runtime did not tell is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// The runtime's id, sixty-four hexadecimal digits.
    pub id: Box<str>,
    /// Its name; of a pod's container, its name in the pod.
    pub name: Option<Box<str>>,
    /// The image that it was made from.
    pub image: Option<Image>,
    /// How often it was restarted, by Kubernetes' count.
    pub restart_count: Option<u32>,
    /// Its labels.
    pub labels: Labels,
}
