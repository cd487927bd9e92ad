//! Pods, what owns them, and where knowledge of them comes from.
//!
//! A watch of the Kubernetes API knows most of a pod; where there is none, or it does not answer, the container runtime
//! knows the pod's name, namespace, labels and annotations, and the labels that controllers set tell what owns it.

use std::{fmt, net::IpAddr, sync::Arc};

use super::Labels;

/// A Kubernetes pod. What is not known is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pod {
    /// The uid that the API server gave it; for a static pod, the hash of its manifest.
    pub pod_uid: Box<str>,
    /// Its namespace.
    pub namespace: Option<Box<str>>,
    /// Its name.
    pub name: Option<Box<str>>,
    /// The node that it runs on.
    pub node: Option<Box<str>>,
    /// Its address.
    pub address: Option<IpAddr>,
    /// When it started, in RFC 3339.
    pub started: Option<Box<str>>,
    /// What owns it, nearest first: a ReplicaSet, then its Deployment; a Job, then its CronJob.
    pub owners: Vec<Owner>,
    /// Its containers, as far as the source knows them.
    pub containers: Vec<PodContainer>,
    /// Its labels.
    pub labels: Labels,
    /// Its annotations.
    pub annotations: Labels,
}

/// What owns a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// What it is.
    pub kind: OwnerKind,
    /// Its name.
    pub name: Box<str>,
}

/// Kinds of owners that OpenTelemetry has attributes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnerKind {
    /// A Deployment.
    Deployment,
    /// A ReplicaSet.
    ReplicaSet,
    /// A StatefulSet.
    StatefulSet,
    /// A DaemonSet.
    DaemonSet,
    /// A CronJob.
    CronJob,
    /// A Job.
    Job,
}

impl OwnerKind {
    /// All kinds, in the order in which they name a service (semantic conventions 1.44, k8s-attributes).
    pub const ALL: [Self; 6] =
        [Self::Deployment, Self::ReplicaSet, Self::StatefulSet, Self::DaemonSet, Self::CronJob, Self::Job];

    /// The kind as Kubernetes writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::ReplicaSet => "ReplicaSet",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::CronJob => "CronJob",
            Self::Job => "Job",
        }
    }

    /// The kind that Kubernetes writes so.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The resource attribute that carries its name.
    #[must_use]
    pub const fn attribute(self) -> &'static str {
        match self {
            Self::Deployment => "k8s.deployment.name",
            Self::ReplicaSet => "k8s.replicaset.name",
            Self::StatefulSet => "k8s.statefulset.name",
            Self::DaemonSet => "k8s.daemonset.name",
            Self::CronJob => "k8s.cronjob.name",
            Self::Job => "k8s.job.name",
        }
    }
}

/// A container of a pod, as the API tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodContainer {
    /// The runtime's id, without the runtime's name before it.
    pub id: Box<str>,
    /// Its name in the pod.
    pub name: Box<str>,
    /// The image, as it was given.
    pub image: Option<Box<str>>,
    /// How often it was restarted.
    pub restart_count: Option<u32>,
}

/// The other end of a connection, by its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// What it is.
    pub kind: PeerKind,
    /// Its name.
    pub name: Box<str>,
    /// Its namespace, or the like.
    pub namespace: Option<Box<str>>,
    /// The service that it belongs to, where that has another name: a pod's owner.
    pub service: Option<Box<str>>,
}

/// What an address belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerKind {
    /// A pod.
    Pod,
    /// A service of Kubernetes.
    Service,
    /// A node of the cluster.
    Node,
    /// A container of this host that is in no pod.
    Container,
    /// A name that this host saw resolved to the address.
    DnsName,
}

impl PeerKind {
    /// In a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Service => "service",
            Self::Node => "node",
            Self::Container => "container",
            Self::DnsName => "dns",
        }
    }
}

/// Who knows pods: a watch of the Kubernetes API. All answers come from memory.
pub trait PodSource: fmt::Debug + Send + Sync {
    /// The pod of that uid.
    fn pod(&self, uid: &str) -> Option<Arc<Pod>>;

    /// The pod, service or node of that address.
    fn peer(&self, address: IpAddr) -> Option<Arc<Peer>>;

    /// A number that changes whenever an answer may have changed.
    fn generation(&self) -> u64;

    /// Whether a pod of this node that is not known may still become known: false while the API cannot be reached, so
    /// that nobody waits for it.
    fn may_learn(&self) -> bool;
}

impl Pod {
    /// The name of the container with that id, if the source of this pod knows it.
    pub(super) fn container(&self, id: &str) -> Option<&PodContainer> {
        self.containers.iter().find(|container| &*container.id == id)
    }

