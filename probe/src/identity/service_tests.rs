//! Names of services, and all that goes with them.

use super::*;
use crate::identity::{Image, Owner, OwnerKind, environment::Declared};

struct Example {
    settings: IdentitySettings,
    host: Host,
    facts: Facts,
    container: Option<Container>,
    pod: Option<Pod>,
}

impl Default for Example {
    fn default() -> Self {
        Self {
            settings: IdentitySettings::default(),
            host: Host { name: Some("node-1".into()), id: Some("0123".into()) },
            facts: Facts { exe: Some("/usr/sbin/nginx".into()), ..Facts::default() },
            container: None,
            pod: None,
        }
    }
}

impl Example {
    fn resource(&self) -> Resource {
        let Self { settings, host, facts, container, pod } = self;
        Known { settings, host, pid: 77, facts, container: container.as_ref(), pod: pod.as_ref() }.resource()
    }

    fn in_pod() -> Self {
        let container = Container {
            id: "c".repeat(64).into(),
            name: Some("app".into()),
            image: Image::parse("docker.io/shop/web:1.4@sha256:dd"),
            ..Container::default()
        };
        let owner = |kind, name: &str| Owner { kind, name: name.into() };
        let pod = Pod {
            pod_uid: "1-2-3".into(),
            namespace: Some("shop".into()),
            name: Some("web-7d4b9c-x2x4z".into()),
            node: Some("node-1".into()),
            owners: vec![owner(OwnerKind::ReplicaSet, "web-7d4b9c"), owner(OwnerKind::Deployment, "web")],
            labels: labels(&[("app.kubernetes.io/name", "shop-web"), ("tier", "front"), ("empty", "")]),
            ..Pod::default()
        };
        Self { container: Some(container), pod: Some(pod), ..Self::default() }
    }
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::new(pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())))
}

fn text<'r>(resource: &'r Resource, name: &str) -> Option<&'r str> {
    resource.attributes.iter().find_map(|(known, value)| match value {
        ResourceValue::Text(text) if **known == *name => Some(&**text),
        _ => None,
    })
}

#[test]
fn a_process_of_which_nothing_is_known_is_an_unknown_service_by_its_program() {
    let mut example = Example::default();
    let resource = example.resource();
    assert_eq!(&*resource.service_name, "unknown_service:nginx");
    for (name, value) in [
        ("service.name", Some("unknown_service:nginx")),
        ("host.name", Some("node-1")),
        ("host.id", Some("0123")),
        ("os.type", Some("linux")),
        ("process.executable.name", Some("nginx")),
        ("telemetry.sdk.name", Some("plainsight")),
        ("service.instance.id", None),
        ("service.namespace", None),
        ("process.pid", None),
    ] {
        assert_eq!(text(&resource, name), value, "{name}");
    }
    example.facts.exe = None;
    assert_eq!(&*example.resource().service_name, "unknown_service");
}

#[test]
fn attributes_are_sorted_and_unique() {
    let resource = Example::in_pod().resource();
    let names: Vec<_> = resource.attributes.iter().map(|(name, _)| name.clone()).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(names, sorted);
}

#[test]
fn in_a_pod_the_topmost_owner_names_the_service_and_everything_tells_where_it_runs() {
    let resource = Example::in_pod().resource();
    for (name, value) in [
        ("service.name", "web"),
        ("service.namespace", "shop"),
        ("service.version", "1.4@sha256:dd"),
        ("service.instance.id", "shop.web-7d4b9c-x2x4z.app"),
        ("container.id", &*"c".repeat(64)),
        ("container.name", "app"),
        ("container.image.name", "docker.io/shop/web"),
        ("k8s.namespace.name", "shop"),
        ("k8s.pod.name", "web-7d4b9c-x2x4z"),
        ("k8s.pod.uid", "1-2-3"),
        ("k8s.node.name", "node-1"),
        ("k8s.container.name", "app"),
        ("k8s.deployment.name", "web"),
        ("k8s.replicaset.name", "web-7d4b9c"),
    ] {
        assert_eq!(text(&resource, name), Some(value), "{name}");
    }
    let of =
        |wanted: &str| resource.attributes.iter().find(|(name, _)| **name == *wanted).map(|(_, value)| value);
    assert_eq!(of("container.image.tags"), Some(&ResourceValue::Texts(vec!["1.4".into()])));
    let digests = ResourceValue::Texts(vec!["docker.io/shop/web@sha256:dd".into()]);
    assert_eq!(of("container.image.repo_digests"), Some(&digests));
}

#[test]
fn owners_name_the_service_in_the_order_of_the_conventions_whatever_theirs() {
    let mut example = Example::in_pod();
    let mut name = |owners: &[(OwnerKind, &str)]| {
        let pod = example.pod.as_mut().expect("a pod");
        pod.owners = owners.iter().map(|&(kind, name)| Owner { kind, name: name.into() }).collect();
        example.resource().service_name
    };
    assert_eq!(&*name(&[(OwnerKind::Job, "j"), (OwnerKind::CronJob, "nightly")]), "nightly");
    assert_eq!(&*name(&[(OwnerKind::StatefulSet, "db")]), "db");
    assert_eq!(&*name(&[]), "web-7d4b9c-x2x4z");
}

