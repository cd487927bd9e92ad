//! Which TCP ports listen: what tells the role of a connection that is older than the observation.

use std::collections::HashSet;

use procfs::{net::TcpState, process::Process};

/// More listening ports than this are not remembered; a host has hundreds, one of many containers thousands.
const MAX_LISTENERS: usize = 65_536;

/// Listening ports by network namespace.
#[derive(Debug, Default)]
pub struct Listeners {
    ports: HashSet<(u32, u16)>,
    refused: u64,
}

impl Listeners {
    /// Reads the listening ports of every network namespace that a process lives in.
    #[must_use]
    pub fn scan() -> Self {
        let mut listeners = Self::default();
        let mut namespaces = HashSet::new();
        let Ok(processes) = procfs::process::all_processes() else {
            return listeners;
        };
        for process in processes.flatten() {
            let Some(namespace) = network_namespace(&process) else {
                continue;
            };
            if namespaces.insert(namespace) {
                listeners.scan_namespace(&process, namespace);
            }
        }
        listeners
    }

    fn scan_namespace(&mut self, process: &Process, namespace: u32) {
        let tables = [process.tcp(), process.tcp6()];
        for entry in tables.into_iter().flatten().flatten() {
            if entry.state == TcpState::Listen {
                self.insert(namespace, entry.local_address.port());
            }
        }
    }

    /// Notes that a port began to listen. It stays known when the listener is gone: connections that it accepted live
    /// on, and another process or address may share the port.
    pub fn insert(&mut self, network_namespace: u32, port: u16) {
        if self.ports.len() < MAX_LISTENERS {
            self.ports.insert((network_namespace, port));
        } else {
            self.refused += 1;
        }
    }

    /// Whether a port is known to listen, or to have listened.
    #[must_use]
    pub fn contains(&self, network_namespace: u32, port: u16) -> bool {
        self.ports.contains(&(network_namespace, port))
    }

    /// Ports that were not remembered because there were too many.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }
}

fn network_namespace(process: &Process) -> Option<u32> {
    let namespaces = process.namespaces().ok()?;
    let net = namespaces.0.get(std::ffi::OsStr::new("net"))?;
    u32::try_from(net.identifier).ok()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_port_that_listens_is_found_in_its_namespace_and_no_other() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let own = network_namespace(&Process::myself().expect("procfs")).expect("a namespace");
        let listeners = Listeners::scan();
        assert!(listeners.contains(own, port));
        assert!(!listeners.contains(own.wrapping_add(1), port));
    }

    #[test]
    fn no_more_ports_are_remembered_than_the_bound_and_the_rest_is_counted() {
        let mut listeners = Listeners::default();
        for namespace in 0..3 {
            for port in 0..=u16::MAX {
                listeners.insert(namespace, port);
            }
        }
        assert_eq!(listeners.ports.len(), MAX_LISTENERS);
        assert_eq!(listeners.refused(), 2 * 65_536);
    }
}
