//! Runtimes that answer as told, over real sockets.

use std::{
    collections::HashMap,
    io::{Read as _, Write as _},
    net::IpAddr,
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize},
    },
    thread,
};

use h2::server::SendResponse;
use http::{Request, Response};
use hyper::body::Bytes;
use prost::Message;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::{cri_messages as messages, *};
use crate::identity::{Identities, IdentitySettings, lookup::tests::make_process};

const UID: &str = "3c2d5a8e-1b4f-4c6d-9e7a-0f1e2d3c4b5a";

fn id(digit: char) -> String {
    digit.to_string().repeat(64)
}

/// What a runtime is asked, and what it knows.
#[derive(Default)]
struct Knowledge {
    /// Containers with the sandboxes that they are in.
    containers: Mutex<Vec<(String, String)>>,
    asked: AtomicUsize,
    /// Whether it takes questions and answers none.
    is_stuck: AtomicBool,
}

/// A runtime that speaks CRI, for as long as this is not dropped.
struct FakeCri {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
    path: PathBuf,
}

impl FakeCri {
    fn start(path: &Path, knowledge: &Arc<Knowledge>) -> Self {
        let listener = UnixListener::bind(path).expect("a socket");
        listener.set_nonblocking(true).expect("a socket");
        let (stop, mut stopped) = oneshot::channel();
        let knowledge = Arc::clone(knowledge);
        let thread = thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = tokio::net::UnixListener::from_std(listener).expect("a socket");
                loop {
                    tokio::select! {
                        accepted = listener.accept() => {
                            let stream = accepted.expect("a connection").0;
                            tokio::spawn(serve(stream, Arc::clone(&knowledge)));
                        }
                        _ = &mut stopped => return,
                    }
                }
            });
        });
        Self { stop: Some(stop), thread: Some(thread), path: path.to_owned() }
    }
}

impl Drop for FakeCri {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn serve(stream: tokio::net::UnixStream, knowledge: Arc<Knowledge>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        tokio::spawn(respond_to(request, respond, Arc::clone(&knowledge)));
    }
}

async fn respond_to(
    request: Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
    knowledge: Arc<Knowledge>,
) {
    let (head, mut body) = request.into_parts();
    let mut bytes = Vec::new();
    while let Some(Ok(data)) = body.data().await {
        let _ = body.flow_control().release_capacity(data.len());
        bytes.extend(data);
    }
    knowledge.asked.fetch_add(1, Ordering::Relaxed);
    if knowledge.is_stuck.load(Ordering::Relaxed) {
        return std::future::pending().await;
    }
    // A gRPC message stands behind one byte of flags and four of length.
    let method = head.uri.path().rsplit('/').next().unwrap_or_default();
    let answer = answer(method, bytes.get(5..).unwrap_or_default(), &knowledge);
    let response =
        Response::builder().header("content-type", "application/grpc").body(()).expect("a response");
    let mut stream = respond.send_response(response, false).expect("an open stream");
    let mut trailers = http::HeaderMap::new();
    match answer {
        Some(message) => {
            let mut framed = vec![0];
            framed.extend(u32::try_from(message.len()).expect("short").to_be_bytes());
            framed.extend(message);
            stream.send_data(framed.into(), false).expect("an open stream");
            trailers.insert("grpc-status", "0".parse().expect("a value"));
        }
        // NotFound.
        None => drop(trailers.insert("grpc-status", "5".parse().expect("a value"))),
    }
    stream.send_trailers(trailers).expect("an open stream");
}

