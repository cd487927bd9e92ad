//! What is in `deploy/`, checked without privileges: manifests, configurations, the unit.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use k8s_openapi::api::{
    apps::v1::DaemonSet,
    core::v1::{ConfigMap, Container, Namespace, Probe, ServiceAccount},
    rbac::v1::{ClusterRole, ClusterRoleBinding},
};
use plainsight::config::{Config, Environment, Kubernetes, Switch};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

/// Every document of every manifest.
fn documents() -> Vec<Value> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder().join("kubernetes"))
        .expect("the manifests")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    assert_eq!(paths.len(), 4, "{paths:?}");
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("a file");
        serde_saphyr::from_multiple::<Value>(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    paths.iter().flat_map(read).collect()
}

/// The one object of a kind, read with the API's types. A key that the types do not know would be lost on the way, and so
/// would whoever relies on it: what comes out again must be what went in.
fn object<T: DeserializeOwned + Serialize>(kind: &str) -> T {
    let documents: Vec<Value> =
        documents().into_iter().filter(|document| document["kind"].as_str() == Some(kind)).collect();
    let [document] = documents.as_slice() else { panic!("{} objects of kind {kind}", documents.len()) };
    let object: T =
        serde_json::from_value(document.clone()).unwrap_or_else(|error| panic!("{kind}: {error}"));
    let again = serde_json::to_value(&object).expect("JSON");
    assert_kept(document, &again, kind);
    object
}

#[track_caller]
fn assert_kept(written: &Value, understood: &Value, place: &str) {
    match (written, understood) {
        (Value::Object(written), Value::Object(understood)) => {
            for (key, value) in written {
                let place = format!("{place}.{key}");
                let understood =
                    understood.get(key).unwrap_or_else(|| panic!("{place} means nothing to Kubernetes"));
                assert_kept(value, understood, &place);
            }
        }
        (Value::Array(written), Value::Array(understood)) => {
            assert_eq!(written.len(), understood.len(), "{place}");
            for (position, (written, understood)) in written.iter().zip(understood).enumerate() {
                assert_kept(written, understood, &format!("{place}[{position}]"));
            }
        }
        _ => assert_eq!(written, understood, "{place}"),
    }
}

fn container(set: &DaemonSet) -> &Container {
    let pod = set.spec.template.spec.as_ref().expect("a pod");
    let [container] = pod.containers.as_slice() else { panic!("one container") };
    container
}

/// The configuration of the ConfigMap, with the variables that the DaemonSet sets.
fn configuration() -> Config {
    let map: ConfigMap = object("ConfigMap");
    let set: DaemonSet = object("DaemonSet");
    let environment: Environment = container(&set)
        .env
        .iter()
        .flatten()
        .map(|variable| (variable.name.clone(), "given".to_owned()))
        .collect();
    let data = map.data.expect("data");
    assert_eq!(data.keys().collect::<Vec<_>>(), ["plainsight.yaml"]);
    let loaded = Config::parse(&data["plainsight.yaml"], "configmap.yaml", &environment)
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.warnings, Vec::<String>::new());
    loaded.config
}

#[test]
fn every_object_is_one_that_kubernetes_knows_and_nothing_is_misspelled() {
    let kinds: BTreeSet<String> =
        documents().iter().map(|document| document["kind"].as_str().expect("a kind").to_owned()).collect();
    let known =
        ["ClusterRole", "ClusterRoleBinding", "ConfigMap", "DaemonSet", "Namespace", "ServiceAccount"];
    assert_eq!(kinds, known.map(str::to_owned).into_iter().collect());
    object::<ClusterRole>("ClusterRole");
    object::<ClusterRoleBinding>("ClusterRoleBinding");
    object::<ConfigMap>("ConfigMap");
    object::<DaemonSet>("DaemonSet");
    object::<Namespace>("Namespace");
    object::<ServiceAccount>("ServiceAccount");
}

