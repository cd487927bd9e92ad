//! Container id, pod uid and systemd unit from the path of a control group.
//!
//! Runtimes name a container's group after its id, and the kubelet the pod's group above it after the pod's uid:
//!
//! | runtime | cgroupfs driver | systemd driver |
//! |---|---|---|
//! | Docker | `/docker/ID` | `/system.slice/docker-ID.scope` |
//! | containerd | `/kubepods/burstable/podUID/ID` | `/kubepods.slice/…-podUID.slice/cri-containerd-ID.scope` |
//! | containerd in a service's group | | `…-podUID.slice:cri-containerd:ID` |
//! | CRI-O | `/kubepods/podUID/crio-ID` | `/kubepods.slice/…-podUID.slice/crio-ID.scope` |
//! | Podman | `/libpod_parent/libpod-ID` | `/machine.slice/libpod-ID.scope/container` |
//!
//! Seen from a group namespace below the root, paths of groups outside of it begin with `/..` for each level, and end the
//! same.

/// Length of a container id in hexadecimal digits.
const CONTAINER_ID_LENGTH: usize = 64;

/// The container whose group a path is in, the innermost one if they are nested.
pub(super) fn container(path: &str) -> Option<&str> {
    path.rsplit('/').find_map(container_id)
}

/// The pod whose group a path is in, the innermost one if they are nested.
pub(super) fn pod(path: &str) -> Option<Box<str>> {
    if !path.contains("kubepods") {
        return None;
    }
    path.rsplit(['/', ':']).find_map(pod_uid).map(Into::into)
}

/// The systemd service whose group a path is in, the innermost one, without `.service`. The managers of sessions are none:
/// what people start by hand runs below them.
pub(super) fn service(path: &str) -> Option<&str> {
    let mut names = path.rsplit('/').filter_map(|segment| segment.strip_suffix(".service"));
    names.next().filter(|name| !name.is_empty() && !name.starts_with("user@"))
}

fn container_id(segment: &str) -> Option<&str> {
    let name = segment.strip_suffix(".scope").unwrap_or(segment);
    let (runtime, id) = name.rsplit_once(['-', ':']).unwrap_or(("", name));
    // conmon is the monitor beside the container, not a part of it.
    let is_id = id.len() == CONTAINER_ID_LENGTH && is_lower_hexadecimal(id) && !runtime.ends_with("conmon");
    is_id.then_some(id)
}

fn pod_uid(segment: &str) -> Option<String> {
    let name = segment.strip_suffix(".slice").unwrap_or(segment);
    let uid = match name.rsplit_once("-pod") {
        Some((quality, uid)) if quality.starts_with("kubepods") => uid,
        Some(_) => return None,
        None => name.strip_prefix("pod")?,
    };
    // systemd separates slices by dashes, so the kubelet writes those of a uid as underscores.
    let uid = uid.replace('_', "-");
    let is_manifest_hash = uid.len() == 32 && is_lower_hexadecimal(&uid);
    (is_uuid(&uid) || is_manifest_hash).then_some(uid)
}

/// RFC 9562 section 4: groups of 8, 4, 4, 4 and 12 hexadecimal digits.
fn is_uuid(text: &str) -> bool {
    let groups = text.split('-').map(str::len);
    groups.eq([8, 4, 4, 4, 12]) && text.split('-').all(is_lower_hexadecimal)
}

fn is_lower_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4f3c0ffee4f3c0ffee4f3c0ffee4f3c0ffee4f3c0ffee4f3c0ffee4f3c0ffee4";
    const UID: &str = "3c2d5a8e-1b4f-4c6d-9e7a-0f1e2d3c4b5a";

    fn of(path: &str) -> (Option<String>, Option<String>) {
        let path = path.replace("ID64", ID).replace("UID_", &UID.replace('-', "_")).replace("UID-", UID);
        (container(&path).map(Into::into), pod(&path).map(Into::into))
    }

    #[test]
    fn containers_of_every_runtime_are_recognised() {
        let paths = [
            "/docker/ID64",
            "/system.slice/docker-ID64.scope",
            "/docker/ID64/init.scope",
            "/machine.slice/libpod-ID64.scope",
            "/machine.slice/libpod-ID64.scope/container",
            "/libpod_parent/libpod-ID64",
            "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID64.scope",
            "/default/ID64",
            "/../../ID64",
            "/../../../system.slice/docker-ID64.scope",
            "/system.slice/containerd.service/ID64",
            "/user.slice/user-0.slice/user@0.service/user.slice/podman-7.scope/../libpod-ID64.scope",
        ];
        for path in paths {
            assert_eq!(of(path), (Some(ID.to_owned()), None), "{path}");
        }
    }

    #[test]
    fn pods_of_every_runtime_are_recognised_with_their_containers() {
        let paths = [
            "/kubepods/burstable/podUID-/ID64",
            "/kubepods/podUID-/crio-ID64",
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podUID_.slice/cri-containerd-ID64.scope",
            "/kubepods.slice/kubepods-podUID_.slice/crio-ID64.scope",
            "/system.slice/containerd.service/kubepods-besteffort-podUID_.slice:cri-containerd:ID64",
            "/kubelet.slice/kubelet-kubepods.slice/podUID-/ID64",
            "/../../kubepods-burstable.slice/kubepods-burstable-podUID_.slice/crio-ID64.scope/nested",
            "/k8s.io/kubepods/besteffort/podUID-/ID64",
        ];
        for path in paths {
            assert_eq!(of(path), (Some(ID.to_owned()), Some(UID.to_owned())), "{path}");
        }
    }

    #[test]
    fn a_static_pod_is_known_by_the_hash_of_its_manifest() {
        let hash = "0123456789abcdef0123456789abcdef";
        assert_eq!(of(&format!("/kubepods/burstable/pod{hash}/ID64")).1.as_deref(), Some(hash));
    }

    #[test]
    fn of_nested_containers_the_innermost_counts() {
        let outer = "a".repeat(CONTAINER_ID_LENGTH);
        let path = format!("/docker/{outer}/kubelet/kubepods/podUID-/ID64");
        assert_eq!(of(&path), (Some(ID.to_owned()), Some(UID.to_owned())));
    }

    #[test]
    fn what_is_no_container_is_not_taken_for_one() {
        let paths = [
            "/",
            "",
            "/user.slice/user-1000.slice/session-3.scope",
            "/system.slice/nginx.service",
            "/machine.slice/libpod-conmon-ID64.scope",
            "/system.slice/crio-conmon-ID64.scope",
            "/docker/ID64ff",
            "/system.slice/podman.service",
            "/app/podUID-",
        ];
        for path in paths {
            assert_eq!(of(path), (None, None), "{path}");
        }
    }

    #[test]
    fn a_service_is_known_by_its_unit_and_sessions_are_none() {
        assert_eq!(service("/system.slice/nginx.service"), Some("nginx"));
        assert_eq!(
            service("/../../system.slice/system-postgresql.slice/postgresql@15-main.service"),
            Some("postgresql@15-main")
        );
        assert_eq!(
            service("/user.slice/user-0.slice/user@0.service/app.slice/sync.service/sub"),
            Some("sync")
        );
        for path in [
            "/",
            "/user.slice/user-0.slice/user@0.service/app.slice",
            "/user.slice/user-0.slice/session-3.scope",
            "/.service",
        ] {
            assert_eq!(service(path), None, "{path}");
        }
    }
}