fn answer(method: &str, request: &[u8], knowledge: &Knowledge) -> Option<Vec<u8>> {
    let containers = knowledge.containers.lock().expect("not poisoned");
    let map = |pairs: &[(&str, &str)]| -> HashMap<String, String> {
        pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    };
    let status_of = || messages::StatusRequest::decode(request).expect("a request").id;
    let filter = || messages::ListRequest::decode(request).expect("a request").filter.unwrap_or_default();
    let name = |sandbox: &str| format!("web-7d4b9c-{}", &sandbox[..5]);
    let metadata = |sandbox: &str| messages::SandboxMetadata {
        name: name(sandbox),
        uid: UID.to_owned(),
        namespace: "shop".to_owned(),
    };
    Some(match method {
        "ListContainers" => {
            let id = filter().id;
            let listed = containers.iter().filter(|(known, _)| known.starts_with(&id));
            let listed = listed.map(|(id, sandbox)| messages::ListedContainer {
                id: id.clone(),
                pod_sandbox_id: sandbox.clone(),
                image: Some(messages::ImageSpec {
                    image: format!("sha256:{}", "e".repeat(64)),
                    ..Default::default()
                }),
                ..Default::default()
            });
            messages::ListContainersResponse { containers: listed.collect() }.encode_to_vec()
        }
        "ContainerStatus" => {
            let id = status_of();
            containers.iter().find(|(known, _)| *known == id)?;
            let image =
                messages::ImageSpec { image: "localhost/shop/web:1.4".to_owned(), ..Default::default() };
            let status = messages::ContainerStatus {
                id,
                metadata: Some(messages::ContainerMetadata { name: "app".to_owned(), attempt: 3 }),
                image: Some(image),
                image_ref: "localhost/shop/web@sha256:dd".to_owned(),
                labels: map(&[("io.kubernetes.container.name", "app")]),
                ..Default::default()
            };
            messages::ContainerStatusResponse { status: Some(status), ..Default::default() }.encode_to_vec()
        }
        "ListPodSandbox" => {
            let id = filter().id;
            let sandboxes =
                containers.iter().map(|(_, sandbox)| sandbox).filter(|known| known.starts_with(&id));
            let items =
                sandboxes.map(|id| messages::ListedSandbox { id: id.clone(), metadata: Some(metadata(id)) });
            messages::ListPodSandboxResponse { items: items.collect() }.encode_to_vec()
        }
        "PodSandboxStatus" => {
            let id = status_of();
            containers.iter().find(|(_, known)| *known == id)?;
            let network = messages::NetworkStatus {
                ip: "10.1.2.3".to_owned(),
                additional_ips: vec![messages::PodIp { ip: "fd00::3".to_owned() }],
            };
            let status = messages::SandboxStatus {
                metadata: Some(metadata(&id)),
                id,
                network: Some(network),
                labels: map(&[("pod-template-hash", "7d4b9c"), ("tier", "front")]),
                annotations: map(&[("resource.opentelemetry.io/team.name", "red")]),
            };
            messages::SandboxStatusResponse { status: Some(status) }.encode_to_vec()
        }
        _ => return None,
    })
}

/// Made-up processes, and a folder in which runtimes may listen.
struct World {
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(folder.path().join("run/containerd")).expect("a folder");
        std::fs::create_dir_all(folder.path().join("proc")).expect("a folder");
        Self { folder }
    }

    fn cri(&self) -> PathBuf {
        self.folder.path().join("run/containerd/containerd.sock")
    }

    fn docker(&self) -> PathBuf {
        self.folder.path().join("run/docker.sock")
    }

    fn process(&self, pid: u32, cgroup: &str) {
        make_process(
            &self.folder.path().join("proc"),
            pid,
            "/bin/app",
            u64::from(pid),
            &format!("0::{cgroup}\n"),
        );
    }

    fn identities(&self) -> Identities {
        Identities::new(IdentitySettings {
            proc: self.folder.path().join("proc"),
            host_root: self.folder.path().into(),
            lifetime: Duration::from_millis(200),
            settles_within: Duration::from_secs(60),
            ..IdentitySettings::default()
        })
    }
}

fn wait_until(what: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !what() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(2));
    }
    what()
}