#[test]
#[should_panic(expected = "DaemonSet.spec.template.spec.hostPid means nothing to Kubernetes")]
fn a_misspelled_key_would_be_noticed() {
    let mut document =
        documents().into_iter().find(|document| document["kind"] == "DaemonSet").expect("a DaemonSet");
    let pod = document["spec"]["template"]["spec"].as_object_mut().expect("a pod");
    let value = pod.remove("hostPID").expect("the key");
    pod.insert("hostPid".to_owned(), value);
    let set: DaemonSet = serde_json::from_value(document.clone()).expect("it is read all the same");
    assert_kept(&document, &serde_json::to_value(set).expect("JSON"), "DaemonSet");
}

#[test]
fn what_one_object_names_exists_in_another() {
    let namespace: Namespace = object("Namespace");
    let account: ServiceAccount = object("ServiceAccount");
    let role: ClusterRole = object("ClusterRole");
    let binding: ClusterRoleBinding = object("ClusterRoleBinding");
    let map: ConfigMap = object("ConfigMap");
    let set: DaemonSet = object("DaemonSet");
    let name = namespace.metadata.name;
    for metadata in [&account.metadata, &map.metadata, &set.metadata] {
        assert_eq!(metadata.namespace, name);
    }
    assert_eq!(
        (binding.role_ref.kind.as_str(), Some(&binding.role_ref.name)),
        ("ClusterRole", role.metadata.name.as_ref())
    );
    let subjects = binding.subjects.expect("subjects");
    assert_eq!((subjects.len(), subjects[0].kind.as_str()), (1, "ServiceAccount"));
    assert_eq!((Some(&subjects[0].name), &subjects[0].namespace), (account.metadata.name.as_ref(), &name));

    let spec = &set.spec;
    let labels =
        spec.template.metadata.as_ref().and_then(|metadata| metadata.labels.as_ref()).expect("labels");
    let selected = spec.selector.match_labels.as_ref().expect("labels");
    assert!(!selected.is_empty() && selected.iter().all(|(key, value)| labels.get(key) == Some(value)));
    let pod = spec.template.spec.as_ref().expect("a pod");
    assert_eq!(pod.service_account_name, account.metadata.name);
    let container = container(&set);
    let volumes: BTreeSet<&str> = pod.volumes.iter().flatten().map(|volume| volume.name.as_str()).collect();
    let mounted: BTreeSet<&str> =
        container.volume_mounts.iter().flatten().map(|mount| mount.name.as_str()).collect();
    assert_eq!(volumes, mounted);
    let maps: Vec<_> = pod.volumes.iter().flatten().filter_map(|volume| volume.config_map.as_ref()).collect();
    assert_eq!((maps.len(), Some(&maps[0].name)), (1, map.metadata.name.as_ref()));
    // A path that is mounted from the host is made there only where that is meant.
    for host in pod.volumes.iter().flatten().filter_map(|volume| volume.host_path.as_ref()) {
        let kind = host.type_.as_deref().unwrap_or_else(|| panic!("{} has no type", host.path));
        assert!(
            matches!(kind, "Directory" | "File") || host.path == "/var/lib/plainsight",
            "{}: {kind}",
            host.path
        );
    }
}

#[test]
fn rights_are_to_read_pods_and_owners_only() {
    let role: ClusterRole = object("ClusterRole");
    let mut granted = BTreeSet::new();
    for rule in role.rules.expect("rules") {
        assert!(rule.non_resource_urls.is_none() && rule.resource_names.is_none());
        assert!(
            rule.verbs.iter().all(|verb| ["get", "list", "watch"].contains(&verb.as_str())),
            "{:?}",
            rule.verbs
        );
        for group in rule.api_groups.expect("groups") {
            granted.extend(rule.resources.iter().flatten().map(|resource| format!("{group}/{resource}")));
        }
    }
    let meant = ["/pods", "apps/replicasets", "batch/jobs"];
    assert_eq!(granted, meant.map(str::to_owned).into_iter().collect());
}

