//! Identities of made-up processes.

use std::{fs, path::Path, thread};

use super::*;
use crate::identity::{
    PodContainer,
    lookup::tests::{EXITING, make_process, make_state},
};

const HOUR: Duration = Duration::from_secs(3600);

fn settings(proc: &Path, lifetime: Duration) -> IdentitySettings {
    IdentitySettings { proc: proc.into(), lifetime, runtimes: Vec::new(), ..IdentitySettings::default() }
}

fn identities(proc: &Path, lifetime: Duration) -> Identities {
    Identities::new(settings(proc, lifetime))
}

fn wait_until(what: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !what() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
    what()
}

#[test]
fn an_answer_is_remembered_and_asked_again_when_it_is_old() {
    let proc = tempfile::tempdir().expect("a folder");
    make_process(proc.path(), 5, "/bin/old", 1, "0::/\n");
    let remembering = identities(proc.path(), HOUR);
    let forgetting = identities(proc.path(), Duration::ZERO);
    assert_eq!(remembering.resolve(5).exe.as_deref(), Some("/bin/old"));
    assert_eq!(forgetting.resolve(5).exe.as_deref(), Some("/bin/old"));
    make_process(proc.path(), 5, "/bin/new", 2, "0::/\n");
    assert_eq!(remembering.resolve(5).exe.as_deref(), Some("/bin/old"));
    assert_eq!(forgetting.resolve(5).exe.as_deref(), Some("/bin/new"));
}

#[test]
fn an_exchange_of_before_an_id_was_used_again_belongs_to_the_process_of_then() {
    let proc = tempfile::tempdir().expect("a folder");
    make_process(proc.path(), 5, "/bin/old", 1, "0::/\n");
    let identities = identities(proc.path(), Duration::ZERO);
    let first = identities.resolve(5);
    make_process(proc.path(), 5, "/bin/new", 1000, "0::/\n");
    let second = identities.resolve(5);
    let started = second.started.expect("known");
    assert!(first.started.expect("known") < started);
    assert_eq!(identities.resolve_at(5, started - Duration::from_secs(1)).exe.as_deref(), Some("/bin/old"));
    assert_eq!(identities.resolve_at(5, started + Duration::from_secs(1)).exe.as_deref(), Some("/bin/new"));
}

#[test]
fn a_process_keeps_its_name_when_it_has_gone() {
    let proc = tempfile::tempdir().expect("a folder");
    make_process(proc.path(), 5, "/bin/short", 1, "0::/\n");
    let identities = identities(proc.path(), Duration::ZERO);
    assert_eq!(identities.resolve(5).exe.as_deref(), Some("/bin/short"));
    fs::remove_dir_all(proc.path().join("5")).expect("a folder");
    assert_eq!(identities.resolve(5).exe.as_deref(), Some("/bin/short"));
}

#[test]
fn what_a_process_was_is_kept_when_it_ends_while_it_is_read() {
    let proc = tempfile::tempdir().expect("a folder");
    let container = "ab".repeat(32);
    make_process(proc.path(), 5, "/bin/short", 7, &format!("0::/docker/{container}\n"));
    let identities = identities(proc.path(), Duration::ZERO);
    let id = || identities.resolve(5).container.as_ref().map(|container| container.id.to_string());
    assert_eq!(id().as_ref(), Some(&container));
    make_state(proc.path(), 5, 'R', EXITING, 7);
    fs::remove_file(proc.path().join("5/cgroup")).expect("a file");
    assert_eq!(id().as_ref(), Some(&container));
    make_state(proc.path(), 5, 'R', 0, 7);
    assert_eq!(id(), None, "what a process says that lives is true");
}

#[test]
fn that_there_is_no_such_process_is_remembered_too() {
    let proc = tempfile::tempdir().expect("a folder");
    let identities = identities(proc.path(), HOUR);
    let nobody = identities.resolve(6);
    assert_eq!((&nobody.exe, nobody.started_ticks, &nobody.container), (&None, None, &None));
    assert_eq!(&*nobody.resource.service_name, "unknown_service");
    make_process(proc.path(), 6, "/bin/late", 1, "0::/\n");
    assert_eq!(identities.resolve(6).exe, None);
}

