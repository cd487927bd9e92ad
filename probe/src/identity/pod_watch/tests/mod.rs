//! The watch against a server that lists and watches as the API does.

mod server;

use std::time::{Duration, Instant};

use k8s_openapi::api::rbac::v1::ClusterRole;
use serde_json::{Value, json};

use self::server::ApiServer;
use super::{PodWatch, WatchState, object::tests::pod};
use crate::identity::{OwnerKind, Pod};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn watch(server: &ApiServer) -> PodWatch {
    let address = server.address();
    PodWatch::start_with("node-1", move || async move {
        let address = format!("http://{address}").parse().map_err(|_| "no address".to_owned())?;
        kube::Client::try_from(kube::Config::new(address)).map_err(|error| error.to_string())
    })
    .expect("a thread")
}

/// Waits until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn known(watch: &PodWatch, number: u32) -> Option<std::sync::Arc<Pod>> {
    watch.source().pod(&format!("uid-{number}"))
}

fn until_known(watch: &PodWatch, number: u32) {
    until(&format!("pod {number} is known"), || known(watch, number).is_some());
}

#[test]
fn pods_of_the_node_are_listed_page_by_page_and_then_followed() {
    let server = ApiServer::start();
    for number in 0..600 {
        server.put(pod(number));
    }
    let mut elsewhere = pod(1000);
    elsewhere["spec"]["nodeName"] = "node-2".into();
    server.put(elsewhere);
    let watch = watch(&server);
    until("the list is read", || watch.state() == WatchState::Watching);
    assert!((0..600).all(|number| known(&watch, number).is_some()));
    assert!(known(&watch, 1000).is_none(), "not of this node");
    assert!(server.counts().lists >= 3, "in pages");
    server.put(pod(601));
    until_known(&watch, 601);
    let address = "10.1.2.102".parse().expect("an address");
    assert_eq!(watch.source().peer(address).expect("a peer").name, "web-7d4b9c-00601".into());
}

#[test]
fn the_owner_of_an_owner_is_asked_for_once_for_all_its_pods() {
    let server = ApiServer::start();
    server.put_set("shop", "web-7d4b9c", "web");
    (0..50).for_each(|number| server.put(pod(number)));
    let watch = watch(&server);
    until("all owners are known", || {
        (0..50).all(|number| {
            let owners = known(&watch, number).map(|pod| pod.owners.clone()).unwrap_or_default();
            owners.iter().any(|owner| owner.kind == OwnerKind::Deployment && &*owner.name == "web")
        })
    });
    server.put(pod(51));
    until("a later pod gets the answer from memory", || {
        known(&watch, 51).is_some_and(|pod| pod.owners.len() == 2)
    });
    assert_eq!(server.counts().sets, 1);
}

#[test]
fn a_watch_that_ends_goes_on_where_it_was() {
    let server = ApiServer::start();
    server.put(pod(1));
    let watch = watch(&server);
    until_known(&watch, 1);
    until("a watch", || server.counts().watches == 1);
    let lists = server.counts().lists;
    server.end_watches();
    server.put(pod(2));
    until_known(&watch, 2);
    assert_eq!(server.counts().lists, lists, "nothing was listed again");
}

#[test]
fn after_a_bookmark_a_watch_goes_on_from_there_though_older_versions_are_compacted() {
    let server = ApiServer::start();
    server.put(pod(1));
    let watch = watch(&server);
    until("a watch", || server.counts().watches == 1);
    let lists = server.counts().lists;
    server.bookmark();
    server.compact();
    // Time for the bookmark to arrive before its connection ends.
    std::thread::sleep(Duration::from_millis(300));
    server.end_watches();
    server.put(pod(2));
    until_known(&watch, 2);
    assert_eq!(server.counts().lists, lists, "nothing was listed again");
}

#[test]
fn a_version_that_is_too_old_is_listed_anew_and_who_went_meanwhile_has_gone() {
    for within in [true, false] {
        list_anew(within);
    }
}