#[test]
fn the_configuration_fits_the_pod_it_is_for() {
    let config = configuration();
    let set: DaemonSet = object("DaemonSet");
    let pod = set.spec.template.spec.as_ref().expect("a pod");
    let container = container(&set);
    assert_eq!(pod.host_pid, Some(true));
    assert_eq!(config.identity.kubernetes, Kubernetes::On);
    assert_eq!(config.identity.node.as_deref(), Some("given"));

    // It listens where it is asked.
    let Switch::On(health) = config.daemon.health.listen else { panic!("health is off") };
    let ports = container.ports.as_ref().expect("ports");
    assert_eq!((ports.len(), i32::from(health.port())), (1, ports[0].container_port));
    assert!(health.ip().is_unspecified(), "the kubelet asks from outside");
    let probes = [&container.startup_probe, &container.liveness_probe, &container.readiness_probe];
    let paths = probes.map(|probe| {
        let get = probe.as_ref().and_then(|probe: &Probe| probe.http_get.as_ref()).expect("a probe");
        assert_eq!(serde_json::to_value(&get.port).expect("JSON").as_str(), ports[0].name.as_deref());
        get.path.clone().expect("a path")
    });
    assert_eq!(paths, ["/healthz", "/healthz", "/readyz"]);
    let Switch::On(prometheus) = config.export.prometheus.listen else { panic!("Prometheus is off") };
    let annotations = set.spec.template.metadata.as_ref().and_then(|metadata| metadata.annotations.as_ref());
    let annotated =
        annotations.and_then(|annotations| annotations.get("prometheus.io/port")).expect("a port");
    assert_eq!(*annotated, prometheus.port().to_string());

    // It ends before it is ended, and looks at less before it is killed.
    let grace = u64::try_from(pod.termination_grace_period_seconds.expect("a time")).expect("a time");
    assert!(config.daemon.drain_deadline.0.as_secs() + 5 <= grace);
    let limit = container.resources.as_ref().and_then(|resources| resources.limits.as_ref()).expect("limits");
    let limit: u64 = limit["memory"].0.strip_suffix("Mi").expect("MiB").parse().expect("a number");
    let Switch::On(memory) = config.limits.memory else { panic!("memory has no bound") };
    assert!(memory.0 * 10 <= (limit << 20) * 9, "less than a tenth is left for the kernel");

    // What it looks for is mounted.
    let mounts = container.volume_mounts.as_ref().expect("mounts");
    let mount = |path: &Path| {
        let of = |mount: &&k8s_openapi::api::core::v1::VolumeMount| path.starts_with(&mount.mount_path);
        mounts.iter().find(of).unwrap_or_else(|| panic!("{} is not mounted", path.display()))
    };
    for path in
        ["run/containerd/containerd.sock", "run/docker.sock", "etc/passwd", "sys/fs/cgroup", "var/log/pods"]
    {
        assert_eq!(mount(&config.identity.host_root.join(path)).read_only, Some(true), "{path}");
    }
    let queue = &config.export.otlp.0[0].queue;
    assert!(queue.disk.on().is_some());
    assert_eq!(mount(&queue.folder).read_only, None, "the queue is written to");
    let given = container.args.as_ref().expect("arguments");
    let path = given.iter().find(|argument| argument.ends_with(".yaml")).expect("a path");
    assert_eq!(mount(Path::new(path)).name, "configuration");
}

#[test]
fn the_pod_has_no_more_than_it_needs() {
    let set: DaemonSet = object("DaemonSet");
    let context = container(&set).security_context.as_ref().expect("a context");
    assert_eq!(context.privileged, Some(false));
    assert_eq!(context.allow_privilege_escalation, Some(false));
    assert_eq!(context.read_only_root_filesystem, Some(true));
    let capabilities = context.capabilities.as_ref().expect("capabilities");
    assert_eq!(capabilities.drop.as_deref(), Some(&["ALL".to_owned()][..]));
    let added: BTreeSet<&str> = capabilities.add.iter().flatten().map(String::as_str).collect();
    let documented: BTreeSet<String> = readme_capabilities();
    assert_eq!(added, documented.iter().map(String::as_str).collect());
    let pod = set.spec.template.spec.as_ref().expect("a pod");
    let tolerations = pod.tolerations.as_ref().expect("tolerations");
    assert!(
        tolerations
            .iter()
            .any(|toleration| toleration.key.is_none() && toleration.operator.as_deref() == Some("Exists"))
    );
}

