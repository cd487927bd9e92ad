//! Docker and Podman, by Docker's HTTP interface (Docker Engine API 1.24 and later; Podman answers the same paths).

use std::{
    collections::HashMap,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Request, StatusCode, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, de::DeserializeOwned};
use tokio::net::UnixStream;

use super::{Described, Silent, cri::pod_by_labels, docker_files::Files};
use crate::identity::{Container, Image, Labels, Peer, PeerKind};

/// Largest answer that is read.
const ANSWER_BYTES: usize = 16 << 20;

/// Most images whose digest is remembered.
const IMAGES: usize = 512;

pub(super) struct Docker {
    path: PathBuf,
    /// Digests of images by their ids.
    digests: Mutex<HashMap<Box<str>, Option<Box<str>>>>,
}

/// What Docker tells of a container.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Inspected {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    image: String,
    #[serde(default)]
    pub(super) config: Configuration,
    #[serde(flatten)]
    pub(super) files: Files,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Configuration {
    image: String,
    labels: Option<HashMap<String, String>>,
    pub(super) env: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct InspectedImage {
    repo_digests: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    labels: Option<HashMap<String, String>>,
    #[serde(default)]
    network_settings: Option<Networks>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Networks {
    networks: Option<HashMap<String, Network>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Network {
    #[serde(rename = "IPAddress")]
    v4: String,
    #[serde(rename = "GlobalIPv6Address")]
    v6: String,
}

impl Docker {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), digests: Mutex::default() }
    }

    pub(super) async fn describe(&self, id: &str) -> Result<Option<Described>, Silent> {
        match self.inspected(id).await? {
            Some(inspected) => Ok(Some(self.described(inspected).await)),
            None => Ok(None),
        }
    }

    /// Asks for a container.
    pub(super) async fn inspected(&self, id: &str) -> Result<Option<Inspected>, Silent> {
        let inspected = self.get::<Inspected>(&format!("/containers/{id}/json")).await?;
        // It may be known by the beginning of its id, or by its name.
        Ok(inspected.filter(|inspected| inspected.id == id))
    }

    /// A container with the pod that it is in.
    pub(super) async fn described(&self, inspected: Inspected) -> Described {
        let labels = inspected.config.labels.unwrap_or_default();
        let mut image = Image::parse(&inspected.config.image);
        if let Some(image) = image.as_mut().filter(|image| image.digest.is_none()) {
            image.digest = self.digest(&inspected.image, &image.name).await;
        }
        let pod = pod_by_labels(&labels);
        let name = match &pod {
            Some(_) => labels.get("io.kubernetes.container.name").map(String::as_str),
            None => Some(inspected.name.trim_start_matches('/')),
        };
        let container = Container {
            id: inspected.id.into(),
            name: name.filter(|name| !name.is_empty()).map(Into::into),
            image,
            restart_count: None,
            labels: Labels::new(labels),
        };
        Described { container: Arc::new(container), pod }
    }

    /// The digest by which a registry knows the image of that id under that name. Without an answer there is none.
    async fn digest(&self, id: &str, name: &str) -> Option<Box<str>> {
        let is_id = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b':');
        if id.is_empty() || !is_id {
            return None;
        }
        if let Some(known) = self.digests.lock().unwrap_or_else(PoisonError::into_inner).get(id) {
            return known.clone();
        }
        let inspected: InspectedImage = self.get(&format!("/images/{id}/json")).await.ok()??;
        let all: Vec<Image> =
            inspected.repo_digests.unwrap_or_default().iter().filter_map(|text| Image::parse(text)).collect();
        let of_name =
            all.iter().find(|image| *image.name == *name || image.name.ends_with(&format!("/{name}")));
        let digest = of_name.or(all.first()).and_then(|image| image.digest.clone());
        let mut known = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= IMAGES {
            known.clear();
        }
        known.insert(id.into(), digest.clone());
        digest
    }

    /// The addresses of all containers that run.
    pub(super) async fn addresses(&self) -> Result<Vec<(IpAddr, Arc<Peer>)>, Silent> {
        let listed: Vec<Listed> = self.get("/containers/json").await?.unwrap_or_default();
        let mut all = Vec::new();
        for container in listed {
            let Some(name) = container.names.first().map(|name| name.trim_start_matches('/')) else {
                continue;
            };
            let labels = container.labels.unwrap_or_default();
            let label = |key| labels.get(key).map(|value| Box::from(value.as_str()));
            let peer = Arc::new(Peer {
                kind: PeerKind::Container,
                name: name.into(),
                namespace: label("com.docker.compose.project"),
                service: label("com.docker.compose.service"),
            });
            let networks =
                container.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
            for network in networks.values() {
                let addresses = [&network.v4, &network.v6].into_iter().filter_map(|text| text.parse().ok());
                all.extend(addresses.map(|address| (address, Arc::clone(&peer))));
            }
        }
        Ok(all)
    }

    /// Asks for a path; `None` if there is no such thing. A connection each time: questions are few.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, Silent> {
        let stream = UnixStream::connect(&self.path).await.map_err(|_| Silent)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| Silent)?;
        let connection = tokio::spawn(connection);
        let request =
            Request::get(path).header("host", "localhost").body(Empty::<Bytes>::new()).map_err(|_| Silent)?;
        let answer = async {
            let response = sender.send_request(request).await.map_err(|_| Silent)?;
            if response.status() == StatusCode::NOT_FOUND {
                return Ok(None);
            }
            if !response.status().is_success() {
                return Err(Silent);
            }
            let body =
                Limited::new(response.into_body(), ANSWER_BYTES).collect().await.map_err(|_| Silent)?;
            serde_json::from_slice(&body.to_bytes()).map(Some).map_err(|_| Silent)
        };
        let answer = answer.await;
        connection.abort();
        answer
    }
}
