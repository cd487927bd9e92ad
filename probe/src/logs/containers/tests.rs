//! Containers of which a runtime tells over a real socket, with folders of this test as their file systems.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::{fs::symlink, net::UnixListener},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{view::*, *};
use crate::{
    config::{LogContainerMatch, LogContainers},
    identity::{ContainerResources, IdentitySettings, RuntimeKind, RuntimeSocket},
    logs::{
        discover::{Patterns, Tree as _},
        records::{Plan, Settings},
    },
};

fn id(number: usize) -> String {
    format!("{number:064x}")
}

/// A host with a runtime that speaks Docker's interface.
struct World {
    folder: TempDir,
    /// What the runtime says of each container.
    containers: Arc<Mutex<Vec<Value>>>,
}

impl World {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let containers = Arc::<Mutex<Vec<Value>>>::default();
        let listener = UnixListener::bind(folder.path().join("docker.sock")).expect("a socket");
        let told = Arc::clone(&containers);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (mut head, mut byte) = (Vec::new(), [0]);
                while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                    head.push(byte[0]);
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let path = head.split_whitespace().nth(1).unwrap_or_default();
                let told = told.lock().expect("not poisoned");
                let answer = match path {
                    "/containers/json?all=1" => Some(Value::Array(told.clone())),
                    path => told
                        .iter()
                        .find(|container| {
                            path == format!("/containers/{}/json", container["Id"].as_str().expect("text"))
                        })
                        .map(|container| container["Inspected"].clone()),
                };
                let (status, body) = match answer {
                    Some(answer) => ("200 OK", answer.to_string()),
                    None => ("404 Not Found", "{}".to_owned()),
                };
                let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            }
        });
        Self { folder, containers }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("room");
    }

    /// Has the runtime know a container whose upper folder is `upper/NUMBER`, and which has one volume.
    fn run(&self, number: usize, labels: &Value) {
        let at = |path: &str| self.path(path).display().to_string();
        let inspected = json!({
            "Id": id(number), "Name": format!("/c{number}"),
            "Config": {"Image": "shop/web:1.4", "Labels": labels, "Env": ["OTEL_SERVICE_NAME=shop", "LOG=yes"]},
            "State": {"Pid": 0},
            "LogPath": at(&format!("logs/{number}/{number}-json.log")),
            "GraphDriver": {"Data": {"UpperDir": at(&format!("upper/{number}")), "LowerDir": at("lower")}},
            "Mounts": [{"Source": at(&format!("volume/{number}")), "Destination": "/data"}],
        });
        let listed = json!({"Id": id(number), "State": "running", "Labels": labels, "Inspected": inspected});
        self.containers.lock().expect("not poisoned").push(listed);
    }

    fn finder(&self) -> ContainerFinder {
        ContainerFinder::start(&self.identity()).expect("a thread")
    }

    fn identity(&self) -> IdentitySettings {
        let socket = RuntimeSocket { kind: RuntimeKind::Docker, path: self.path("docker.sock") };
        IdentitySettings { runtimes: vec![socket], ..IdentitySettings::default() }
    }

    fn files(&self, finder: &ContainerFinder, change: impl FnOnce(&mut LogContainers)) -> ContainerFiles {
        let mut config = LogContainers {
            output: true,
            files: vec!["/var/log/*.log".to_owned(), "/current/*".to_owned()],
            select: LogContainerMatch::default(),
            except: LogContainerMatch::default(),
            pod_logs: self.path("pods"),
        };
        change(&mut config);
        let plan = Arc::new(Plan::new(&Settings::default()).expect("settings"));
        let settings = ContainerSettings {
            known: finder.known(),
            config,
            exclude: vec!["*.old".to_owned()],
            output_plan: Arc::clone(&plan),
            plan,
            service: None,
            resources: Arc::new(ContainerResources::new(&self.identity())),
            pods: None,
            host_root: "/".into(),
            proc: "/proc".into(),
        };
        let files = ContainerFiles::new(settings).expect("patterns");
        wait_for(|| files.is_ready());
        files
    }

    fn names(&self, files: &mut ContainerFiles) -> Vec<String> {
        let below =
            |path: &Path| path.strip_prefix(self.folder.path()).map(|path| path.display().to_string());
        let mut names: Vec<String> =
            files.walk().walk.files.iter().filter_map(|found| below(&found.path).ok()).collect();
        names.sort();
        names
    }
}

#[track_caller]
fn wait_for(condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(30), "it did not happen within 30 seconds");
        thread::sleep(Duration::from_millis(10));
    }
}

fn settle(files: &mut ContainerFiles) {
    let began = Instant::now();
    while files.walk().is_waiting {
        assert!(began.elapsed() < Duration::from_secs(30), "it does not become known whose files those are");
        thread::sleep(Duration::from_millis(20));
    }
}

fn read(files: &ContainerFiles, path: &Path) -> String {
    let mut text = String::new();
    let origin = files.origin(path).expect("one of a container");
    origin.open(path).expect("readable").read_to_string(&mut text).expect("text");
    text
}