fn container_name(identities: &Identities, pid: u32) -> Option<String> {
    let container = identities.resolve(pid).container.clone()?;
    container.name.as_deref().map(ToOwned::to_owned)
}

/// Process 10 in a container that a runtime tells of, and whose pod it tells of.
fn a_container_of_a_pod() -> (World, FakeCri, Identities) {
    let world = World::new();
    let knowledge = Arc::new(Knowledge::default());
    knowledge.containers.lock().expect("not poisoned").push((id('a'), id('5')));
    let runtime = FakeCri::start(&world.cri(), &knowledge);
    world.process(10, &format!("/kubepods/burstable/pod{UID}/{}", id('a')));
    let identities = world.identities();
    (world, runtime, identities)
}

#[test]
fn a_container_of_cri_gets_its_names_image_and_pod() {
    let (_world, _runtime, identities) = a_container_of_a_pod();
    identities.notice(10);
    assert!(wait_until(|| identities.is_settled(10)));
    let identity = identities.resolve(10);
    let container = identity.container.clone().expect("a container");
    assert_eq!((container.name.as_deref(), container.restart_count), (Some("app"), Some(3)));
    let image = container.image.clone().expect("an image");
    assert_eq!(
        (image.reference().as_str(), image.digest.as_deref()),
        ("localhost/shop/web:1.4", Some("sha256:dd"))
    );
    let pod = identity.pod.clone().expect("a pod");
    assert_eq!(identity.container_label().as_deref(), Some("shop/web-7d4b9c-55555/app"));
    assert_eq!((&*pod.pod_uid, pod.labels.get("tier")), (UID, Some("front")));
    let lookup = identities.resource(10);
    assert_eq!(&*lookup.resource.service_name, "web");
    let team = ("team.name".into(), crate::identity::ResourceValue::Text("red".into()));
    assert!(lookup.resource.attributes.contains(&team));
    assert_eq!(identities.counts().runtimes.described, 1);
}

/// The kubelet's own API would tell no more: it wants credentials that the API server checks, which is not there.
#[test]
fn when_the_kubernetes_api_cannot_be_reached_the_runtime_names_the_pod_and_nobody_waits() {
    use crate::identity::pod_watch::{PodWatch, WatchState};
    let (_world, _runtime, identities) = a_container_of_a_pod();
    // Nothing listens here.
    let address = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address = address.expect("an address");
    let watch = PodWatch::start_with("node-1", move || async move {
        let address = format!("http://{address}").parse().map_err(|_| "no address".to_owned())?;
        kube::Client::try_from(kube::Config::new(address)).map_err(|error| error.to_string())
    });
    let watch = watch.expect("a thread");
    identities.use_pods(watch.source());
    assert!(wait_until(|| matches!(watch.state(), WatchState::Unreachable(_))), "{:?}", watch.state());
    identities.notice(10);
    // The world's identities settle after a minute if something is still awaited.
    assert!(wait_until(|| identities.is_settled(10)));
    let resource = identities.resource(10).resource;
    let attribute = |name: &str| {
        let found = resource.attributes.iter().find(|(known, _)| &**known == name);
        found.map(|(_, value)| value.clone())
    };
    for (name, value) in [
        ("k8s.namespace.name", "shop"),
        ("k8s.pod.name", "web-7d4b9c-55555"),
        ("k8s.pod.uid", UID),
        ("k8s.container.name", "app"),
        ("service.name", "web"),
    ] {
        assert_eq!(attribute(name), Some(crate::identity::ResourceValue::Text(value.into())), "{name}");
    }
}

#[test]
fn the_container_that_holds_a_sandbox_belongs_to_its_pod() {
    let world = World::new();
    let knowledge = Arc::new(Knowledge::default());
    knowledge.containers.lock().expect("not poisoned").push((id('a'), id('5')));
    let _runtime = FakeCri::start(&world.cri(), &knowledge);
    world.process(10, &format!("/system.slice/cri-containerd-{}.scope", id('5')));
    let identities = world.identities();
    identities.notice(10);
    assert!(wait_until(|| identities.resolve(10).pod.as_ref().is_some_and(|pod| pod.name.is_some())));
    assert_eq!(container_name(&identities, 10), None);
}

