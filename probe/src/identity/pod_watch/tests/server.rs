//! An API server of pods: lists in pages, watches from a version, bookmarks, 410 Gone.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, Query, Request, State},
    http::{StatusCode, header::CONTENT_TYPE},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

/// What was asked of the server.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) lists: u32,
    pub(super) watches: u32,
    pub(super) sets: u32,
    pub(super) gone: u32,
}

#[derive(Default)]
struct Content {
    version: u64,
    /// The oldest version that a watch may begin at.
    compacted: u64,
    pods: BTreeMap<String, Value>,
    sets: HashMap<(String, String), String>,
    events: Vec<(u64, Value)>,
    /// Watches of an older number end.
    watch_number: u64,
    refuses: Option<u16>,
    /// Whether a version that is too old is told of within the watch, as a server with a cache does, or instead of it.
    tells_within: bool,
    paused: bool,
    counts: Counts,
    rights: BTreeSet<Right>,
}

/// What a request needs the right to, as RBAC has it: group, resource, verb.
pub(super) type Right = (String, String, String);

#[derive(Default)]
struct Shared(Mutex<Content>);

/// Pause between two looks at what has changed.
const PAUSE: Duration = Duration::from_millis(2);

pub(super) struct ApiServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    /// Ends the server when it is dropped.
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl ApiServer {
    pub(super) fn start() -> Self {
        let shared = Arc::new(Shared::default());
        shared.content().version = 1;
        let router = Router::new()
            .route("/api/v1/pods", get(pods))
            .route("/apis/apps/v1/namespaces/{namespace}/replicasets/{name}", get(set))
            .layer(from_fn_with_state(Arc::clone(&shared), note_right))
            .with_state(Arc::clone(&shared));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        listener.set_nonblocking(true).expect("a setting");
        let (stop, stopped) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a port");
                tokio::select! {
                    _ = axum::serve(listener, router) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { shared, address, _stop: stop }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn counts(&self) -> Counts {
        self.shared.content().counts
    }

    /// The rights that everything asked so far took.
    pub(super) fn rights(&self) -> BTreeSet<Right> {
        self.shared.content().rights.clone()
    }

    pub(super) fn put(&self, pod: Value) {
        let uid = pod["metadata"]["uid"].as_str().expect("a uid").to_owned();
        self.change(|content| {
            let kind = if content.pods.contains_key(&uid) { "MODIFIED" } else { "ADDED" };
            let pod = content.stamp(pod);
            content.events.push((content.version, json!({"type": kind, "object": pod})));
            content.pods.insert(uid, pod);
        });
    }

    pub(super) fn delete(&self, number: u32) {
        self.change(|content| {
            let pod = content.pods.remove(&format!("uid-{number}")).expect("a pod");
            let pod = content.stamp(pod);
            content.events.push((content.version, json!({"type": "DELETED", "object": pod})));
        });
    }

    pub(super) fn put_set(&self, namespace: &str, name: &str, deployment: &str) {
        self.change(|content| {
            content.sets.insert((namespace.to_owned(), name.to_owned()), deployment.to_owned());
        });
    }

    /// Tells watches how far they are.
    pub(super) fn bookmark(&self) {
        self.change(|content| {
            let object = content.stamp(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {}}));
            content.events.push((content.version, json!({"type": "BOOKMARK", "object": object})));
        });
    }

    /// Forgets all events but the last version.
    pub(super) fn compact(&self) {
        self.change(|content| content.compacted = content.version);
    }

    pub(super) fn end_watches(&self) {
        self.change(|content| content.watch_number += 1);
    }

    pub(super) fn refuse(&self, status: Option<u16>) {
        self.change(|content| content.refuses = status);
    }

    pub(super) fn tell_within(&self, within: bool) {
        self.change(|content| content.tells_within = within);
    }

    /// Answers nothing until [`ApiServer::resume`].
    pub(super) fn pause(&self) {
        self.change(|content| content.paused = true);
    }

    pub(super) fn resume(&self) {
        self.change(|content| content.paused = false);
    }

    fn change(&self, change: impl FnOnce(&mut Content)) {
        change(&mut self.shared.content());
    }
}

impl Shared {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().expect("a lock")
    }
}

impl Content {
    fn stamp(&mut self, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        object
    }
}

