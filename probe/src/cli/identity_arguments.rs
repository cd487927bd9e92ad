//! How processes are named.

use std::path::PathBuf;

use clap::Args;

use crate::identity::{Identities, IdentitySettings, RuntimeSocket};

/// Options of what is told of processes and their containers.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Naming")]
pub(super) struct IdentityArguments {
    /// Socket of a container runtime, beside the usual places of containerd, CRI-O, Docker and Podman; may be given again
    #[arg(long = "container-runtime", value_name = "SOCKET")]
    container_runtimes: Vec<PathBuf>,

    /// Tell the command lines of processes, which may hold passwords
    #[arg(long)]
    command_lines: bool,

    /// Where the host's file system is mounted, if this runs in a container
    #[arg(long, value_name = "FOLDER", default_value = "/")]
    host_root: PathBuf,
}

impl IdentityArguments {
    /// Starts to name processes.
    pub(super) fn identities(&self) -> Identities {
        Identities::new(self.settings())
    }

    fn settings(&self) -> IdentitySettings {
        let told = self.container_runtimes.iter().map(|path| RuntimeSocket::of(path));
        IdentitySettings {
            runtimes: told.chain(RuntimeSocket::usual()).collect(),
            command_lines: self.command_lines,
            host_root: self.host_root.clone(),
            ..IdentitySettings::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::RuntimeKind;

    #[test]
    fn runtimes_that_are_named_are_asked_before_those_of_the_usual_places() {
        let arguments = IdentityArguments {
            container_runtimes: vec!["/srv/containerd.sock".into(), "/srv/docker.sock".into()],
            ..IdentityArguments::default()
        };
        let runtimes = arguments.settings().runtimes;
        let kinds: Vec<_> = runtimes.iter().map(|socket| socket.kind).take(2).collect();
        assert_eq!(kinds, [RuntimeKind::Cri, RuntimeKind::Docker]);
        assert_eq!(runtimes.len(), 2 + RuntimeSocket::usual().len());
    }
}