#[test]
fn addresses_of_sandboxes_are_peers() {
    let world = World::new();
    let knowledge = Arc::new(Knowledge::default());
    knowledge.containers.lock().expect("not poisoned").push((id('a'), id('5')));
    let _runtime = FakeCri::start(&world.cri(), &knowledge);
    let identities = world.identities();
    for address in ["10.1.2.3", "fd00::3"] {
        let address: IpAddr = address.parse().expect("an address");
        assert!(wait_until(|| identities.peer(address).is_some()), "{address}");
        let peer = identities.peer(address).expect("a peer");
        assert_eq!((&*peer.name, peer.service.as_deref()), ("web-7d4b9c-55555", Some("web")));
    }
}

#[test]
fn a_runtime_that_starts_later_and_starts_again_is_found() {
    let world = World::new();
    let knowledge = Arc::new(Knowledge::default());
    knowledge.containers.lock().expect("not poisoned").extend([(id('a'), id('5')), (id('b'), id('6'))]);
    world.process(10, &format!("/docker/{}", id('a')));
    world.process(11, &format!("/docker/{}", id('b')));
    let identities = world.identities();
    identities.notice(10);
    assert!(wait_until(|| identities.is_settled(10)));
    assert_eq!(container_name(&identities, 10), None);
    let runtime = FakeCri::start(&world.cri(), &knowledge);
    assert!(wait_until(|| container_name(&identities, 10).is_some()));
    drop(runtime);
    let _runtime = FakeCri::start(&world.cri(), &knowledge);
    assert!(wait_until(|| container_name(&identities, 11).is_some()));
}

#[test]
fn a_runtime_that_does_not_answer_holds_nobody_up_for_long() {
    let world = World::new();
    let knowledge = Arc::new(Knowledge::default());
    knowledge.is_stuck.store(true, Ordering::Relaxed);
    let _runtime = FakeCri::start(&world.cri(), &knowledge);
    world.process(10, &format!("/docker/{}", id('a')));
    world.process(11, "/system.slice/nginx.service");
    let identities = world.identities();
    identities.notice(10);
    assert!(wait_until(|| knowledge.asked.load(Ordering::Relaxed) > 0));
    let began = Instant::now();
    assert_eq!(identities.resolve(11).exe.as_deref(), Some("/bin/app"));
    assert!(began.elapsed() < Duration::from_millis(500), "waited for {:?}", began.elapsed());
    assert!(!identities.is_settled(10));
    assert!(wait_until(|| identities.is_settled(10)));
    assert!(identities.counts().runtimes.failed > 0);
}

/// Serves one page after another to one connection each.
fn fake_docker(path: &Path, pages: HashMap<String, String>) {
    let listener = UnixListener::bind(path).expect("a socket");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let path = head.split_whitespace().nth(1).unwrap_or_default();
            let (status, body) = match pages.get(path) {
                Some(body) => ("200 OK", body.as_str()),
                None => ("404 Not Found", "{\"message\":\"no such thing\"}"),
            };
            let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        }
    });
}

