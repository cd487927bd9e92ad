//! What one pipeline does.

use std::{sync::Arc, time::Duration};

use crate::{
    identity::Resource,
    logs::{
        containers::ContainerSettings,
        discover::Patterns,
        records::{EncoderLimits, Plan},
    },
};

/// What one pipeline follows, and how.
#[derive(Debug, Clone)]
pub struct PipelineSettings {
    /// What it is called, in checkpoints, too.
    pub name: String,
    /// Which files.
    pub patterns: Patterns,
    /// Which files of containers.
    pub containers: Option<ContainerSettings>,
    /// How records are made.
    pub plan: Arc<Plan>,
    /// Whose records they are.
    pub resource: Arc<Resource>,
    /// Whether files that are there at the very first start are read from their end.
    pub starts_at_end: bool,
    /// Bytes that may wait for destinations; then nothing is read.
    pub memory_bytes: usize,
    /// Bytes that are read in a second.
    pub bytes_per_second: Option<u64>,
    /// How large requests get.
    pub limits: EncoderLimits,
    /// How long a record waits for company.
    pub delay: Duration,
}
