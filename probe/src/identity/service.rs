//! The resource of a process: which service it belongs to, and where it runs.
//!
//! `service.name` is, by semantic conventions 1.44 (non-normative/k8s-attributes.md) and the OpenTelemetry operator's
//! priorities, the first that is known:
//!
//! 1. `OTEL_SERVICE_NAME`, then `service.name` in `OTEL_RESOURCE_ATTRIBUTES`, of the process's own environment;
//! 2. the pod's annotation `resource.opentelemetry.io/service.name`;
//! 3. on request only, the pod's labels `app.kubernetes.io/instance`, `app.kubernetes.io/name`;
//! 4. what owns the pod: Deployment, ReplicaSet, StatefulSet, DaemonSet, CronJob, Job; the pod; the container;
//! 5. outside of Kubernetes: the Compose or Swarm service, the container's name;
//! 6. the systemd service by the process's control group, without `.service`;
//! 7. `unknown_service:EXECUTABLE`.
//!
//! Five and six are choices of this program; the conventions are silent there.

use std::collections::BTreeMap;

use super::{
    Container, Pod, Resource, ResourceValue, facts::Facts, host::Host, labels::Labels,
    settings::IdentitySettings,
};

/// The prefix of annotations that are resource attributes.
const ANNOTATION: &str = "resource.opentelemetry.io/";

/// All that is known of where a process belongs.
pub(super) struct Known<'a> {
    pub(super) settings: &'a IdentitySettings,
    pub(super) host: &'a Host,
    pub(super) pid: u32,
    pub(super) facts: &'a Facts,
    pub(super) container: Option<&'a Container>,
    pub(super) pod: Option<&'a Pod>,
}

/// Attributes on their way: what is set later counts.
#[derive(Default)]
struct Attributes(BTreeMap<Box<str>, ResourceValue>);

impl Attributes {
    fn set(&mut self, name: &str, value: ResourceValue) {
        self.0.insert(name.into(), value);
    }

    fn text(&mut self, name: &str, value: impl AsRef<str>) {
        let value = value.as_ref();
        if !value.is_empty() {
            self.set(name, ResourceValue::Text(value.into()));
        }
    }

    fn known(&mut self, name: &str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(ResourceValue::Text(text)) => Some(text),
            _ => None,
        }
    }
}