#[test]
fn a_process_that_was_noticed_is_known_after_it_has_gone() {
    let proc = tempfile::tempdir().expect("a folder");
    make_process(proc.path(), 7, "/bin/curl", 1, "0::/\n");
    let identities = identities(proc.path(), HOUR);
    identities.notice(7);
    assert!(wait_until(|| identities.shared.is_fresh(7)));
    fs::remove_dir_all(proc.path().join("7")).expect("a folder");
    assert_eq!(identities.resolve(7).exe.as_deref(), Some("/bin/curl"));
}

#[test]
fn a_resource_is_not_waited_for_and_settles_when_the_process_was_read() {
    let proc = tempfile::tempdir().expect("a folder");
    make_process(proc.path(), 7, "/bin/curl", 1, "0::/\n");
    let identities = identities(proc.path(), HOUR);
    // Whatever the first answer is, it says whether it is the last.
    let first = identities.resource(7);
    assert_eq!(first.settled, &*first.resource.service_name != "unknown_service");
    assert!(wait_until(|| identities.is_settled(7)));
    let last = identities.resource(7);
    assert_eq!((&*last.resource.service_name, last.settled), ("unknown_service:curl", true));
}

#[test]
fn processes_of_one_service_share_one_resource() {
    let proc = tempfile::tempdir().expect("a folder");
    for pid in [8, 9] {
        make_process(proc.path(), pid, "/usr/sbin/nginx", pid.into(), "0::/system.slice/nginx.service\n");
    }
    let identities = identities(proc.path(), HOUR);
    let (first, second) = (identities.resolve(8), identities.resolve(9));
    assert_ne!(first, second);
    assert!(Arc::ptr_eq(&first.resource, &second.resource));
    assert_eq!(&*first.resource.service_name, "nginx");
}

#[test]
fn no_process_is_nobody() {
    let identities =
        Identities::new(IdentitySettings { runtimes: Vec::new(), ..IdentitySettings::default() });
    assert!(identities.is_settled(0) && identities.resource(0).settled);
    assert_eq!(identities.resolve(0).exe, None);
}

#[test]
fn the_cache_stays_within_its_bound_and_counts_what_that_cost() {
    let proc = tempfile::tempdir().expect("a folder");
    let identities = identities(proc.path(), HOUR);
    let capacity = u32::try_from(crate::identity::entries::CAPACITY).expect("a small number");
    for pid in 1..=capacity + 10 {
        let _ = identities.resolve(pid);
    }
    assert!(identities.counts().known <= u64::from(capacity));
    assert!(identities.evicted() > 0);
}

#[test]
fn notices_beyond_those_that_may_wait_are_counted() {
    let proc = tempfile::tempdir().expect("a folder");
    let (containers, _) = Containers::new(&settings(proc.path(), HOUR));
    let shared = Arc::new(Shared::new(settings(proc.path(), HOUR), containers));
    // Nobody takes requests.
    let (requests, _held) = mpsc::channel(2);
    let identities = Identities { shared, requests };
    for pid in 1..=5 {
        identities.notice(pid);
    }
    assert_eq!(identities.unnoticed(), 3);
    let began = Instant::now();
    assert_eq!(identities.resolve(1).exe, None);
    assert!(began.elapsed() < Duration::from_secs(5), "waited for {:?}", began.elapsed());
    assert_eq!(identities.counts().unanswered, 1);
}

#[derive(Debug, Default)]
struct Watch {
    pods: dashmap::DashMap<String, Arc<crate::identity::Pod>>,
    generation: AtomicU64,
}

impl PodSource for Watch {
    fn pod(&self, uid: &str) -> Option<Arc<crate::identity::Pod>> {
        self.pods.get(uid).map(|pod| Arc::clone(&pod))
    }

