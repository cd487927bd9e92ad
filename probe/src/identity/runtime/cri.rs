//! containerd and CRI-O, by the Container Runtime Interface.
//!
//! A list tells in which sandbox a container is, its status the image by name, and the sandbox's status the pod. Sandboxes do
//! not change, so each is asked for once.

use std::{
    collections::HashMap,
    net::IpAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use prost::Message;
use tonic::{
    Code, Request,
    client::Grpc,
    codegen::http::uri::PathAndQuery,
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

use super::{Described, Silent, cri_messages as messages};
use crate::identity::{Container, Image, Labels, Peer, Pod};

/// Most sandboxes remembered.
const SANDBOXES: usize = 2048;

/// Largest answer that is read: a list of all sandboxes of a node with their labels.
const ANSWER_BYTES: usize = 16 << 20;

const CONNECT_WITHIN: Duration = Duration::from_secs(1);

pub(super) struct Cri {
    /// Connects when it is used, and again when the connection was lost. `None` if the path can be none of a socket.
    channel: Option<Channel>,
    sandboxes: Mutex<HashMap<Box<str>, Sandbox>>,
}

#[derive(Clone)]
struct Sandbox {
    pod: Arc<Pod>,
    addresses: Arc<[IpAddr]>,
}

impl Cri {
    /// A client of the socket at that path. Must be called within the runtime that will use it.
    pub(super) fn new(path: &Path) -> Self {
        let endpoint = path.to_str().and_then(|path| Endpoint::from_shared(format!("unix://{path}")).ok());
        let channel = endpoint.map(|endpoint| endpoint.connect_timeout(CONNECT_WITHIN).connect_lazy());
        Self { channel, sandboxes: Mutex::default() }
    }

    pub(super) async fn describe(&self, id: &str) -> Result<Option<Described>, Silent> {
        let Some(listed) = self.listed(id).await? else { return self.describe_sandbox(id).await };
        let request = messages::StatusRequest { id: id.to_owned(), verbose: false };
        let status = self.call::<_, messages::ContainerStatusResponse>("ContainerStatus", request).await?;
        let status = status.and_then(|response| response.status);
        Ok(Some(self.described(listed, status).await?))
    }

    /// A container as it stands in the list.
    pub(super) async fn listed(&self, id: &str) -> Result<Option<messages::ListedContainer>, Silent> {
        let list: messages::ListContainersResponse =
            self.call("ListContainers", only(id)).await?.unwrap_or_default();
        // The filter also takes beginnings of ids.
        Ok(list.containers.into_iter().find(|container| container.id == id))
    }

    /// A container with the pod that it is in.
    pub(super) async fn described(
        &self,
        listed: messages::ListedContainer,
        status: Option<messages::ContainerStatus>,
    ) -> Result<Described, Silent> {
        let sandbox = self.sandbox(&listed.pod_sandbox_id).await?;
        let pod = sandbox.map(|sandbox| sandbox.pod).or_else(|| pod_by_labels(&listed.labels));
        Ok(Described { container: Arc::new(container(listed, status)), pod })
    }

    /// A container that is in no list may be the one that holds a sandbox's namespaces, whose id is the sandbox's.
    async fn describe_sandbox(&self, id: &str) -> Result<Option<Described>, Silent> {
        let list: messages::ListPodSandboxResponse =
            self.call("ListPodSandbox", only(id)).await?.unwrap_or_default();
        if !list.items.iter().any(|sandbox| sandbox.id == id) {
            return Ok(None);
        }
        let pod = self.sandbox(id).await?.map(|sandbox| sandbox.pod);
        let container = Arc::new(Container { id: id.into(), ..Container::default() });
        Ok(Some(Described { container, pod }))
    }

    /// The addresses of all sandboxes that are ready.
    pub(super) async fn addresses(&self) -> Result<Vec<(IpAddr, Arc<Peer>)>, Silent> {
        // Ready is zero, and the wrapper says that it is meant.
        let filter = messages::Filter { id: String::new(), state: Some(messages::StateValue { state: 0 }) };
        let request = messages::ListRequest { filter: Some(filter) };
        let list: messages::ListPodSandboxResponse =
            self.call("ListPodSandbox", request).await?.unwrap_or_default();
        let mut all = Vec::new();
        for listed in list.items.iter().take(SANDBOXES) {
            let Some(sandbox) = self.sandbox(&listed.id).await? else { continue };
            let Some(peer) = sandbox.pod.peer().map(Arc::new) else { continue };
            all.extend(sandbox.addresses.iter().map(|&address| (address, Arc::clone(&peer))));
        }
        Ok(all)
    }

    async fn sandbox(&self, id: &str) -> Result<Option<Sandbox>, Silent> {
        if let Some(known) = self.sandboxes.lock().unwrap_or_else(PoisonError::into_inner).get(id) {
            return Ok(Some(known.clone()));
        }
        let request = messages::StatusRequest { id: id.to_owned(), verbose: false };
        let status = self.call::<_, messages::SandboxStatusResponse>("PodSandboxStatus", request).await?;
        let Some(status) = status.and_then(|response| response.status) else { return Ok(None) };
        let sandbox = sandbox(status);
        let mut known = self.sandboxes.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= SANDBOXES {
            // What is still there is asked for again, once.
            known.clear();
        }
        // A sandbox without an address may be about to be given one.
        if !sandbox.addresses.is_empty() {
            known.insert(id.into(), sandbox.clone());
        }
        Ok(Some(sandbox))
    }

    /// A connection that is there.
    pub(super) async fn client(&self) -> Result<Grpc<Channel>, Silent> {
        let channel = self.channel.clone().ok_or(Silent)?;
        let mut client = Grpc::new(channel).max_decoding_message_size(ANSWER_BYTES);
        client.ready().await.map_err(|_| Silent)?;
        Ok(client)
    }

    /// Calls a method; `None` if the runtime knows no such container or sandbox.
    pub(super) async fn call<Q, A>(&self, method: &str, request: Q) -> Result<Option<A>, Silent>
    where
        Q: Message + Default + 'static,
        A: Message + Default + 'static,
    {
        let path =
            PathAndQuery::try_from(format!("/runtime.v1.RuntimeService/{method}")).map_err(|_| Silent)?;
        let mut client = self.client().await?;
        match client.unary(Request::new(request), path, ProstCodec::<Q, A>::default()).await {
            Ok(response) => Ok(Some(response.into_inner())),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(_) => Err(Silent),
        }
    }
}

fn only(id: &str) -> messages::ListRequest {
    messages::ListRequest { filter: Some(messages::Filter { id: id.to_owned(), state: None }) }
}

fn container(listed: messages::ListedContainer, status: Option<messages::ContainerStatus>) -> Container {
    let status = status.unwrap_or_default();
    let metadata = status.metadata.or(listed.metadata).unwrap_or_default();
    let (of_status, of_list) = (status.image.unwrap_or_default(), listed.image.unwrap_or_default());
    // The kubelet asks for images by id, so that what the list holds may be no name. A status names the image's tag, and
    // the reference its digest.
    let names =
        [&of_status.user_specified_image, &of_status.image, &of_list.user_specified_image, &of_list.image];
    let mut image = names.into_iter().find_map(|name| Image::parse(name));
    let reference = if status.image_ref.is_empty() { &listed.image_ref } else { &status.image_ref };
    if let Some(by_digest) = Image::parse(reference).filter(|image| image.digest.is_some()) {
        match &mut image {
            Some(image) if image.digest.is_none() => image.digest = by_digest.digest,
            Some(_) => {}
            None => image = Some(by_digest),
        }
    }
    Container {
        id: listed.id.into(),
        name: (!metadata.name.is_empty()).then(|| metadata.name.into()),
        image,
        restart_count: Some(metadata.attempt),
        labels: Labels::new(if status.labels.is_empty() { listed.labels } else { status.labels }),
    }
}

fn sandbox(status: messages::SandboxStatus) -> Sandbox {
    let network = status.network.unwrap_or_default();
    let additional = network.additional_ips.iter().map(|address| &address.ip);
    let addresses: Arc<[IpAddr]> =
        std::iter::once(&network.ip).chain(additional).filter_map(|text| text.parse().ok()).collect();
    let metadata = status.metadata.unwrap_or_default();
    let labels = Labels::new(status.labels);
    let pod = Pod {
        pod_uid: metadata.uid.into(),
        owners: Pod::owners_by_labels(&metadata.name, &labels),
        namespace: Some(metadata.namespace.into()),
        name: Some(metadata.name.into()),
        address: addresses.first().copied(),
        labels,
        annotations: Labels::new(status.annotations),
        ..Pod::default()
    };
    Sandbox { pod: Arc::new(pod), addresses }
}

/// The pod by the labels that the kubelet gives each container (pkg/kubelet/types/labels.go).
pub(super) fn pod_by_labels(labels: &HashMap<String, String>) -> Option<Arc<Pod>> {
    let label = |key: &str| labels.get(key).map(|value| Box::from(value.as_str()));
    Some(Arc::new(Pod {
        pod_uid: label("io.kubernetes.pod.uid")?,
        namespace: label("io.kubernetes.pod.namespace"),
        name: label("io.kubernetes.pod.name"),
        ..Pod::default()
    }))
}