    /// The pod as the other end of a connection; `None` if its name is not known.
    #[must_use]
    pub fn peer(&self) -> Option<Peer> {
        Some(Peer {
            kind: PeerKind::Pod,
            name: self.name.clone()?,
            namespace: self.namespace.clone(),
            service: self.workload().map(|owner| owner.name.clone()),
        })
    }

    /// Whether that is the pod's name, with or without its namespace: `NAMESPACE/NAME`.
    #[must_use]
    pub fn is_called(&self, wanted: &str) -> bool {
        let Some(name) = self.name.as_deref() else { return false };
        match wanted.split_once('/') {
            Some((namespace, wanted)) => wanted == name && self.namespace.as_deref() == Some(namespace),
            None => wanted == name,
        }
    }

    /// The owner that names the service.
    #[must_use]
    pub fn workload(&self) -> Option<&Owner> {
        OwnerKind::ALL.into_iter().find_map(|kind| self.owners.iter().find(|owner| owner.kind == kind))
    }

    /// What owns a pod, by the labels that its controller gave it; nothing where they do not tell for certain.
    ///
    /// | controller | label | name of the pod |
    /// |---|---|---|
    /// | Deployment | `pod-template-hash` | `DEPLOYMENT-HASH-RANDOM` |
    /// | StatefulSet | `statefulset.kubernetes.io/pod-name` | `STATEFULSET-ORDINAL` |
    /// | DaemonSet | `pod-template-generation` | `DAEMONSET-RANDOM` |
    /// | Job | `batch.kubernetes.io/job-name`, before 1.27 `job-name` | |
    pub(super) fn owners_by_labels(name: &str, labels: &Labels) -> Vec<Owner> {
        let owner = |kind, name: &str| Owner { kind, name: name.into() };
        if let Some(hash) = labels.get("pod-template-hash") {
            let set = name.rsplit_once('-').map(|(set, _)| set);
            let deployment = set.and_then(|set| set.strip_suffix(hash)?.strip_suffix('-'));
            if let (Some(set), Some(deployment)) = (set, deployment) {
                return vec![owner(OwnerKind::ReplicaSet, set), owner(OwnerKind::Deployment, deployment)];
            }
        }
        if labels.get("statefulset.kubernetes.io/pod-name").is_some_and(|pod| pod == name)
            && let Some((set, _)) = name.rsplit_once('-')
        {
            return vec![owner(OwnerKind::StatefulSet, set)];
        }
        if labels.get("pod-template-generation").is_some()
            && let Some((set, _)) = name.rsplit_once('-')
        {
            return vec![owner(OwnerKind::DaemonSet, set)];
        }
        let job = labels.get("batch.kubernetes.io/job-name").or_else(|| labels.get("job-name"));
        job.map(|job| vec![owner(OwnerKind::Job, job)]).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owners(name: &str, labels: &[(&str, &str)]) -> Vec<(OwnerKind, String)> {
        let labels = Labels::new(labels.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())));
        let owners = Pod::owners_by_labels(name, &labels);
        owners.into_iter().map(|owner| (owner.kind, owner.name.into())).collect()
    }

    #[test]
    fn labels_of_controllers_tell_what_owns_a_pod() {
        let deployed = owners("web-7d4b9c-x2x4z", &[("pod-template-hash", "7d4b9c")]);
        let expected =
            [(OwnerKind::ReplicaSet, "web-7d4b9c".to_owned()), (OwnerKind::Deployment, "web".to_owned())];
        assert_eq!(deployed, expected);
        let set = [("statefulset.kubernetes.io/pod-name", "db-0"), ("controller-revision-hash", "db-1")];
        assert_eq!(owners("db-0", &set), [(OwnerKind::StatefulSet, "db".to_owned())]);
        let daemon = [("pod-template-generation", "1"), ("controller-revision-hash", "5f")];
        assert_eq!(owners("agent-abcde", &daemon), [(OwnerKind::DaemonSet, "agent".to_owned())]);
        assert_eq!(owners("once-abcde", &[("job-name", "once")]), [(OwnerKind::Job, "once".to_owned())]);
    }

    #[test]
    fn names_alone_tell_nothing() {
        assert_eq!(owners("web-7d4b9c-x2x4z", &[]), []);
        assert_eq!(owners("web-other-x2x4z", &[("pod-template-hash", "7d4b9c")]), []);
    }

    #[test]
    fn kinds_are_read_as_they_are_written() {
        for kind in OwnerKind::ALL {
            assert_eq!(OwnerKind::parse(kind.name()), Some(kind));
        }
        assert_eq!(OwnerKind::parse("Rollout"), None);
    }
}
