//! Containers and their files, by Docker's HTTP interface.

use std::{collections::HashMap, path::PathBuf};

use serde::Deserialize;

use super::{
    Described, Silent,
    docker::Docker,
    files::{ContainerPhase, Inspected, ListedContainer, variables},
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    id: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    labels: Option<HashMap<String, String>>,
}

/// What it tells of a container's files.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Files {
    log_path: PathBuf,
    state: State,
    graph_driver: GraphDriver,
    mounts: Option<Vec<Mount>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct State {
    pid: u32,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct GraphDriver {
    data: Option<HashMap<String, String>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Mount {
    source: PathBuf,
    destination: PathBuf,
}

impl Docker {
    pub(super) async fn list_containers(&self) -> Result<Vec<ListedContainer>, Silent> {
        let listed: Vec<Listed> = self.get("/containers/json?all=1").await?.unwrap_or_default();
        // The container that holds a pod's namespaces says nothing.
        let is_meant = |container: &Listed| {
            let labels = container.labels.as_ref();
            labels.and_then(|labels| labels.get("io.kubernetes.docker.type")).map(String::as_str)
                != Some("podsandbox")
        };
        let one = |container: Listed| ListedContainer {
            id: container.id.into(),
            phase: match container.state.as_str() {
                "created" | "initialized" | "configured" => ContainerPhase::Created,
                "exited" | "dead" | "removing" | "stopped" => ContainerPhase::Ended,
                _ => ContainerPhase::Running,
            },
        };
        Ok(listed.into_iter().filter(is_meant).map(one).collect())
    }

    pub(super) async fn inspect(&self, id: &str) -> Result<Option<Inspected>, Silent> {
        let Some(mut inspected) = self.inspected(id).await? else { return Ok(None) };
        let environment = inspected.config.env.take().map(variables);
        let files = std::mem::take(&mut inspected.files);
        let Described { container, pod } = self.described(inspected).await;
        let data = files.graph_driver.data.unwrap_or_default();
        let lower = data.get("LowerDir").map(String::as_str).unwrap_or_default();
        let lower = lower.split(':').filter(|path| !path.is_empty());
        let layers = match data.get("UpperDir") {
            Some(upper) => std::iter::once(upper.as_str()).chain(lower).map(PathBuf::from).collect(),
            None => Vec::new(),
        };
        let mounts = files.mounts.unwrap_or_default().into_iter();
        Ok(Some(Inspected {
            container,
            pod,
            log_path: Some(files.log_path).filter(|path| path.is_absolute()),
            pid: (files.state.pid > 0).then_some(files.state.pid),
            environment,
            layers,
            mounts: mounts
                .filter(|mount| mount.source.is_absolute())
                .map(|mount| (mount.destination, mount.source))
                .collect(),
        }))
    }
}