/// The capabilities that the table in the README explains.
fn readme_capabilities() -> BTreeSet<String> {
    let text = fs::read_to_string(folder().join("README.md")).expect("the README");
    let rows = text.lines().filter(|line| line.starts_with("| `CAP_"));
    rows.filter_map(|row| row.split('|').nth(1))
        .flat_map(|cell| cell.split(','))
        .map(|name| name.trim().trim_matches('`').trim_start_matches("CAP_").to_owned())
        .collect()
}

#[test]
fn the_configuration_of_the_image_is_right() {
    let path = folder().join("container/plainsight.yaml");
    let loaded = Config::load(&path, &Environment::default()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.config.identity.host_root, Path::new("/host"));
    let dockerfile = fs::read_to_string(folder().join("container/Dockerfile")).expect("the Dockerfile");
    let Switch::On(health) = loaded.config.daemon.health.listen else { panic!("health is off") };
    assert!(dockerfile.contains(&format!("\nEXPOSE {}\n", health.port())));
    let host: Environment = [("PLAINSIGHT_HOST_ROOT", "/elsewhere")].into_iter().collect();
    let loaded = Config::load(&path, &host).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.config.identity.host_root, Path::new("/elsewhere"));
}

/// The unit with another program in the place of the one that is not installed here.
fn unit() -> (tempfile::TempDir, PathBuf) {
    let text = fs::read_to_string(folder().join("systemd/plainsight.service")).expect("the unit");
    assert!(text.contains("/usr/bin/plainsight run"));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("plainsight.service");
    fs::write(&path, text.replace("/usr/bin/plainsight", "/bin/true")).expect("a file");
    (folder, path)
}

fn analyze(arguments: &[&str], unit: &Path) -> String {
    let output = Command::new("systemd-analyze")
        .args(arguments)
        .arg(unit)
        .env("SYSTEMD_COLORS", "0")
        .output()
        .unwrap_or_else(|error| panic!("systemd-analyze: {error}; `apt-get install systemd` installs it"));
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{arguments:?} ended with {}: {said}", output.status);
    said
}

#[test]
fn systemd_finds_nothing_wrong_with_the_unit() {
    let (_folder, path) = unit();
    // Without a word: what it does not know it warns of, and succeeds all the same.
    let said = analyze(&["verify"], &path);
    let about_ours: Vec<&str> = said.lines().filter(|line| line.contains("plainsight")).collect();
    assert_eq!(about_ours, Vec::<&str>::new());
    // Of 10; what remains is what it is for: capabilities of BPF, the host's network and processes, root.
    analyze(&["security", "--offline=true", "--no-pager", "--threshold=40"], &path);
}

#[test]
fn a_wrong_unit_would_be_noticed() {
    let (_folder, path) = unit();
    let text = fs::read_to_string(&path).expect("the unit");
    fs::write(&path, text.replace("NoNewPrivileges=", "NoNewPrivilege=")).expect("a file");
    assert!(analyze(&["verify"], &path).contains("plainsight.service"));
}

#[test]
fn the_unit_grants_what_the_readme_lists_and_ends_the_daemon_in_time() {
    let text = fs::read_to_string(folder().join("systemd/plainsight.service")).expect("the unit");
    let setting = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("{name} is not set"))
    };
    let granted: BTreeSet<String> = setting("CapabilityBoundingSet")
        .split(' ')
        .map(|name| name.trim_start_matches("CAP_").to_owned())
        .collect();
    let mut documented = readme_capabilities();
    // Here a limit does what that one is for.
    assert!(documented.remove("SYS_RESOURCE"));
    assert_eq!(setting("LimitMEMLOCK"), "infinity");
    assert_eq!(granted, documented);
    assert_eq!((setting("Type"), setting("NotifyAccess")), ("notify", "main"));
    let stop: u64 = setting("TimeoutStopSec").trim_end_matches('s').parse().expect("seconds");
    assert!(Config::default().daemon.drain_deadline.0.as_secs() + 5 <= stop);
    let Switch::On(memory) = Config::default().limits.memory else { panic!("memory has no bound") };
    let most: u64 = setting("MemoryMax").trim_end_matches('M').parse().expect("megabytes");
    assert!(memory.0 < most << 20);
    assert!(Config::default().export.otlp.0[0].queue.folder.starts_with("/var/lib/plainsight"));
    assert_eq!(setting("StateDirectory"), "plainsight");
}