#[test]
fn output_and_files_of_a_container_of_docker_are_found_by_what_its_runtime_says() {
    let world = World::new();
    world.write("logs/1/1-json.log", "output");
    world.write("logs/1/1-json.log.1", "rotated");
    world.write("logs/1/1-json.log.2.gz", "compressed");
    world.write("upper/1/var/log/a.log", "layer");
    world.write("upper/1/var/log/a.log.old", "old");
    world.write("lower/var/log/image.log", "of the image");
    world.write("volume/1/b", "volume");
    world.write("volume/1/b.old", "old");
    // The image has a link; what it leads to is a volume.
    symlink("/data", world.path("lower/current")).expect("linked");
    world.run(1, &json!({}));
    let finder = world.finder();
    let mut files = world.files(&finder, |_| {});
    assert_eq!(
        world.names(&mut files),
        ["logs/1/1-json.log", "logs/1/1-json.log.1", "upper/1/var/log/a.log", "volume/1/b"]
    );
    for (path, within, text) in [
        ("logs/1/1-json.log", None, "output"),
        ("logs/1/1-json.log.1", None, "rotated"),
        ("upper/1/var/log/a.log", Some("/var/log/a.log"), "layer"),
        ("volume/1/b", Some("/current/b"), "volume"),
    ] {
        let path = world.path(path);
        let origin = files.origin(&path).expect("one of a container");
        assert_eq!(origin.within.as_deref(), within.map(Path::new), "{}", path.display());
        assert_eq!((&*origin.resource.service_name, read(&files, &path).as_str()), ("shop", text));
        assert!(files.matches(&path));
    }
    // What appears beside them is known at once.
    world.write("upper/1/var/log/new.log", "new");
    let new = world.path("upper/1/var/log/new.log");
    assert!(files.matches(&new) && !files.matches(&world.path("upper/1/var/log/new.old")));
    assert_eq!(read(&files, &new), "new");
    assert!(files.origin(&world.path("elsewhere")).is_none());
}

#[test]
fn links_in_a_container_lead_to_nothing_of_the_host() {
    let world = World::new();
    world.write("secret", "of the host");
    world.write("upper/1/var/log/a.log", "own");
    world.write("upper/1/etc/secret", "also own");
    let secret = world.path("secret");
    let log = |name: &str| world.path("upper/1/var/log").join(name);
    symlink(&secret, log("absolute.log")).expect("linked");
    symlink(format!("{}{}", "../".repeat(20), secret.display()), log("relative.log")).expect("linked");
    symlink("/../../../etc/secret", log("above.log")).expect("linked");
    symlink("loop.log", log("loop.log")).expect("linked");
    fs::create_dir(world.path("folder")).expect("made");
    world.write("folder/x", "of the host");
    symlink(world.path("folder"), world.path("upper/1/current")).expect("linked");
    world.run(1, &json!({}));
    let finder = world.finder();
    let mut files = world.files(&finder, |_| {});
    // The one that goes above the root ends at the container's root.
    assert_eq!(world.names(&mut files), ["upper/1/etc/secret", "upper/1/var/log/a.log"]);
    assert_eq!(read(&files, &world.path("upper/1/etc/secret")), "also own");
    // A file, and a folder on the way, that become links after they were found.
    let path = log("a.log");
    fs::remove_file(&path).expect("removed");
    symlink(&secret, &path).expect("linked");
    let origin = files.origin(&path).expect("it was found");
    assert!(origin.open(&path).is_err());
    fs::rename(world.path("upper/1/var/log"), world.path("upper/1/var/other")).expect("renamed");
    symlink(world.path("folder"), world.path("upper/1/var/log")).expect("linked");
    fs::rename(world.path("folder/x"), world.path("folder/a.log")).expect("renamed");
    assert!(origin.open(&path).is_err());
}

#[test]
fn output_that_a_link_leads_elsewhere_is_not_read() {
    let world = World::new();
    world.write("secret", "of the host");
    world.write("pods/shop_web-0_uid/app/1.log", "output");
    symlink(world.path("secret"), world.path("pods/shop_web-0_uid/app/0.log")).expect("linked");
    let finder = world.finder();
    let mut files = world.files(&finder, |_| {});
    settle(&mut files);
    assert_eq!(read(&files, &world.path("pods/shop_web-0_uid/app/1.log")), "output");
    let path = world.path("pods/shop_web-0_uid/app/0.log");
    let error = files.origin(&path).expect("one of a pod").open(&path).expect_err("refused").to_string();
    assert!(error.contains("where no runtime writes"), "{error}");
}