/// Notes which right a request takes: `/api/v1/…` is the core group, `/apis/GROUP/VERSION/…` another; below that stands
/// the namespace, if there is one, the resource, and the name of one object.
async fn note_right(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let uri = request.uri();
    let mut segments: Vec<_> = uri.path().trim_matches('/').split('/').collect();
    let group = if segments[0] == "apis" { segments[1].to_owned() } else { String::new() };
    segments.drain(..if segments[0] == "apis" { 3 } else { 2 });
    if segments.len() > 2 && segments[0] == "namespaces" {
        segments.drain(..2);
    }
    let is_watch = uri.query().is_some_and(|query| query.split('&').any(|part| part == "watch=true"));
    let verb = match (request.method().as_str(), segments.len(), is_watch) {
        ("GET", 1, true) => "watch",
        ("GET", 1, false) => "list",
        ("GET", _, _) => "get",
        (other, ..) => other,
    };
    shared.content().rights.insert((group, segments[0].to_owned(), verb.to_owned()));
    next.run(request).await
}

fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    })
}

fn failure(code: u16, reason: &str, message: &str) -> Response {
    let status = status(code, reason, message);
    let code = StatusCode::from_u16(code).expect("a status");
    (code, [(CONTENT_TYPE, "application/json")], status.to_string()).into_response()
}

async fn pods(State(shared): State<Arc<Shared>>, Query(query): Query<HashMap<String, String>>) -> Response {
    while shared.content().paused {
        tokio::time::sleep(PAUSE).await;
    }
    if let Some(code) = shared.content().refuses {
        return failure(code, "Forbidden", "pods is forbidden: the account cannot list resource \"pods\"");
    }
    if query.get("watch").is_some_and(|watch| watch == "true") {
        watch(&shared, &query)
    } else {
        list(&shared, &query)
    }
}

fn list(shared: &Shared, query: &HashMap<String, String>) -> Response {
    let mut content = shared.content();
    content.counts.lists += 1;
    let start = query.get("continue").and_then(|token| token.parse().ok()).unwrap_or(0_usize);
    let limit = query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(usize::MAX);
    let of_node: Vec<_> = content.pods.values().filter(|pod| is_selected(pod, query)).collect();
    let page: Vec<_> = of_node.iter().skip(start).take(limit).collect();
    let mut metadata = json!({"resourceVersion": content.version.to_string()});
    if start + page.len() < of_node.len() {
        metadata["continue"] = (start + page.len()).to_string().into();
    }
    let answer = json!({"apiVersion": "v1", "kind": "PodList", "metadata": metadata, "items": page});
    ([(CONTENT_TYPE, "application/json")], answer.to_string()).into_response()
}

/// Whether a pod is on the node that was asked for.
fn is_selected(pod: &Value, query: &HashMap<String, String>) -> bool {
    let selector = query.get("fieldSelector").map(String::as_str).unwrap_or_default();
    pod["spec"]["nodeName"].as_str().is_some_and(|node| selector == format!("spec.nodeName={node}"))
}

fn watch(shared: &Arc<Shared>, query: &HashMap<String, String>) -> Response {
    let from: u64 = query.get("resourceVersion").and_then(|version| version.parse().ok()).unwrap_or(0);
    let number = {
        let mut content = shared.content();
        content.counts.watches += 1;
        if from < content.compacted {
            content.counts.gone += 1;
            let message = format!("too old resource version: {from}");
            if content.tells_within {
                let event = json!({"type": "ERROR", "object": status(410, "Expired", &message)});
                return ([(CONTENT_TYPE, "application/json")], format!("{event}\n")).into_response();
            }
            return failure(410, "Expired", &message);
        }
        content.watch_number
    };
    let state = (Arc::clone(shared), from, query.clone());
    let stream = futures_util::stream::unfold(state, move |(shared, from, query)| async move {
        loop {
            let (lines, last) = {
                let content = shared.content();
                if content.watch_number != number {
                    return None;
                }
                let start = content.events.partition_point(|(version, _)| *version <= from);
                let new = &content.events[start..];
                let lines: String = new
                    .iter()
                    .filter(|(_, event)| event["type"] == "BOOKMARK" || is_selected(&event["object"], &query))
                    .map(|(_, event)| format!("{event}\n"))
                    .collect();
                (lines, new.last().map_or(from, |(version, _)| *version))
            };
            if !lines.is_empty() {
                return Some((Ok::<_, std::io::Error>(Bytes::from(lines)), (shared, last, query)));
            }
            tokio::time::sleep(PAUSE).await;
        }
    });
    ([(CONTENT_TYPE, "application/json")], Body::from_stream(stream)).into_response()
}

async fn set(State(shared): State<Arc<Shared>>, Path((namespace, name)): Path<(String, String)>) -> Response {
    let mut content = shared.content();
    content.counts.sets += 1;
    let Some(deployment) = content.sets.get(&(namespace.clone(), name.clone())) else {
        return failure(404, "NotFound", "replicasets.apps not found");
    };
    let owner = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment, "uid": "d", "controller": true});
    let answer = json!({
        "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
        "metadata": {"name": name, "namespace": namespace, "uid": "rs", "ownerReferences": [owner]},
    });
    ([(CONTENT_TYPE, "application/json")], answer.to_string()).into_response()
}
