//! Who is behind a connection: process, container, pod.
//!
//! Reading `/proc` takes tens of microseconds and may wait for locks of the process it asks about. So the data path
//! only ever [notices](Identities::notice) a process; a thread of its own, or the consumer of records, looks it up.

mod cache;
mod cgroup_path;
mod lookup;
mod resource;

use serde::Serialize;

pub use cache::Identities;
pub use resource::{Resource, ResourceValue};

/// Who a process is. What could not be found out is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Path of its program, as it is seen in the process's own file system.
    pub exe: Option<Box<str>>,
    /// When it started, in clock ticks after boot (`/proc/PID/stat` field 22): tells a process from a later one with
    /// the same id. Absent if the process was gone before it could be asked.
    pub started_ticks: Option<u64>,
    /// The container it runs in.
    pub container: Option<Container>,
    /// The Kubernetes pod it runs in.
    pub pod: Option<Pod>,
}

/// A container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Container {
    /// The runtime's id, sixty-four hexadecimal digits.
    pub id: Box<str>,
}

/// A Kubernetes pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pod {
    /// The uid that the API server gave it; for a static pod, the hash of its manifest.
    pub pod_uid: Box<str>,
}
