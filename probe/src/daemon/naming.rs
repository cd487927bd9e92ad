//! Who is behind processes and addresses, as the parts of the daemon want to know it.

use std::sync::Arc;

use super::DaemonError;
use crate::{
    config::{Config, Environment, Kubernetes},
    identity::{Identities, Resource, ResourceValue, pod_watch::PodWatch},
    signal::metrics::{Names, Peer},
};

/// The services that processes belong to, for what is limited by service.
pub(super) fn services(identities: Identities) -> impl Fn(u32) -> Option<Box<str>> + Send + Sync + 'static {
    move |pid| {
        let lookup = identities.resource(pid);
        let resource = lookup.settled.then_some(lookup.resource)?;
        let namespace = resource.service_namespace.as_deref().unwrap_or_default();
        Some(format!("{namespace}/{}", resource.service_name).into())
    }
}

/// Who is who, for metrics. What is not known yet may be in a moment.
pub(super) fn names(identities: Identities) -> Names {
    let of_peers = identities.clone();
    Names::new(
        move |pid| {
            let lookup = identities.resource(pid);
            lookup.settled.then_some(lookup.resource)
        },
        move |address| {
            let peer = of_peers.peer(address)?;
            let name = peer.service.as_deref().unwrap_or(&peer.name);
            Some(Peer {
                name: name.into(),
                namespace: peer.namespace.as_deref().map(Into::into),
                is_observed: false,
            })
        },
    )
}

/// The probe itself, as the service `plainsight` unless its environment names it.
pub(super) fn own_resource(identities: &Identities) -> Arc<Resource> {
    let mut resource = (*identities.resolve(std::process::id()).resource).clone();
    if resource.service_name.is_empty() || resource.service_name.starts_with("unknown_service") {
        resource.service_name = "plainsight".into();
    }
    let mut set = |name: &str, value: &str| {
        resource.attributes.retain(|(known, _)| **known != *name);
        resource.attributes.push((name.into(), ResourceValue::Text(value.into())));
    };
    set("service.name", &resource.service_name.clone());
    set("service.version", env!("CARGO_PKG_VERSION"));
    resource.attributes.sort_by(|left, right| left.0.cmp(&right.0));
    Arc::new(resource)
}

/// Pods of this node, where there is a Kubernetes to ask.
pub(super) fn watch_pods(
    config: &Config,
    environment: &Environment,
    identities: &Identities,
    say: &mut dyn FnMut(&str),
) -> Result<Option<PodWatch>, DaemonError> {
    let is_pod = environment.get("KUBERNETES_SERVICE_HOST").is_some();
    let wanted = match config.identity.kubernetes {
        Kubernetes::On => true,
        Kubernetes::Auto => is_pod,
        Kubernetes::Off => false,
    };
    if !wanted {
        return Ok(None);
    }
    let named = config.identity.node.clone().or_else(|| environment.get("NODE_NAME").map(str::to_owned));
    let node = named.unwrap_or_else(|| {
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        say(&format!(
            "warning: the node's name is taken to be '{name}'; set NODE_NAME from spec.nodeName, or identity.node, if it is another"
        ));
        name
    });
    let watch = PodWatch::start(&node)?;
    identities.use_pods(watch.source());
    Ok(Some(watch))
}