#[test]
fn labels_name_services_on_request_only() {
    let mut example = Example::in_pod();
    assert_eq!(&*example.resource().service_name, "web");
    example.settings.labels_name_services = true;
    assert_eq!(&*example.resource().service_name, "shop-web");
    let pod = example.pod.as_mut().expect("a pod");
    pod.labels = labels(&[
        ("app.kubernetes.io/name", "n"),
        ("app.kubernetes.io/instance", "i"),
        ("app.kubernetes.io/version", "9"),
    ]);
    let resource = example.resource();
    assert_eq!((&*resource.service_name, text(&resource, "service.version")), ("i", Some("9")));
}

#[test]
fn annotations_count_before_labels_and_become_attributes() {
    let mut example = Example::in_pod();
    example.settings.labels_name_services = true;
    let pod = example.pod.as_mut().expect("a pod");
    pod.annotations = labels(&[
        ("resource.opentelemetry.io/service.name", "annotated"),
        ("resource.opentelemetry.io/service.namespace", "ns"),
        ("resource.opentelemetry.io/team.name", "red"),
        ("resource.opentelemetry.io/", "nothing"),
        ("other/key", "x"),
    ]);
    let resource = example.resource();
    assert_eq!((&*resource.service_name, resource.service_namespace.as_deref()), ("annotated", Some("ns")));
    assert_eq!(text(&resource, "team.name"), Some("red"));
    assert_eq!(text(&resource, "other/key"), None);
}

#[test]
fn the_programs_own_environment_counts_before_all_else() {
    let mut example = Example::in_pod();
    let pod = example.pod.as_mut().expect("a pod");
    pod.annotations = labels(&[("resource.opentelemetry.io/service.name", "annotated")]);
    let environment = "OTEL_RESOURCE_ATTRIBUTES=service.name=listed,service.version=2,k8s.pod.name=x,telemetry.sdk.name=y\0";
    example.facts.declared = Declared::read(environment.as_bytes()).0;
    let resource = example.resource();
    assert_eq!(&*resource.service_name, "listed");
    assert_eq!(text(&resource, "service.version"), Some("2"));
    assert_eq!(text(&resource, "k8s.pod.name"), Some("x"));
    assert_eq!(text(&resource, "telemetry.sdk.name"), Some("plainsight"));
    example.facts.declared.service_name = Some("named".into());
    assert_eq!(&*example.resource().service_name, "named");
}

#[test]
fn outside_of_kubernetes_compose_or_the_container_names_the_service() {
    let mut example = Example { pod: None, ..Example::in_pod() };
    example.facts.unit = Some("containerd".into());
    let resource = example.resource();
    assert_eq!(&*resource.service_name, "app");
    assert_eq!(text(&resource, "service.instance.id"), Some(&*"c".repeat(64)));
    let container = example.container.as_mut().expect("a container");
    container.labels =
        labels(&[("com.docker.compose.service", "web"), ("com.docker.compose.project", "shop")]);
    let resource = example.resource();
    assert_eq!((&*resource.service_name, resource.service_namespace.as_deref()), ("web", Some("shop")));
}

#[test]
fn a_container_that_no_runtime_named_is_not_called_after_the_runtimes_unit() {
    let mut example = Example {
        container: Some(Container { id: "c".repeat(64).into(), ..Container::default() }),
        ..Example::default()
    };
    example.facts.unit = Some("containerd".into());
    assert_eq!(&*example.resource().service_name, "unknown_service:nginx");
}

#[test]
fn a_systemd_service_is_called_after_its_unit() {
    let mut example = Example::default();
    example.facts.unit = Some("nginx".into());
    assert_eq!(&*example.resource().service_name, "nginx");
}

#[test]
fn labels_and_annotations_of_pods_are_attributes_on_request() {
    let mut example = Example::in_pod();
    assert_eq!(text(&example.resource(), "k8s.pod.label.tier"), None);
    example.settings.pod_labels = vec!["tier".into(), "absent".into()];
    assert_eq!(text(&example.resource(), "k8s.pod.label.tier"), Some("front"));
    assert_eq!(text(&example.resource(), "k8s.pod.label.empty"), None);
    example.settings.pod_labels = vec!["*".into()];
    assert_eq!(text(&example.resource(), "k8s.pod.label.empty"), Some(""));
}

#[test]
fn the_process_id_is_in_the_resource_on_request_only() {
    let mut example = Example::default();
    example.settings.process_ids = true;
    let resource = example.resource();
    assert!(resource.attributes.contains(&("process.pid".into(), ResourceValue::Integer(77))));
}
