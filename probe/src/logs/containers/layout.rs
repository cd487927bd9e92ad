//! Where a kubelet has the output of containers: `NAMESPACE_POD_UID/CONTAINER/RESTARTS.log` below one folder, and beside it what was
//! rotated, as `0.log.20260102-150405`, later with `.gz` (kubelet, pkg/kubelet/logs and pkg/kubelet/kuberuntime/helpers.go).

use std::path::{Path, PathBuf};

/// What a path tells of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PodLog<'a> {
    pub(super) namespace: &'a str,
    pub(super) pod: &'a str,
    pub(super) uid: &'a str,
    pub(super) container: &'a str,
    /// How often the container was restarted before.
    pub(super) restarts: u32,
    /// The file that is written to now, of which this one is, or was.
    pub(super) active: PathBuf,
}

impl<'a> PodLog<'a> {
    /// Takes a path below that folder apart.
    pub(super) fn parse(folder: &Path, path: &'a Path) -> Option<Self> {
        let mut names = path.strip_prefix(folder).ok()?.iter().map(|name| name.to_str());
        let (of_pod, container, file) = (names.next()??, names.next()??, names.next()??);
        if names.next().is_some() {
            return None;
        }
        // Names in Kubernetes have no underscores.
        let mut parts = of_pod.splitn(3, '_');
        let (namespace, pod, uid) = (parts.next()?, parts.next()?, parts.next()?);
        let (restarts, rest) = file.split_once(".log")?;
        let is_meant =
            rest.is_empty() || (rest.starts_with('.') && rest.ends_with(|end: char| end.is_ascii_digit()));
        if !is_meant || [namespace, pod, uid].iter().any(|part| part.is_empty()) {
            return None;
        }
        let restarts = restarts.parse().ok()?;
        let active = path.with_file_name(format!("{restarts}.log"));
        Some(Self { namespace, pod, uid, container, restarts, active })
    }

    /// Patterns of all such files, so that the walk need not look elsewhere.
    pub(super) fn patterns(folder: &str) -> [String; 2] {
        [format!("{folder}/*_*_*/*/*.log"), format!("{folder}/*_*_*/*/*.log.*[0-9]")]
    }
}

/// Whether a file is the one that a runtime writes to at that path, or was before it was rotated.
pub(super) fn is_rotated_from(path: &Path, active: &Path) -> bool {
    let (Some(name), Some(active_name)) = (path.file_name(), active.file_name()) else { return false };
    if path.parent() != active.parent() {
        return false;
    }
    let (name, active_name) = (name.as_encoded_bytes(), active_name.as_encoded_bytes());
    match name.strip_prefix(active_name) {
        Some([]) => true,
        Some([b'.', rest @ ..]) => rest.last().is_some_and(u8::is_ascii_digit),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_a_kubelet_tells_pod_container_and_restarts() {
        let folder = Path::new("/var/log/pods");
        let path = Path::new("/var/log/pods/shop_web-7d4b9c-x2x4z_3c2d-5a8e/app/2.log.20260102-150405");
        let log = PodLog::parse(folder, path).expect("one of a kubelet");
        assert_eq!(
            (log.namespace, log.pod, log.uid, log.container, log.restarts),
            ("shop", "web-7d4b9c-x2x4z", "3c2d-5a8e", "app", 2)
        );
        assert_eq!(log.active, Path::new("/var/log/pods/shop_web-7d4b9c-x2x4z_3c2d-5a8e/app/2.log"));
    }

    #[test]
    fn other_paths_tell_nothing() {
        let folder = Path::new("/var/log/pods");
        for path in [
            "/var/log/pods/a_b_c/app/0.log.20260102-150405.gz",
            "/var/log/pods/a_b_c/app/0.log.tmp",
            "/var/log/pods/a_b_c/app/x.log",
            "/var/log/pods/a_b/app/0.log",
            "/var/log/pods/a__c/app/0.log",
            "/var/log/pods/a_b_c/0.log",
            "/var/log/pods/a_b_c/app/more/0.log",
            "/elsewhere/a_b_c/app/0.log",
        ] {
            assert_eq!(PodLog::parse(folder, Path::new(path)), None, "{path}");
        }
    }

    #[test]
    fn rotated_files_belong_to_the_one_that_is_written_to() {
        let active = Path::new("/logs/c-json.log");
        for (path, is_one) in [
            ("/logs/c-json.log", true),
            ("/logs/c-json.log.1", true),
            ("/logs/c-json.log.1.gz", false),
            ("/logs/c-json.logs", false),
            ("/other/c-json.log", false),
        ] {
            assert_eq!(is_rotated_from(Path::new(path), active), is_one, "{path}");
        }
    }
}
