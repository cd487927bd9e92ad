//! The part of the record that says who: process, container, pod, service.

use std::time::{SystemTime, UNIX_EPOCH};

use super::{
    json_text::{append_number, append_text},
    record_json::{append_field, append_name},
};
use crate::{
    identity::{Container, Identity, Labels, Peer, Pod},
    signal::{Record, WallTime},
};

pub(super) fn append_identity(line: &mut Vec<u8>, record: &Record) {
    let identity = record.identity.as_deref();
    append_name(line, "process");
    match &record.process {
        Some(process) => {
            line.extend_from_slice(b"{\"pid\":");
            append_number(line, process.pid.into());
            append_field(line, "comm", Some(&process.comm()));
            append_field(line, "exe", identity.and_then(|identity| identity.exe.as_deref()));
            append_rest_of_process(line, identity);
            line.push(b'}');
        }
        None => line.extend_from_slice(b"null"),
    }
    append_container(line, identity.and_then(|identity| identity.container.as_deref()));
    append_pod(line, identity);
    append_service(line, identity);
    append_peer(line, record.peer.as_deref());
}

fn append_rest_of_process(line: &mut Vec<u8>, identity: Option<&Identity>) {
    append_optional_number(line, "parent_pid", identity.and_then(|identity| identity.parent));
    let user = identity.and_then(|identity| identity.user.as_ref());
    append_optional_number(line, "user_id", user.map(|user| user.id));
    append_field(line, "user", user.and_then(|user| user.name.as_deref()));
    let started = identity.and_then(|identity| identity.started).map(wall_time);
    match started {
        Some(started) => {
            append_field(line, "started", Some(str::from_utf8(&started.rfc_3339()).unwrap_or_default()));
        }
        None => append_field(line, "started", None),
    }
    if let Some(command) = identity.and_then(|identity| identity.command.as_deref()) {
        append_field(line, "command", Some(command));
    }
}

fn append_container(line: &mut Vec<u8>, container: Option<&Container>) {
    append_name(line, "container");
    let Some(container) = container else { return line.extend_from_slice(b"null") };
    line.extend_from_slice(b"{\"id\":");
    append_text(line, &container.id);
    append_field(line, "name", container.name.as_deref());
    let image = container.image.as_ref();
    append_field(line, "image", image.map(crate::identity::Image::reference).as_deref());
    append_field(line, "image_digest", image.and_then(|image| image.digest.as_deref()));
    append_labels(line, &container.labels);
    line.push(b'}');
}

fn append_pod(line: &mut Vec<u8>, identity: Option<&Identity>) {
    append_name(line, "k8s");
    let Some((identity, pod)) = identity.and_then(|identity| Some((identity, identity.pod.as_deref()?)))
    else {
        return line.extend_from_slice(b"null");
    };
    let Pod { pod_uid, namespace, name, node, labels, .. } = pod;
    line.extend_from_slice(b"{\"pod_uid\":");
    append_text(line, pod_uid);
    append_field(line, "namespace", namespace.as_deref());
    append_field(line, "pod", name.as_deref());
    let container = identity.container.as_ref().and_then(|container| container.name.as_deref());
    append_field(line, "container", container);
    append_field(line, "node", node.as_deref());
    let owner = pod.workload();
    append_field(line, "owner_kind", owner.map(|owner| owner.kind.name()));
    append_field(line, "owner", owner.map(|owner| &*owner.name));
    append_labels(line, labels);
    line.push(b'}');
}

/// The service by OpenTelemetry's conventions, where the process is known.
fn append_service(line: &mut Vec<u8>, identity: Option<&Identity>) {
    append_name(line, "service");
    let resource =
        identity.map(|identity| &*identity.resource).filter(|resource| !resource.service_name.is_empty());
    let Some(resource) = resource else { return line.extend_from_slice(b"null") };
    line.extend_from_slice(b"{\"name\":");
    append_text(line, &resource.service_name);
    append_field(line, "namespace", resource.service_namespace.as_deref());
    line.push(b'}');
}

/// Whose the other end's address is, where that is known.
fn append_peer(line: &mut Vec<u8>, peer: Option<&Peer>) {
    append_name(line, "peer");
    let Some(peer) = peer else { return line.extend_from_slice(b"null") };
    line.extend_from_slice(b"{\"kind\":");
    append_text(line, peer.kind.name());
    append_field(line, "name", Some(&peer.name));
    append_field(line, "namespace", peer.namespace.as_deref());
    append_field(line, "service", peer.service.as_deref());
    line.push(b'}');
}

fn append_labels(line: &mut Vec<u8>, labels: &Labels) {
    append_name(line, "labels");
    line.push(b'{');
    for (place, (key, value)) in labels.iter().enumerate() {
        if place > 0 {
            line.push(b',');
        }
        append_text(line, key);
        line.push(b':');
        append_text(line, value);
    }
    line.push(b'}');
}

fn append_optional_number(line: &mut Vec<u8>, name: &str, number: Option<u32>) {
    append_name(line, name);
    match number {
        Some(number) => append_number(line, number.into()),
        None => line.extend_from_slice(b"null"),
    }
}

fn wall_time(time: SystemTime) -> WallTime {
    let nanos = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    WallTime::from_unix_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
