//! The resource of a container of which only its runtime tells, and no process.

use super::{
    Container, IdentitySettings, Pod, Resource, environment::Declared, facts::Facts, host::Host,
    service::Known,
};

/// Makes resources of containers.
#[derive(Debug)]
pub struct ContainerResources {
    settings: IdentitySettings,
    host: Host,
}

impl ContainerResources {
    /// For containers of this host.
    #[must_use]
    pub fn new(settings: &IdentitySettings) -> Self {
        // What is made here has no process.
        let settings = IdentitySettings { process_ids: false, ..settings.clone() };
        Self { host: Host::new(&settings.host_root, &settings.proc), settings }
    }

    /// The resource of a container with the environment that it was started with.
    #[must_use]
    pub fn of(
        &self,
        container: &Container,
        pod: Option<&Pod>,
        environment: &[(Box<str>, Box<str>)],
    ) -> Resource {
        let mut block = Vec::new();
        for (name, value) in environment.iter().filter(|(name, _)| name.starts_with("OTEL_")) {
            block.extend_from_slice(name.as_bytes());
            block.push(b'=');
            block.extend_from_slice(value.as_bytes());
            block.push(0);
        }
        let facts = Facts { declared: Declared::read(&block).0, ..Facts::default() };
        let Self { settings, host } = self;
        Known { settings, host, pid: 0, facts: &facts, container: Some(container), pod }.resource()
    }
}
