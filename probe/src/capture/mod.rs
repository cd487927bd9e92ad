//! Events from the kernel: loading and attaching the programs, reading their ring, counting what was lost.

mod btf;
mod cgroup;
mod decode;
mod event;
mod layout;
mod listeners;
mod load;
mod losses;
mod preemption;
mod process_events;
mod refusal;
mod ring;
mod verdicts;

pub use decode::{Decoded, chunk, decode, header, with_role};
pub use event::{
    Chunk, Closed, ConnectionId, Datagram, DialError, EndOfStream, Event, Failed, Flow, Opened, Process,
    Role, Transport,
};
pub use layout::{KERNEL_TYPES, LayoutError};
pub use listeners::Listeners;
pub use load::{
    AttachedHook, Capture, CaptureError, CaptureOptions, KernelFilter, MAX_RING_BYTES, MIN_RING_BYTES,
    ProgramTime, SystemCallHook, TriedHook, try_hooks,
};
pub use losses::Losses;
pub use process_events::{ProcessEvent, ProcessEvents};
pub use refusal::Refusal;
pub use verdicts::Verdicts;