#[test]
fn a_container_of_docker_gets_its_name_image_digest_and_address() {
    let world = World::new();
    let image = format!("sha256:{}", id('e'));
    let inspected = format!(
        r#"{{"Id":"{}","Name":"/shop-web-1","Image":"{image}","Config":{{"Image":"shop/web:1.4","Labels":{{"com.docker.compose.service":"web","com.docker.compose.project":"shop"}}}}}}"#,
        id('a')
    );
    let listed = r#"[{"Names":["/shop-web-1"],"Labels":{"com.docker.compose.service":"web"},"NetworkSettings":{"Networks":{"bridge":{"IPAddress":"172.17.0.2","GlobalIPv6Address":""}}}}]"#;
    let pages = [
        (format!("/containers/{}/json", id('a')), inspected),
        (
            format!("/images/{image}/json"),
            r#"{"RepoDigests":["other/x@sha256:00","docker.io/shop/web@sha256:dd"]}"#.into(),
        ),
        ("/containers/json".to_owned(), listed.to_owned()),
    ];
    fake_docker(&world.docker(), pages.into_iter().collect());
    world.process(10, &format!("/system.slice/docker-{}.scope", id('a')));
    world.process(11, &format!("/system.slice/docker-{}.scope", id('b')));
    let identities = world.identities();
    identities.notice(10);
    identities.notice(11);
    assert!(wait_until(|| identities.is_settled(10) && identities.is_settled(11)));
    let identity = identities.resolve(10);
    let container = identity.container.clone().expect("a container");
    assert_eq!(container.name.as_deref(), Some("shop-web-1"));
    let image = container.image.clone().expect("an image");
    assert_eq!((image.reference().as_str(), image.digest.as_deref()), ("shop/web:1.4", Some("sha256:dd")));
    assert_eq!((&*identity.resource.service_name, identity.pod.is_none()), ("web", true));
    assert_eq!(container_name(&identities, 11), None);
    assert_eq!(identities.counts().runtimes.unknown, 1);
    let address = IpAddr::from([172, 17, 0, 2]);
    assert!(wait_until(|| identities.peer(address).is_some_and(|peer| &*peer.name == "shop-web-1")));
}

#[test]
fn a_runtime_that_answers_nonsense_is_one_that_does_not_answer() {
    let world = World::new();
    let pages = [(format!("/containers/{}/json", id('a')), "<html>".to_owned())];
    fake_docker(&world.docker(), pages.into_iter().collect());
    world.process(10, &format!("/docker/{}", id('a')));
    let identities = world.identities();
    identities.notice(10);
    assert!(wait_until(|| identities.is_settled(10)));
    assert_eq!(identities.counts().runtimes.failed, 1);
}

#[test]
fn containers_and_questions_stay_within_their_bounds_and_what_that_costs_is_counted() {
    let (containers, mut asked) = Containers::new(&IdentitySettings::default());
    let name = |number: usize| format!("{number:064}");
    for number in 0..QUEUE + 5 {
        assert!(matches!(containers.describe(&name(number)), Answer::Awaited));
    }
    assert_eq!(containers.counts().unasked, 5);
    for number in 0..CAPACITY + 5 {
        containers.answered(&name(number), Ok(Some(Described::default())));
        while asked.try_recv().is_ok() {}
        let _ = containers.describe(&format!("x{number}"));
    }
    assert!(containers.known.len() <= CAPACITY + 1, "{} are known", containers.known.len());
    assert!(containers.counts().evicted > 0);
}

#[test]
fn a_container_that_no_runtime_knows_is_not_asked_for_again_at_once() {
    let (containers, mut asked) = Containers::new(&IdentitySettings::default());
    let _ = containers.describe("a");
    assert!(asked.try_recv().is_ok());
    containers.answered("a", Ok(None));
    assert!(matches!(containers.describe("a"), Answer::Unknown));
    assert!(asked.try_recv().is_err());
    let before = containers.generation();
    containers.answered("a", Ok(Some(Described::default())));
    assert!(matches!(containers.describe("a"), Answer::Described(_)));
    assert!(containers.generation() > before);
}

#[test]
fn sockets_are_looked_for_below_the_hosts_root() {
    let socket = |path: &str| RuntimeSocket { kind: RuntimeKind::Docker, path: path.into() };
    assert_eq!(socket("/var/run/docker.sock").below(Path::new("/host")), Path::new("/host/run/docker.sock"));
    assert_eq!(socket("/run/crio/crio.sock").below(Path::new("/")), Path::new("/run/crio/crio.sock"));
}
