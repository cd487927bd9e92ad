//! What a process's program and place are: what is the same in every process that it forks.

use std::sync::Arc;

use super::{User, cgroup_path, environment::Declared};

/// What was read of a process. Processes that it forks share it until they start another program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// Path of the program.
    pub(super) exe: Option<Arc<str>>,
    /// The command line, if it was asked for.
    pub(super) command: Option<Arc<str>>,
    /// Who runs it.
    pub(super) user: Option<User>,
    /// Where it runs.
    pub(super) place: Place,
    /// The systemd service, outside of containers.
    pub(super) unit: Option<Box<str>>,
    /// What its environment declares.
    pub(super) declared: Declared,
}

impl Facts {
    /// Fills in what is not known from what was known before of the same process.
    pub(super) fn complete(&mut self, before: &Self) {
        // Taken apart, so that a new field cannot be forgotten here.
        let Self { exe, command, user, place, unit, declared } = self;
        *exe = exe.take().or_else(|| before.exe.clone());
        *command = command.take().or_else(|| before.command.clone());
        *user = user.take().or_else(|| before.user.clone());
        if *place == Place::default() && unit.is_none() {
            place.clone_from(&before.place);
            unit.clone_from(&before.unit);
        }
        if *declared == Declared::default() {
            declared.clone_from(&before.declared);
        }
    }
}

/// Where a process runs, by its control groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The container's id.
    pub(super) container: Option<Box<str>>,
    /// The pod's uid.
    pub(super) pod_uid: Option<Box<str>>,
}

impl Place {
    /// Where a process with these paths of control groups runs. On hosts with both versions of control groups some
    /// hierarchies do not know of containers; any that does will do.
    pub(super) fn of<'p>(paths: impl Iterator<Item = &'p str> + Clone) -> Self {
        Self {
            container: paths.clone().find_map(cgroup_path::container).map(Into::into),
            pod_uid: paths.clone().find_map(cgroup_path::pod),
        }
    }
}
