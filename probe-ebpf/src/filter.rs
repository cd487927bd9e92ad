//! Filters that the kernel applies before it copies anything.

/// Names of threads that may be captured and left out, together.
pub const MOST_NAMES: u32 = 256;

/// Ports that may be captured and left out, together.
pub const MOST_PORTS: u32 = 1024;

/// Bits of the `FILTERS` global: which filter maps hold entries and how.
pub mod bits {
    /// Only processes whose id is in the map are captured.
    pub const PROCESS_ALLOW: u32 = 1;
    /// Processes whose id is in the map are left out.
    pub const PROCESS_DENY: u32 = 1 << 1;
    /// Only threads whose name is in the map are captured.
    pub const NAME_ALLOW: u32 = 1 << 2;
    /// Threads whose name is in the map are left out.
    pub const NAME_DENY: u32 = 1 << 3;
    /// Only cgroups in the map are captured.
    pub const CGROUP_ALLOW: u32 = 1 << 4;
    /// Cgroups in the map are left out.
    pub const CGROUP_DENY: u32 = 1 << 5;
    /// Only connections with a port in the map at either end are captured.
    pub const PORT_ALLOW: u32 = 1 << 6;
    /// Connections with a port in the map at either end are left out.
    pub const PORT_DENY: u32 = 1 << 7;
}

/// What a filter map says of a key.
pub mod rule {
    /// Capture it.
    pub const ALLOW: u8 = 1;
    /// Leave it out.
    pub const DENY: u8 = 2;
}