#[test]
fn what_lies_below_in_an_overlay_tells_folders_and_links_unless_it_is_gone_above() {
    let folder = TempDir::new().expect("a folder");
    let at = |path: &str| folder.path().join(path);
    for path in ["upper/logs", "lower/logs", "lower/data"] {
        fs::create_dir_all(at(path)).expect("made");
    }
    fs::write(at("upper/logs/a"), "a").expect("room");
    fs::write(at("lower/logs/b"), "b").expect("room");
    symlink("/logs", at("lower/link")).expect("linked");
    symlink("/logs", at("lower/gone")).expect("linked");
    let device = rustix::fs::makedev(0, 0);
    let mode = rustix::fs::Mode::empty();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        at("upper/gone"),
        rustix::fs::FileType::CharacterDevice,
        mode,
        device,
    )
    .expect("an overlay's mark");
    let layer = |path: &str| Layer { base: "/".into(), path: at(path) };
    let view = View::new([Mount { at: "/".into(), layers: vec![layer("upper"), layer("lower")] }]);
    let names = |folder: &str| {
        let mut names: Vec<String> = view
            .list(Path::new(folder))
            .unwrap_or_default()
            .into_iter()
            .map(|(name, _)| name.display().to_string())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names("/logs"), ["a"]);
    assert_eq!((names("/link"), names("/gone")), (vec!["a".to_owned()], Vec::new()));
    assert!(view.metadata(Path::new("/logs/b")).is_err() && view.metadata(Path::new("/link/a")).is_ok());
    let nearest = |path: &str| {
        let near = view.nearest(Path::new(path)).expect("the root at least");
        (near.path.display().to_string(), near.is_whole)
    };
    assert_eq!(nearest("/logs"), ("/logs".to_owned(), true));
    assert_eq!(nearest("/link"), ("/logs".to_owned(), true));
    assert_eq!(nearest("/data/app"), ("/".to_owned(), false));
    assert_eq!(nearest("/logs/app/more"), ("/logs".to_owned(), false));
}

#[test]
fn containers_beyond_the_bound_are_left_out_counted_and_said() {
    let world = World::new();
    for number in 0..4096 + 10 {
        world.run(number, &json!({}));
    }
    let finder = world.finder();
    let mut files = world.files(&finder, |config| config.files.clear());
    wait_for(|| finder.known().catalog().left_out == 10);
    let look = files.walk();
    assert_eq!(finder.known().catalog().all().len(), 4096);
    assert!(
        look.said.iter().any(|(_, sentence)| sentence.starts_with("10 containers beyond")),
        "{:?}",
        look.said
    );
    let (shown, more) = files.shown();
    assert_eq!((shown.len(), more), (100, 3996));
}

#[test]
fn a_container_is_decided_about_once_and_forgotten_with_its_files() {
    let world = World::new();
    world.write("logs/1/1-json.log", "output");
    world.run(1, &json!({"app": "web"}));
    world.write("logs/2/2-json.log", "output");
    world.run(2, &json!({"app": "db"}));
    world.write("pods/shop_web-0_uid/app/0.log", "output");
    world.write("pods/other_web-0_uid/app/0.log", "output");
    let finder = world.finder();
    let by_label = |config: &mut LogContainers| {
        config.select.labels.insert("app".to_owned(), "w*".to_owned());
    };
    let mut files = world.files(&finder, by_label);
    settle(&mut files);
    assert_eq!(world.names(&mut files), ["logs/1/1-json.log"]);
    // Of the others no runtime knows labels, which is said.
    let said = files.walk().said;
    assert!(
        said.iter()
            .any(|(_, sentence)| sentence.starts_with("2 containers are not followed because their labels"))
    );
    let by_name = |config: &mut LogContainers| config.select.namespaces.push("shop".to_owned());
    let mut files = world.files(&finder, by_name);
    settle(&mut files);
    assert_eq!(world.names(&mut files), ["pods/shop_web-0_uid/app/0.log"]);
    let (shown, _) = files.shown();
    assert_eq!((shown[0].name.as_str(), shown[0].phase.as_str()), ("shop/web-0/app", "gone"));
    fs::remove_dir_all(world.path("pods")).expect("removed");
    assert_eq!(world.names(&mut files), [""; 0]);
    assert_eq!(files.shown().0, []);
}

#[test]
fn a_runtime_that_does_not_answer_is_said_and_paths_alone_tell() {
    let folder = TempDir::new().expect("a folder");
    let socket = folder.path().join("docker.sock");
    let _listener = UnixListener::bind(&socket).expect("a socket");
    let world = World::new();
    world.write("pods/shop_web-0_uid/app/3.log", "output");
    let runtimes = vec![RuntimeSocket { kind: RuntimeKind::Docker, path: socket }];
    let finder = ContainerFinder::start(&IdentitySettings { runtimes, ..IdentitySettings::default() })
        .expect("a thread");
    let mut files = world.files(&finder, |_| {});
    settle(&mut files);
    assert_eq!(world.names(&mut files), ["pods/shop_web-0_uid/app/3.log"]);
    let said = files.walk().said;
    assert!(said.iter().any(|(_, sentence)| sentence.contains("does not answer")), "{said:?}");
    let origin = files.origin(&world.path("pods/shop_web-0_uid/app/3.log")).expect("one of a pod");
    let text = format!("{:?}", origin.resource);
    for part in ["k8s.namespace.name", "shop", "web-0", "k8s.container.restart_count", "Integer(3)"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn patterns_of_files_in_containers_must_be_absolute() {
    let config = LogContainers { files: vec!["app.log".to_owned()], ..LogContainers::default() };
    assert!(check(&config).is_err_and(|error| error.to_string().contains("must begin with /")));
    assert!(Patterns::new(&["/a/*".to_owned()], &[]).is_ok());
}
