//! Events from the kernel: loading and attaching the programs, reading their ring, counting what was lost.

mod event;

pub use event::{
    Chunk, Closed, ConnectionId, Datagram, EndOfStream, Event, Flow, Opened, Process, Role, Transport,
};