fn list_anew(within: bool) {
    let server = ApiServer::start();
    server.tell_within(within);
    (1..=3).for_each(|number| server.put(pod(number)));
    let watch = watch(&server);
    until("a watch", || server.counts().watches == 1);
    server.pause();
    server.end_watches();
    server.delete(2);
    server.put(pod(4));
    server.compact();
    server.resume();
    until_known(&watch, 4);
    until("pod 2 has gone", || {
        watch.shared.table.expire(Instant::now() + Duration::from_secs(3600));
        known(&watch, 2).is_none()
    });
    assert!(known(&watch, 1).is_some() && known(&watch, 3).is_some());
    assert!(server.counts().gone > 0, "the server said 410");
}

#[test]
fn a_server_that_refuses_is_told_of_and_asked_again() {
    let server = ApiServer::start();
    server.put(pod(1));
    server.refuse(Some(403));
    let watch = watch(&server);
    until("the refusal shows", || matches!(watch.state(), WatchState::Unreachable(_)));
    let WatchState::Unreachable(sentence) = watch.state() else { panic!("not the refusal") };
    assert!(sentence.contains("pods is forbidden"), "{sentence}");
    assert!(!watch.source().may_learn(), "nobody waits for it");
    server.refuse(None);
    until_known(&watch, 1);
    until("it is well again", || watch.state() == WatchState::Watching);
}

#[test]
fn five_thousand_pods_that_come_and_go_leave_no_more_than_those_that_are_there() {
    let server = ApiServer::start();
    let watch = watch(&server);
    until("a watch", || server.counts().watches >= 1);
    for number in 0..5000 {
        server.put(pod(number));
        if number >= 100 {
            server.delete(number - 100);
        }
        if number % 1000 == 999 {
            server.end_watches();
        }
    }
    until_known(&watch, 4999);
    until("only the last are left", || {
        watch.shared.table.expire(Instant::now() + Duration::from_secs(3600));
        watch.shared.table.len() == 100
    });
    assert_eq!(watch.refused(), 0);
}

#[test]
fn what_is_no_pod_is_passed_over() {
    let server = ApiServer::start();
    server.put(
        json!({"metadata": {"name": "odd", "uid": "uid-odd"}, "spec": {"nodeName": "node-1"}, "status": {}}),
    );
    let mut unnamed = pod(1);
    unnamed["metadata"]["labels"] = Value::Null;
    server.put(unnamed);
    let watch = watch(&server);
    until_known(&watch, 1);
}

/// What the manifests grant: group, resource, verb.
fn granted() -> std::collections::BTreeSet<server::Right> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/kubernetes/rbac.yaml");
    let text = std::fs::read_to_string(path).expect("the manifest");
    let documents = serde_saphyr::from_multiple::<Value>(&text).expect("YAML");
    let roles = documents.into_iter().filter(|document| document["kind"] == "ClusterRole");
    let roles: Vec<ClusterRole> = roles.map(|role| serde_json::from_value(role).expect("a role")).collect();
    let mut granted = std::collections::BTreeSet::new();
    for rule in roles.into_iter().filter_map(|role| role.rules).flatten() {
        for group in rule.api_groups.iter().flatten() {
            for resource in rule.resources.iter().flatten() {
                granted.extend(rule.verbs.iter().map(|verb| (group.clone(), resource.clone(), verb.clone())));
            }
        }
    }
    granted
}

#[test]
fn the_manifests_grant_exactly_what_is_asked_of_the_api() {
    let server = ApiServer::start();
    server.put(pod(1));
    let mut of_job = pod(2);
    of_job["metadata"]["ownerReferences"][0]["kind"] = "Job".into();
    of_job["metadata"]["ownerReferences"][0]["apiVersion"] = "batch/v1".into();
    server.put(of_job);
    let watch = watch(&server);
    until_known(&watch, 1);
    until_known(&watch, 2);
    let granted = granted();
    until("all owners are asked for, and the watch runs", || {
        let asked = server.rights();
        asked.iter().any(|(_, resource, _)| resource == "jobs")
            && asked.iter().any(|(_, resource, _)| resource == "replicasets")
            && asked.iter().any(|(_, _, verb)| verb == "watch")
    });
    assert_eq!(
        server.rights(),
        granted,
        "left: what is asked; right: what deploy/kubernetes/rbac.yaml grants"
    );
}