impl Known<'_> {
    /// The resource.
    pub(super) fn resource(&self) -> Resource {
        let mut attributes = Attributes::default();
        self.add_place(&mut attributes);
        self.add_container(&mut attributes);
        self.add_pod(&mut attributes);
        self.add_service(&mut attributes);
        self.add_declared(&mut attributes);
        // Who makes the telemetry is not for its subject to say. The name `opentelemetry` is reserved for SDKs of that
        // project (semantic conventions 1.44, resource/telemetry).
        attributes.text("telemetry.sdk.name", "plainsight");
        attributes.text("telemetry.sdk.language", "rust");
        attributes.text("telemetry.sdk.version", env!("CARGO_PKG_VERSION"));
        Resource {
            service_name: attributes.get("service.name").unwrap_or_default().into(),
            service_namespace: attributes.get("service.namespace").map(Into::into),
            attributes: attributes.0.into_iter().collect(),
        }
    }

    fn add_place(&self, attributes: &mut Attributes) {
        attributes.known("host.name", self.host.name.as_ref());
        attributes.known("host.id", self.host.id.as_ref());
        attributes.text("os.type", "linux");
        attributes.known("process.executable.name", self.executable_name());
        if self.settings.process_ids {
            attributes.set("process.pid", ResourceValue::Integer(self.pid.into()));
        }
        attributes.known("k8s.cluster.name", self.settings.cluster_name.as_ref());
        attributes.known("k8s.node.name", self.settings.node_name.as_ref());
    }

    fn add_container(&self, attributes: &mut Attributes) {
        let Some(container) = self.container else { return };
        attributes.text("container.id", &container.id);
        attributes.known("container.name", container.name.as_ref());
        let Some(image) = &container.image else { return };
        attributes.text("container.image.name", &image.name);
        if let Some(tag) = &image.tag {
            attributes.set("container.image.tags", ResourceValue::Texts(vec![tag.clone()]));
        }
        if let (Some(digest), false) = (&image.digest, image.name.is_empty()) {
            let digest = format!("{}@{digest}", image.name).into();
            attributes.set("container.image.repo_digests", ResourceValue::Texts(vec![digest]));
        }
    }

    fn add_pod(&self, attributes: &mut Attributes) {
        let Some(pod) = self.pod else { return };
        attributes.text("k8s.pod.uid", &pod.pod_uid);
        attributes.known("k8s.namespace.name", pod.namespace.as_ref());
        attributes.known("k8s.pod.name", pod.name.as_ref());
        attributes.known("k8s.pod.ip", pod.address.map(|address| address.to_string()));
        attributes.known("k8s.pod.start_time", pod.started.as_ref());
        attributes.known("k8s.node.name", pod.node.as_ref());
        for owner in &pod.owners {
            attributes.text(owner.kind.attribute(), &owner.name);
        }
        attributes.known("k8s.container.name", self.container_name());
        if let Some(count) = self.container.and_then(|container| container.restart_count) {
            attributes.set("k8s.container.restart_count", ResourceValue::Integer(count.into()));
        }
        add_selected(attributes, "k8s.pod.label.", &self.settings.pod_labels, &pod.labels);
        add_selected(attributes, "k8s.pod.annotation.", &self.settings.pod_annotations, &pod.annotations);
    }

    fn add_service(&self, attributes: &mut Attributes) {
        attributes.text("service.name", self.detected_name());
        let label = |key| self.container.and_then(|container| container.labels.get(key));
        let namespace = match self.pod {
            Some(pod) => pod.namespace.as_deref(),
            None => label("com.docker.compose.project").or_else(|| label("com.docker.stack.namespace")),
        };
        attributes.known("service.namespace", namespace);
        let image = self.container.and_then(|container| container.image.as_ref());
        attributes.known("service.version", image.and_then(super::Image::version));
        // Only what tells one container from another may be an instance.
        let instance = match (self.pod, self.container) {
            (Some(pod), _) => match (&pod.namespace, &pod.name, self.container_name()) {
                (Some(namespace), Some(name), Some(container)) => {
                    Some(format!("{namespace}.{name}.{container}"))
                }
                _ => None,
            },
            (None, container) => container.map(|container| container.id.to_string()),
        };
        attributes.known("service.instance.id", instance);
    }

    /// What people declared: labels of pods if they may, annotations, and the program's own environment.
    fn add_declared(&self, attributes: &mut Attributes) {
        if let Some(pod) = self.pod {
            if self.settings.labels_name_services {
                let label = |key| pod.labels.get(key).filter(|value| !value.is_empty());
                let name = label("app.kubernetes.io/instance").or_else(|| label("app.kubernetes.io/name"));
                attributes.known("service.name", name);
                attributes.known("service.version", label("app.kubernetes.io/version"));
            }
            for (key, value) in pod.annotations.iter() {
                if let Some(name) = key.strip_prefix(ANNOTATION).filter(|name| !name.is_empty()) {
                    attributes.text(name, value);
                }
            }
        }
        for (name, value) in &self.facts.declared.attributes {
            attributes.text(name, value);
        }
        attributes.known("service.name", self.facts.declared.service_name.as_ref());
    }

    /// The service's name without what people declared.
    fn detected_name(&self) -> String {
        if let Some(pod) = self.pod {
            let owner = pod.workload().map(|owner| &*owner.name);
            let name = owner.or(pod.name.as_deref()).or_else(|| self.container_name());
            if let Some(name) = name {
                return name.to_owned();
            }
        }
        if let Some(container) = self.container {
            let label = |key| container.labels.get(key).filter(|value| !value.is_empty());
            let name = label("com.docker.compose.service")
                .or_else(|| label("com.docker.swarm.service.name"))
                .or(container.name.as_deref());
            if let Some(name) = name {
                return name.to_owned();
            }
        } else if let Some(unit) = &self.facts.unit {
            return unit.to_string();
        }
        match self.executable_name() {
            Some(name) => format!("unknown_service:{name}"),
            None => "unknown_service".to_owned(),
        }
    }

    fn container_name(&self) -> Option<&str> {
        self.container.and_then(|container| container.name.as_deref())
    }

    fn executable_name(&self) -> Option<&str> {
        self.facts.exe.as_deref().and_then(|exe| exe.rsplit('/').next()).filter(|name| !name.is_empty())
    }
}

fn add_selected(attributes: &mut Attributes, prefix: &str, wanted: &[String], labels: &Labels) {
    for (key, value) in labels.iter() {
        if wanted.iter().any(|wanted| wanted == key || wanted == "*") {
            // An empty value is a value here: many labels say all they say by being there.
            attributes.set(&format!("{prefix}{key}"), ResourceValue::Text(value.into()));
        }
    }
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
