//! Containers and their files, by the Container Runtime Interface and by containerd's own services behind the same socket.

use std::path::PathBuf;

use prost::Message;
use serde::Deserialize;
use tokio::sync::Notify;
use tonic::{Code, Request, codegen::http::uri::PathAndQuery, metadata::MetadataValue};
use tonic_prost::ProstCodec;

use super::{
    Described, Silent,
    cri::Cri,
    cri_messages as messages,
    files::{ContainerPhase, Inspected, ListedContainer, overlay_layers, variables},
};

/// The namespace of containerd that Kubernetes' containers are in.
const NAMESPACE: &str = "k8s.io";

#[derive(Clone, PartialEq, Message)]
struct Empty {}

/// `SubscribeRequest` of containerd's events (containerd/api, services/events/v1).
#[derive(Clone, PartialEq, Message)]
struct Subscribe {
    #[prost(string, repeated, tag = "1")]
    filters: Vec<String>,
}

/// `Envelope` of one of its events.
#[derive(Clone, PartialEq, Message)]
struct Envelope {
    #[prost(string, tag = "3")]
    topic: String,
}

/// `MountsRequest` of its snapshots (containerd/api, services/snapshots/v1).
#[derive(Clone, PartialEq, Message)]
struct MountsRequest {
    #[prost(string, tag = "1")]
    snapshotter: String,
    #[prost(string, tag = "2")]
    key: String,
}

#[derive(Clone, PartialEq, Message)]
struct MountsResponse {
    #[prost(message, repeated, tag = "1")]
    mounts: Vec<SnapshotMount>,
}

#[derive(Clone, PartialEq, Message)]
struct SnapshotMount {
    #[prost(string, tag = "1")]
    kind: String,
    #[prost(string, tag = "2")]
    source: String,
    #[prost(string, repeated, tag = "4")]
    options: Vec<String>,
}

/// What containerd and CRI-O tell as JSON when asked to be verbose: `info` in the status, as far as it is read.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Info {
    pid: u32,
    snapshot_key: String,
    snapshotter: String,
    runtime_spec: Option<Specification>,
}

/// The container's configuration by the OCI runtime specification, 1.2.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Specification {
    process: Option<Process>,
    root: Option<Root>,
    mounts: Option<Vec<Mount>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Process {
    env: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Root {
    path: PathBuf,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Mount {
    destination: PathBuf,
    source: PathBuf,
    r#type: String,
}

impl Cri {
    pub(super) async fn list_containers(&self) -> Result<Vec<ListedContainer>, Silent> {
        let request = messages::ListRequest::default();
        let list: messages::ListContainersResponse =
            self.call("ListContainers", request).await?.unwrap_or_default();
        let listed = |container: messages::ListedContainer| ListedContainer {
            id: container.id.into(),
            phase: match container.state {
                0 => ContainerPhase::Created,
                1 => ContainerPhase::Running,
                _ => ContainerPhase::Ended,
            },
        };
        Ok(list.containers.into_iter().map(listed).collect())
    }

    pub(super) async fn inspect(&self, id: &str) -> Result<Option<Inspected>, Silent> {
        let Some(listed) = self.listed(id).await? else { return Ok(None) };
        let request = messages::StatusRequest { id: id.to_owned(), verbose: true };
        let answer = self.call::<_, messages::ContainerStatusResponse>("ContainerStatus", request).await?;
        let Some(messages::ContainerStatusResponse { status: Some(mut status), info }) = answer else {
            return Ok(None);
        };
        let info: Info =
            info.get("info").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let layers = self.layers(&info).await;
        let specification = info.runtime_spec.unwrap_or_default();
        let of_status = std::mem::take(&mut status.mounts).into_iter();
        let of_status =
            of_status.map(|mount| (PathBuf::from(mount.container_path), PathBuf::from(mount.host_path)));
        let of_specification = specification.mounts.unwrap_or_default().into_iter();
        let of_specification = of_specification
            .filter(|mount| mount.r#type == "bind" && mount.source.is_absolute())
            .map(|mount| (mount.destination, mount.source));
        let mounts = of_status.chain(of_specification).collect();
        let log_path = Some(PathBuf::from(&status.log_path)).filter(|path| path.is_absolute());
        let Described { container, pod } = self.described(listed, Some(status)).await?;
        Ok(Some(Inspected {
            container,
            pod,
            log_path,
            pid: (info.pid > 0).then_some(info.pid),
            environment: specification.process.and_then(|process| process.env).map(variables),
            layers,
            mounts,
        }))
    }

    /// Folders that the root of a container is made of.
    async fn layers(&self, info: &Info) -> Vec<PathBuf> {
        if !info.snapshot_key.is_empty() {
            let (snapshotter, key) = (info.snapshotter.clone(), info.snapshot_key.clone());
            let mut request = Request::new(MountsRequest { snapshotter, key });
            request.metadata_mut().insert("containerd-namespace", MetadataValue::from_static(NAMESPACE));
            let path = PathAndQuery::from_static("/containerd.services.snapshots.v1.Snapshots/Mounts");
            let codec = ProstCodec::<MountsRequest, MountsResponse>::default();
            if let Ok(mut client) = self.client().await
                && let Ok(response) = client.unary(request, path, codec).await
                && let Some(mount) = response.into_inner().mounts.into_iter().next()
            {
                return match mount.kind.as_str() {
                    "overlay" => overlay_layers(mount.options.iter().map(String::as_str)),
                    "bind" => vec![mount.source.into()],
                    _ => Vec::new(),
                };
            }
        }
        // containers/storage, which CRI-O uses, keeps `diff` beside `merged`.
        let root = info.runtime_spec.as_ref().and_then(|specification| specification.root.as_ref());
        match root {
            Some(Root { path }) if path.is_absolute() && path.ends_with("merged") => {
                vec![path.with_file_name("diff")]
            }
            _ => Vec::new(),
        }
    }

    pub(super) async fn hear(&self, heard: &Notify) -> bool {
        let Ok(mut client) = self.client().await else { return true };
        let path = PathAndQuery::from_static("/runtime.v1.RuntimeService/GetContainerEvents");
        let codec = ProstCodec::<Empty, Empty>::default();
        match client.server_streaming(Request::new(Empty {}), path, codec).await {
            Ok(stream) => {
                let mut stream = stream.into_inner();
                while let Ok(Some(Empty {})) = stream.message().await {
                    heard.notify_one();
                }
                return true;
            }
            Err(status) if status.code() == Code::Unimplemented => {}
            Err(_) => return true,
        }
        // containerd before 1.7 has events of its own only.
        let Ok(mut client) = self.client().await else { return true };
        let path = PathAndQuery::from_static("/containerd.services.events.v1.Events/Subscribe");
        let codec = ProstCodec::<Subscribe, Envelope>::default();
        let request = Subscribe { filters: vec![format!("namespace=={NAMESPACE}")] };
        match client.server_streaming(Request::new(request), path, codec).await {
            Ok(stream) => {
                let mut stream = stream.into_inner();
                while let Ok(Some(Envelope { topic })) = stream.message().await {
                    // Not those of `exec`, of which probes of a kubelet make many.
                    let is_meant = topic.starts_with("/containers/")
                        || matches!(&*topic, "/tasks/create" | "/tasks/start" | "/tasks/delete");
                    if is_meant {
                        heard.notify_one();
                    }
                }
                true
            }
            Err(status) => status.code() != Code::Unimplemented,
        }
    }
}
