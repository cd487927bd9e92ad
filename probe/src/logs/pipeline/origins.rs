//! Which files a pipeline follows, and whose they are: those of the host, and those of containers.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::settings::PipelineSettings;
use crate::logs::{
    containers::{ContainerFiles, ContainerShown, Origin},
    discover::{PatternError, Walk},
};

pub(super) struct Origins {
    settings: Arc<PipelineSettings>,
    containers: Option<ContainerFiles>,
}

/// A look at all of them.
pub(super) struct Look {
    pub(super) walk: Walk,
    /// Whether there are files of which it is not known yet whose they are.
    pub(super) is_waiting: bool,
    /// Files of containers that came later than this are not in it, in nanoseconds since 1970.
    pub(super) until_ns: u64,
    /// Folders through which writes are heard, and what they are called.
    pub(super) through: Vec<(PathBuf, PathBuf)>,
    /// What is to be said of containers: subject and sentence.
    pub(super) said: Vec<(String, String)>,
}

impl Origins {
    /// # Errors
    /// If a pattern of containers' files cannot be used.
    pub(super) fn new(settings: Arc<PipelineSettings>) -> Result<Self, PatternError> {
        let containers = settings.containers.clone().map(ContainerFiles::new).transpose()?;
        Ok(Self { settings, containers })
    }

    /// Looks at all files; nothing while it is not known which containers there are.
    pub(super) fn look(&mut self) -> Option<Look> {
        if self.containers.as_ref().is_some_and(|containers| !containers.is_ready()) {
            return None;
        }
        let walk = self.settings.patterns.walk();
        let mut look =
            Look { walk, is_waiting: false, until_ns: u64::MAX, through: Vec::new(), said: Vec::new() };
        let Some(containers) = &mut self.containers else { return Some(look) };
        let of_containers = containers.walk();
        look.is_waiting = of_containers.is_waiting;
        look.until_ns = of_containers.known_ns.unwrap_or(u64::MAX);
        look.through = of_containers.through;
        look.said = of_containers.said;
        look.walk.extend(of_containers.walk);
        Some(look)
    }

    /// Whether containers have changed since the last look.
    pub(super) fn has_news(&self) -> bool {
        self.containers.as_ref().is_some_and(|containers| containers.has_news() && containers.is_ready())
    }

    /// Whether this path is followed.
    pub(super) fn matches(&self, path: &Path) -> bool {
        self.settings.patterns.matches(path)
            || self.containers.as_ref().is_some_and(|containers| containers.matches(path))
    }

    /// Whether it may be, which only a look tells.
    pub(super) fn may_match(&self, path: &Path) -> bool {
        self.containers.as_ref().is_some_and(|containers| containers.may_match(path))
    }

    /// Whose records those of a file are; nothing if it is none of a selected container.
    pub(super) fn origin(&self, path: &Path) -> Option<Origin> {
        let containers = self.containers.as_ref();
        if let Some(origin) = containers.and_then(|containers| containers.origin(path)) {
            return Some(origin);
        }
        // What was renamed while nobody looked need not match.
        let is_of_host = containers.is_none_or(|containers| !containers.covers(path))
            || self.settings.patterns.matches(path);
        is_of_host
            .then(|| Origin::of_host(Arc::clone(&self.settings.resource), Arc::clone(&self.settings.plan)))
    }

    /// The containers that are followed, and how many there are beyond those shown.
    pub(super) fn shown(&self) -> (Vec<ContainerShown>, usize) {
        self.containers.as_ref().map(ContainerFiles::shown).unwrap_or_default()
    }
}
