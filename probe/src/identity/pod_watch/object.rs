//! A pod as the API server sends it, of which only what identity needs is read: a whole one is ten times as large.

use std::borrow::Cow;

use k8s_openapi::{NamespaceResourceScope, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::Resource;
use serde::Deserialize;

use super::super::{Labels, Owner, OwnerKind, Pod, PodContainer};

/// Most containers of a pod that are kept; Kubernetes itself puts no bound on them but the size of the object.
const CONTAINERS: usize = 64;

/// A pod of the API, `v1.Pod`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct PodObject {
    pub(super) metadata: ObjectMeta,
    spec: Spec,
    status: Status,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    node_name: Option<Box<str>>,
    host_network: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    #[serde(rename = "podIP")]
    pod_ip: Option<Box<str>>,
    start_time: Option<Box<str>>,
    container_statuses: Vec<ContainerStatus>,
    init_container_statuses: Vec<ContainerStatus>,
    ephemeral_container_statuses: Vec<ContainerStatus>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ContainerStatus {
    name: Box<str>,
    image: Option<Box<str>>,
    #[serde(rename = "containerID")]
    container_id: Option<Box<str>>,
    restart_count: Option<u32>,
}

impl Resource for PodObject {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "Pod".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        "".into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "pods".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl PodObject {
    /// The uid, which every object has once the API server has it.
    pub(super) fn uid(&self) -> Option<&str> {
        self.metadata.uid.as_deref()
    }

    /// What identity keeps of it. `None` for what is not a pod: without a uid or a name.
    pub(super) fn to_pod(&self) -> Option<Pod> {
        let metadata = &self.metadata;
        let status = &self.status;
        let statuses = status
            .container_statuses
            .iter()
            .chain(&status.init_container_statuses)
            .chain(&status.ephemeral_container_statuses);
        let address = status.pod_ip.as_deref().and_then(|text| text.parse().ok());
        Some(Pod {
            pod_uid: self.uid()?.into(),
            name: Some(metadata.name.as_deref()?.into()),
            namespace: metadata.namespace.as_deref().map(Into::into),
            node: self.spec.node_name.clone(),
            // A pod in the network of its node has the node's address, which names no pod.
            address: address.filter(|_| !self.spec.host_network),
            started: status.start_time.clone(),
            owners: self.owner().into_iter().collect(),
            containers: statuses.filter_map(container).take(CONTAINERS).collect(),
            labels: Labels::new(metadata.labels.clone().unwrap_or_default()),
            annotations: Labels::new(metadata.annotations.clone().unwrap_or_default()),
        })
    }

    /// The controller, if it is of a kind that has a name in telemetry.
    fn owner(&self) -> Option<Owner> {
        let references = self.metadata.owner_references.as_deref().unwrap_or_default();
        let controller = references.iter().find(|reference| reference.controller == Some(true))?;
        Some(Owner { kind: OwnerKind::parse(&controller.kind)?, name: controller.name.as_str().into() })
    }
}

/// A container that has been started: the runtime's id is `RUNTIME://ID`.
fn container(status: &ContainerStatus) -> Option<PodContainer> {
    let (_, id) = status.container_id.as_deref()?.split_once("://")?;
    Some(PodContainer {
        id: id.into(),
        name: status.name.clone(),
        image: status.image.clone(),
        restart_count: status.restart_count,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A pod as the API server writes it.
    pub(in super::super) fn pod(number: u32) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": format!("web-7d4b9c-{number:05}"), "namespace": "shop", "uid": format!("uid-{number}"),
                "resourceVersion": (1000 + number).to_string(),
                "labels": {"app": "web", "pod-template-hash": "7d4b9c"},
                "annotations": {"resource.opentelemetry.io/service.name": "storefront"},
                "ownerReferences": [
                    {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7d4b9c", "uid": "rs", "controller": true},
                ],
                "managedFields": [{"manager": "kubelet", "fieldsV1": {"f:status": {}}}],
            },
            "spec": {"nodeName": "node-1", "containers": [{"name": "app", "image": "shop/web:1.4"}]},
            "status": {
                "phase": "Running", "podIP": format!("10.1.{}.{}", number / 250, number % 250 + 1), "hostIP": "192.0.2.1",
                "startTime": "2026-11-25T01:00:00Z",
                "containerStatuses": [{
                    "name": "app", "image": "shop/web:1.4", "restartCount": 2, "ready": true, "started": true,
                    "containerID": format!("containerd://{number:064x}"), "imageID": "sha256:1", "state": {}, "lastState": {},
                }],
            },
        })
    }

    fn read(value: Value) -> Option<Pod> {
        serde_json::from_value::<PodObject>(value).expect("a pod").to_pod()
    }

    #[test]
    fn what_telemetry_names_is_read_of_a_pod() {
        let pod = read(pod(7)).expect("a pod");
        assert_eq!((&*pod.pod_uid, pod.name.as_deref()), ("uid-7", Some("web-7d4b9c-00007")));
        assert_eq!((pod.namespace.as_deref(), pod.node.as_deref()), (Some("shop"), Some("node-1")));
        assert_eq!(pod.address, Some("10.1.0.8".parse().expect("an address")));
        assert_eq!(pod.owners, [Owner { kind: OwnerKind::ReplicaSet, name: "web-7d4b9c".into() }]);
        let container = &pod.containers[0];
        assert_eq!((&*container.id, &*container.name), (format!("{:064x}", 7).as_str(), "app"));
        assert_eq!((container.image.as_deref(), container.restart_count), (Some("shop/web:1.4"), Some(2)));
        assert_eq!(pod.labels.get("app"), Some("web"));
        assert_eq!(pod.annotations.get("resource.opentelemetry.io/service.name"), Some("storefront"));
    }

    #[test]
    fn the_address_of_a_node_names_no_pod() {
        let mut value = pod(1);
        value["spec"]["hostNetwork"] = true.into();
        assert_eq!(read(value).expect("a pod").address, None);
    }

    #[test]
    fn a_pod_that_has_not_started_yet_has_a_name_and_no_containers() {
        let mut value = pod(1);
        value["status"] = json!({"phase": "Pending", "containerStatuses": [{"name": "app", "state": {}}]});
        let pod = read(value).expect("a pod");
        assert_eq!(
            (pod.name.as_deref(), pod.containers.len(), pod.address),
            (Some("web-7d4b9c-00001"), 0, None)
        );
    }

    #[test]
    fn what_has_no_uid_is_no_pod() {
        assert_eq!(read(json!({"metadata": {"name": "web"}})), None);
    }

    #[test]
    fn an_owner_that_controls_nothing_or_is_of_another_kind_is_left_out() {
        let mut value = pod(1);
        value["metadata"]["ownerReferences"][0]["controller"] = false.into();
        assert_eq!(read(value.clone()).expect("a pod").owners, []);
        value["metadata"]["ownerReferences"][0]["controller"] = true.into();
        value["metadata"]["ownerReferences"][0]["kind"] = "Rollout".into();
        assert_eq!(read(value).expect("a pod").owners, []);
    }
}