    fn peer(&self, address: IpAddr) -> Option<Arc<Peer>> {
        let is_its = address == IpAddr::from([10, 0, 0, 9]);
        let kind = crate::identity::PeerKind::Service;
        is_its.then(|| {
            Arc::new(Peer { kind, name: "shop".into(), namespace: Some("prod".into()), service: None })
        })
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    fn may_learn(&self) -> bool {
        true
    }
}

#[test]
fn a_pod_that_becomes_known_later_completes_what_is_known_of_its_processes() {
    const UID: &str = "3c2d5a8e-1b4f-4c6d-9e7a-0f1e2d3c4b5a";
    let proc = tempfile::tempdir().expect("a folder");
    let id = "ab".repeat(32);
    make_process(proc.path(), 9, "/app", 7, &format!("0::/kubepods/burstable/pod{UID}/{id}\n"));
    let identities = identities(proc.path(), HOUR);
    let watch = Arc::new(Watch::default());
    identities.use_pods(Arc::clone(&watch) as Arc<dyn PodSource>);
    let early = identities.resolve(9);
    assert_eq!(early.pod.as_ref().map(|pod| &*pod.pod_uid), Some(UID));
    assert_eq!(&*early.resource.service_name, "unknown_service:app");
    assert!(!identities.is_settled(9));
    let pod = crate::identity::Pod {
        pod_uid: UID.into(),
        namespace: Some("prod".into()),
        name: Some("shop-1".into()),
        containers: vec![PodContainer {
            id: id.into(),
            name: "web".into(),
            image: Some("a:1".into()),
            restart_count: Some(2),
        }],
        ..Default::default()
    };
    watch.pods.insert(UID.to_owned(), Arc::new(pod));
    watch.generation.fetch_add(1, Ordering::Relaxed);
    let late = identities.resource(9);
    assert!(late.settled);
    assert_eq!(
        (&*late.resource.service_name, late.resource.service_namespace.as_deref()),
        ("shop-1", Some("prod"))
    );
    let container = identities.resolve(9).container.clone().expect("a container");
    assert_eq!((container.name.as_deref(), container.restart_count), (Some("web"), Some(2)));
}

#[test]
fn a_pod_that_never_becomes_known_settles_all_the_same() {
    let proc = tempfile::tempdir().expect("a folder");
    make_process(proc.path(), 9, "/app", 7, "0::/kubepods/pod3c2d5a8e-1b4f-4c6d-9e7a-0f1e2d3c4b5a\n");
    let settles_within = Duration::from_millis(50);
    let identities = Identities::new(IdentitySettings { settles_within, ..settings(proc.path(), HOUR) });
    identities.use_pods(Arc::new(Watch::default()));
    let _ = identities.resolve(9);
    let began = Instant::now();
    assert!(!identities.is_settled(9) || began.elapsed() >= settles_within);
    assert!(wait_until(|| identities.is_settled(9)));
}

#[test]
fn peers_are_known_by_the_watch_and_else_by_names_that_were_resolved() {
    let identities =
        Identities::new(IdentitySettings { runtimes: Vec::new(), ..IdentitySettings::default() });
    let (service, other) = (IpAddr::from([10, 0, 0, 9]), IpAddr::from([192, 0, 2, 1]));
    let name = |address| identities.peer(address).map(|peer| peer.name.to_string());
    identities.saw_resolved("shop.prod.svc.cluster.local", service, HOUR);
    identities.saw_resolved("api.example", other, HOUR);
    assert_eq!(name(service).as_deref(), Some("shop.prod.svc.cluster.local"));
    identities.use_pods(Arc::new(Watch::default()));
    assert_eq!(name(service).as_deref(), Some("shop"));
    assert_eq!(name("::ffff:192.0.2.1".parse().expect("an address")).as_deref(), Some("api.example"));
    assert_eq!(name(IpAddr::from([192, 0, 2, 2])), None);
}
