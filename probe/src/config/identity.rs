//! Who is behind a connection, and how it is found out.

use std::path::PathBuf;

use super::{
    reader::Reader,
    scalar::Scalar,
    setting::{Setting, Shown, choice, section},
    yaml::{Content, Node},
};

section! {
    /// Who is behind a connection.
    Identity {
        /// Report the command line of processes. It may contain secrets.
        restart command_line: bool = false;
        /// Report ids of processes. Series and resources are then as many as processes.
        restart process_ids: bool = false;
        /// Labels of pods and containers to report, as in [app.kubernetes.io/name, team]; ["*"] stands for all.
        restart labels: Vec<String> = Vec::new();
        /// Annotations of pods to report; ["*"] stands for all.
        restart annotations: Vec<String> = Vec::new();
        /// Let the labels app.kubernetes.io/name, /version and /part-of of pods name services. Annotations
        /// resource.opentelemetry.io/* always do.
        restart labels_name_services: bool = false;
        /// Ask the Kubernetes API for the pods of this node. `auto`: where plainsight itself runs in a pod.
        restart kubernetes: Kubernetes = Kubernetes::Auto;
        /// The name of this node in Kubernetes; by itself, what the API says of plainsight's own pod.
        restart node: Option<String> = None, example "${NODE_NAME}";
        /// The name of the Kubernetes cluster, which Kubernetes itself does not know.
        restart cluster: Option<String> = None, example "production";
        /// Sockets of container runtimes, as in [/run/containerd/containerd.sock]. `auto` finds containerd, Docker, Podman
        /// and CRI-O; `off` asks none.
        restart runtimes: Runtimes = Runtimes::Auto;
        /// Where the host's file system is mounted, in a container: sockets and names of users are looked for below it.
        restart host_root: PathBuf = PathBuf::from("/");
    }
}

choice! {
    /// Whether the Kubernetes API is asked.
    Kubernetes {
        /// Where plainsight runs in a pod.
        Auto = "auto",
        /// Always.
        On = "on",
        /// Never.
        Off = "off",
    }
}

/// Which container runtimes are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runtimes {
    /// Those whose sockets are where they usually are.
    Auto,
    /// None.
    Off,
    /// Those behind these sockets.
    At(Vec<PathBuf>),
}

impl Setting for Runtimes {
    fn read(&mut self, node: &Node, reader: &mut Reader) {
        match &node.content {
            Content::Nothing => {}
            Content::Text(text) if text == "auto" => *self = Self::Auto,
            Content::Text(text) if text == "off" => *self = Self::Off,
            Content::Text(text) => reader.problem(
                node.line,
                format!(
                    "'{text}' cannot be used: write `auto`, `off`, or a list of sockets such as [{text}]"
                ),
            ),
            _ => {
                let mut sockets: Vec<PathBuf> = Vec::new();
                sockets.read(node, reader);
                match sockets.iter().find(|path| !path.is_absolute()) {
                    Some(path) => {
                        reader.problem(node.line, format!("'{}' is no absolute path", path.to_text()));
                    }
                    None => *self = Self::At(sockets),
                }
            }
        }
    }

    fn shown(&self) -> Shown {
        match self {
            Self::Auto => Shown::Line("auto".to_owned()),
            Self::Off => Shown::Line("off".to_owned()),
            Self::At(sockets) => sockets.shown(),
        }
    }
}
