//! What identity is told to look for.

use std::{path::PathBuf, time::Duration};

use super::runtime::RuntimeSocket;

/// Where to look, and what to tell of what is found.
#[derive(Debug, Clone)]
pub struct IdentitySettings {
    /// Where the host's `/proc` is mounted. It must show the host's process ids.
    pub proc: PathBuf,
    /// Where the host's file system is mounted: `/` on a host, `/host` or the like in a container. Users, the host's name
    /// and id, and the sockets of container runtimes are looked for below it.
    pub host_root: PathBuf,
    /// Sockets of container runtimes, below `host_root`, in the order in which they are asked; those that do not exist
    /// are looked for again whenever somebody asks.
    pub runtimes: Vec<RuntimeSocket>,
    /// Whether command lines are kept. They hold passwords more often than anybody likes.
    pub command_lines: bool,
    /// Whether `process.pid` is an attribute of resources, which then are as many as processes.
    pub process_ids: bool,
    /// Whether the labels `app.kubernetes.io/*` of pods name services. Annotations always do.
    pub labels_name_services: bool,
    /// Labels of pods that become attributes `k8s.pod.label.KEY`; `*` stands for all.
    pub pod_labels: Vec<String>,
    /// Annotations of pods that become attributes `k8s.pod.annotation.KEY`; `*` stands for all.
    pub pod_annotations: Vec<String>,
    /// `k8s.node.name` where no pod tells it.
    pub node_name: Option<String>,
    /// `k8s.cluster.name`, which Kubernetes itself does not know.
    pub cluster_name: Option<String>,
    /// How long what was read of a process is believed while it lives. A process that starts another program is read
    /// again at once where the kernel tells of it.
    pub lifetime: Duration,
    /// How long a process that has ended is remembered, for exchanges that are still on their way.
    pub remembered: Duration,
    /// How long names of containers and pods are waited for, from when a process was first seen. After that what is known
    /// counts as settled.
    pub settles_within: Duration,
}

impl Default for IdentitySettings {
    fn default() -> Self {
        Self {
            proc: "/proc".into(),
            host_root: "/".into(),
            runtimes: RuntimeSocket::usual(),
            command_lines: false,
            process_ids: false,
            labels_name_services: false,
            pod_labels: Vec::new(),
            pod_annotations: Vec::new(),
            node_name: None,
            cluster_name: None,
            lifetime: Duration::from_secs(10),
            remembered: Duration::from_secs(30),
            settles_within: Duration::from_secs(2),
        }
    }
}
