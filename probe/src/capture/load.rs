//! Loads the kernel programs and attaches them.

use std::{ops::Deref, os::fd::AsFd as _, path::Path, time::Duration};

use aya::{
    Btf, Ebpf, EbpfLoader, include_bytes_aligned,
    maps::{Array, HashMap, Map, MapData, PerCpuArray, ProgramArray, RingBuf},
    programs::{BtfTracePoint, CgroupAttachMode, CgroupSockAddr, Program, ProgramError, RawTracePoint},
};
use probe_ebpf::{
    filter::{bits, rule},
    record::{PAYLOAD_PER_CALL, PAYLOAD_PER_RECORD},
    ring::SEGMENT_BYTES,
};
use rustix::{
    event::{PollFd, PollFlags, poll},
    time::Timespec,
};
use thiserror::Error;

use super::{
    cgroup,
    layout::{self, KERNEL_TYPES, LayoutError},
    losses::Losses,
    preemption,
    process_events::ProcessEvents,
    refusal::Refusal,
    ring::{Rings, Segments},
    verdicts::Verdicts,
};
use crate::heap;

static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/plainsight-probe"));

/// The smallest ring: a few records of the largest size.
pub const MIN_RING_BYTES: u32 = 64 << 10;
/// The largest ring the kernel is asked for.
pub const MAX_RING_BYTES: u32 = 1 << 30;

/// What to capture and how much to hold.
#[derive(Debug, Clone)]
pub struct CaptureOptions {
    /// Size of the rings between kernel and userspace, those of all CPUs together; rounded up to a power of two, between
    /// [`MIN_RING_BYTES`] and [`MAX_RING_BYTES`]. Records of connections' lives have an eighth as much beside it.
    pub ring_bytes: u32,
    /// How many bytes of each call are copied, 65,536 at most.
    pub payload_bytes: u32,
    /// How many TCP connections are known at once.
    pub connections: u32,
    /// What the kernel leaves out.
    pub filter: KernelFilter,
    /// Which form of the system call hook to use.
    pub hook: SystemCallHook,
    /// Whether processes are told of when they are forked, start programs and end. Without, a process that lives for a
    /// moment may be gone before it can be named.
    pub processes: bool,
}

impl Default for CaptureOptions {
    fn default() -> Self {
        Self {
            ring_bytes: 16 << 20,
            payload_bytes: PAYLOAD_PER_RECORD as u32,
            connections: 65_536,
            filter: KernelFilter::default(),
            hook: SystemCallHook::Best,
            processes: true,
        }
    }
}

/// Where calls are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemCallHook {
    /// The socket layer's tracepoints if the kernel has them (from 6.3), else the exit of system calls.
    Best,
    /// The exit of system calls as a BTF tracepoint (from 5.12), else as a raw one.
    Exit,
    /// The exit of system calls as a raw tracepoint, whatever the kernel could do.
    Raw,
}

/// What the kernel leaves out before it copies anything. An empty list admits everything.
#[derive(Debug, Clone, Default)]
pub struct KernelFilter {
    /// Only these processes.
    pub only_processes: Vec<u32>,
    /// Only threads of these names; names are cut to 15 bytes, as the kernel's are.
    pub only_names: Vec<String>,
    /// No threads of these names.
    pub without_names: Vec<String>,
    /// Only these cgroups, by id.
    pub only_cgroups: Vec<u64>,
    /// Only connections with one of these ports at either end.
    pub only_ports: Vec<u16>,
    /// No connections with one of these ports at either end.
    pub without_ports: Vec<u16>,
}

/// Why capture could not begin.
#[derive(Debug, Error)]
pub enum CaptureError {
    /// Not enough privilege.
    #[error(
        "loading programs into the kernel was refused ({0}): run as root, or with the capabilities CAP_BPF and \
         CAP_PERFMON (CAP_SYS_ADMIN before Linux 5.8)"
    )]
    NotPermitted(Refusal),
    /// The kernel's structures are not known.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The programs or their maps were refused.
    #[error("the kernel refused {what}: {reason}")]
    Refused {
        /// What was being loaded or attached.
        what: String,
        /// What the kernel said.
        reason: Refusal,
    },
}

/// A hook and how it is attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachedHook {
    /// The tracepoint.
    pub name: &'static str,
    /// `BTF tracepoint` or `raw tracepoint`.
    pub form: &'static str,
    /// Why a better form was not used, where that is so.
    pub note: Option<Refusal>,
}

/// What a program took of the processors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramTime {
    /// Its name in the object.
    pub program: String,
    /// How often it ran.
    pub runs: u64,
    /// How long that took.
    pub time: Duration,
}

/// The attached programs. Dropping it detaches them.
pub struct Capture {
    /// Holds the links.
    programs: Ebpf,
    life: RingBuf<MapData>,
    processes: Option<ProcessEvents>,
    wakes: RingBuf<MapData>,
    rings: Rings,
    watches_splice: bool,
    counters: PerCpuArray<MapData, u64>,
    hooks: Vec<AttachedHook>,
}

impl Capture {
    /// Loads and attaches.
    ///
    /// # Errors
    /// If the host does not allow it; the sentence names the remedy.
    pub fn attach(options: &CaptureOptions) -> Result<(Self, Verdicts), CaptureError> {
        let types = Btf::from_sys_fs().map_err(|error| error.to_string());
        let mut programs = load(options, types.as_ref().ok())?;
        write_filter(&mut programs, &options.filter)?;
        let mut hooks = LIFE_HOOKS
            .into_iter()
            .map(|tracepoint| attach_raw(&mut programs, tracepoint, tracepoint))
            .collect::<Result<Vec<_>, _>>()?;
        if preemption::lanes() > 1 {
            for (program, tracepoint) in LIFE_STAND_INS {
                attach_raw(&mut programs, program, tracepoint)?;
            }
        }
        let life = RingBuf::try_from(take(&mut programs, "EVENTS")?).map_err(|e| refused("the ring", &e))?;
        let processes =
            RingBuf::try_from(take(&mut programs, "PROCESSES")?).map_err(|e| refused("the ring", &e))?;
        let wakes = RingBuf::try_from(take(&mut programs, "WAKES")?).map_err(|e| refused("the ring", &e))?;
        let rings = map_rings(&programs, options)?;
        let verdicts = Array::try_from(take(&mut programs, "VERDICTS")?).map_err(|e| refused("a map", &e))?;
        let counters =
            PerCpuArray::try_from(take(&mut programs, "COUNTERS")?).map_err(|e| refused("a map", &e))?;
        hooks.extend(attach_calls(&mut programs, &types, options.hook)?);
        // The exit of system calls sees splice by itself.
        let watches_splice = !hooks.iter().any(|hook| hook.name == SOCKET_HOOKS[0]);
        let mut of_processes = Vec::new();
        if options.processes {
            // Refused, they leave short-lived processes without names, and everything else as it is.
            let attached =
                PROCESS_HOOKS.into_iter().filter_map(|name| attach_raw(&mut programs, name, name).ok());
            of_processes.extend(attached);
            if preemption::lanes() > 1 {
                // What they would have seen in place of one that was refused they do not see either.
                for (program, tracepoint) in PROCESS_STAND_INS {
                    drop(attach_raw(&mut programs, program, tracepoint));
                }
            }
        }
        let processes = (!of_processes.is_empty()).then(|| ProcessEvents::new(processes));
        hooks.extend(of_processes);
        // Nobody needs the kernel's types any longer.
        drop(types);
        heap::give_back();
        let capture = Self { programs, life, processes, wakes, rings, watches_splice, counters, hooks };
        Ok((capture, Verdicts::new(verdicts)))
    }

    /// What the kernel tells of processes, for whoever names them; once, and only if it does.
    pub fn take_process_events(&mut self) -> Option<ProcessEvents> {
        self.processes.take()
    }

    /// The next record of a connection's life, `None` if there is none yet. It leaves the ring when it is dropped.
    pub fn next_life_record(&mut self) -> Option<impl Deref<Target = [u8]>> {
        self.life.next()
    }

    /// Fixes what the next call of [`Capture::read_moved`] reads: everything that has been moved by now.
    pub fn mark_moved(&mut self) {
        self.rings.begin_pass();
    }

    /// Calls `take` with each record of what calls moved, up to the mark, in order of time. Gives how many there were.
    pub fn read_moved(&mut self, take: impl FnMut(&[u8])) -> usize {
        self.rings.pass(take)
    }

    /// Times that what stood in a ring was none of the records that programs write.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.rings.unreadable()
    }

    /// Attaches what sees splice read from a stream, once there is a reason to: it costs a little at every other read.
    ///
    /// # Errors
    /// If the kernel refuses. Splice then shows as a gap, at the next call on the connection.
    pub fn watch_splice(&mut self) -> Result<(), CaptureError> {
        if !std::mem::replace(&mut self.watches_splice, true) {
            let entry = program::<BtfTracePoint>(&mut self.programs, SPLICE_HOOK)?;
            entry.attach().map_err(|error| refused(SPLICE_HOOK, &error))?;
        }
        Ok(())
    }

    /// Waits for so long, or until a program finds that there is much to read.
    pub fn wait(&mut self, most: Duration) {
        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(most.subsec_nanos()) };
        let mut wanted = [PollFd::new(&self.wakes, PollFlags::IN)];
        let waited = poll(&mut wanted, Some(&timeout));
        // What woke the thread is thrown away already, and leaves the ring when the next record is looked for.
        let records = std::iter::from_fn(|| self.wakes.next().map(drop)).count();
        if waited.is_err() || records > 0 {
            // Interrupted, or refused, which is no reason to spin.
            std::thread::sleep(most);
        }
    }

    /// What is attached, and how.
    #[must_use]
    pub fn hooks(&self) -> &[AttachedHook] {
        &self.hooks
    }

    /// What each program took of the processors so far, those left out that the kernel counts nothing of: it does so only
    /// while `kernel.bpf_stats_enabled` is 1, for counting costs some nanoseconds at each run.
    pub fn program_times(&self) -> impl Iterator<Item = ProgramTime> {
        self.programs.programs().filter_map(|(name, program)| {
            let info = program.info().ok().filter(|info| info.run_count() > 0)?;
            Some(ProgramTime { program: name.to_owned(), runs: info.run_count(), time: info.run_time() })
        })
    }

    /// What the programs have counted so far.
    #[must_use]
    pub fn losses(&self) -> Losses {
        Losses::read(&self.counters)
    }
}

/// The hooks of a connection's life, whose programs are named after them. The last to attach is the first to make
/// entries in the connection table, so that none is made whose end would go unseen.
const LIFE_HOOKS: [&str; 3] = ["tcp_destroy_sock", "inet_sock_set_state", "tcp_retransmit_skb"];

/// Programs that stand in for those of a connection's life where the kernel leaves these out, and their hooks. They are
/// attached later, so that they run later.
const LIFE_STAND_INS: [(&str, &str); 4] = [
    ("second_tcp_destroy_sock", "tcp_destroy_sock"),
    ("second_inet_sock_set_state", "inet_sock_set_state"),
    ("third_tcp_destroy_sock", "tcp_destroy_sock"),
    ("third_inet_sock_set_state", "inet_sock_set_state"),
];

/// The hooks of processes, whose programs are named after them.
const PROCESS_HOOKS: [&str; 3] = ["sched_process_exit", "sched_process_fork", "sched_process_exec"];

/// Programs that stand in for these where the kernel leaves them out, and their hooks.
const PROCESS_STAND_INS: [(&str, &str); 6] = [
    ("second_sched_process_exit", "sched_process_exit"),
    ("second_sched_process_fork", "sched_process_fork"),
    ("second_sched_process_exec", "sched_process_exec"),
    ("third_sched_process_exit", "sched_process_exit"),
    ("third_sched_process_fork", "sched_process_fork"),
    ("third_sched_process_exec", "sched_process_exec"),
];

/// What came of attaching a hook.
#[derive(Debug)]
pub struct TriedHook {
    /// The tracepoint.
    pub name: &'static str,
    /// How it was attached, or why it was not.
    pub attached: Result<AttachedHook, CaptureError>,
}

/// Attaches each hook for a moment, one whether or not another can be, with the default ring.
///
/// # Errors
/// If not even the maps of the programs can be made.
pub fn try_hooks() -> Result<Vec<TriedHook>, CaptureError> {
    let types = Btf::from_sys_fs().map_err(|error| error.to_string());
    let mut programs = load(&CaptureOptions::default(), types.as_ref().ok())?;
    let mut tried: Vec<_> = LIFE_HOOKS
        .into_iter()
        .chain(PROCESS_HOOKS)
        .map(|name| TriedHook { name, attached: attach_raw(&mut programs, name, name) })
        .collect();
    match attach_calls(&mut programs, &types, SystemCallHook::Best) {
        Ok(hooks) => {
            tried.extend(hooks.into_iter().map(|hook| TriedHook { name: hook.name, attached: Ok(hook) }));
        }
        Err(error) => tried.push(TriedHook { name: "sys_exit", attached: Err(error) }),
    }
    Ok(tried)
}

/// Makes the maps and sets the globals.
///
/// The kernel's types are read once for everything: they take twenty megabytes and a tenth of a second each time.
fn load(options: &CaptureOptions, types: Option<&Btf>) -> Result<Ebpf, CaptureError> {
    let offsets = layout::offsets(Path::new(KERNEL_TYPES))?;
    let ring_bytes = ring_bytes(options);
    let payload_bytes = options.payload_bytes.min(PAYLOAD_PER_CALL as u32);
    // Half full at most, so that nearly every connection finds room near where it hashes to.
    let slots = options.connections.clamp(1, 1 << 24).next_power_of_two() * 2;
    let segments = segments(ring_bytes);
    let cpus = u32::try_from(cpus()).unwrap_or(u32::MAX);
    let filters = filter_bits(&options.filter);
    let own_process = std::process::id();
    let nested = segments.nested();
    EbpfLoader::new()
        .btf(types)
        .override_global("LAYOUT", offsets.as_slice(), true)
        .override_global("OWN_PROCESS", &own_process, true)
        .override_global("FILTERS", &filters, true)
        .override_global("PAYLOAD_BYTES", &payload_bytes, true)
        .override_global("NEAR_SEGMENTS", &segments.near, true)
        .override_global("FAR_SEGMENTS", &segments.far, true)
        .override_global("NESTED_SEGMENTS", &nested, true)
        .override_global("LANES", &segments.lanes, true)
        .map_max_entries("EVENTS", (ring_bytes / 8).max(MIN_RING_BYTES))
        .map_max_entries("RINGS", cpus.saturating_mul(segments.together()))
        .map_max_entries("CURSORS", cpus.saturating_mul(segments.cursors()))
        .override_global("CONNECTION_SLOTS", &slots, true)
        .map_max_entries("CONNECTIONS", slots)
        .map_max_entries("CLAIMS", options.connections)
        .load(OBJECT)
        .map_err(|error| refused("the maps of the capture programs", &error))
}

/// Attaches what watches calls, in the best form that the kernel takes.
fn attach_calls(
    programs: &mut Ebpf,
    types: &Result<Btf, String>,
    hook: SystemCallHook,
) -> Result<Vec<AttachedHook>, CaptureError> {
    let mut note = None;
    if hook == SystemCallHook::Best {
        match attach_socket_layer(programs, types) {
            Ok(hooks) => return Ok(hooks),
            Err(reason) => note = Some(reason),
        }
    }
    if hook != SystemCallHook::Raw {
        match attach_typed(programs, types, "step_typed", "STEPS_TYPED", &[("sys_exit_typed", "sys_exit")]) {
            Ok(()) => return Ok(vec![AttachedHook { name: "sys_exit", form: BTF_TRACEPOINT, note }]),
            Err(reason) => {
                note = Some(match note {
                    Some(first) => reason.after(first),
                    None => reason,
                });
            }
        }
    }
    let step = program::<RawTracePoint>(programs, "step_raw")?;
    step.load().map_err(|error| refused("step_raw", &error))?;
    let step =
        step.fd().and_then(|fd| fd.try_clone().map_err(Into::into)).map_err(|e| refused("step_raw", &e))?;
    set_step(programs, "STEPS_RAW", &step)?;
    Ok(vec![AttachedHook { note, ..attach_raw(programs, "sys_exit_raw", "sys_exit")? }])
}

const BTF_TRACEPOINT: &str = "BTF tracepoint";

/// The hooks of the socket layer, whose programs are named after them.
const SOCKET_HOOKS: [&str; 2] = ["sock_send_length", "sock_recv_length"];

/// Programs that stand in for these where the kernel leaves them out, and their hooks.
const SOCKET_STAND_INS: [(&str, &str); 4] = [
    ("second_sock_send_length", SOCKET_HOOKS[0]),
    ("second_sock_recv_length", SOCKET_HOOKS[1]),
    ("third_sock_send_length", SOCKET_HOOKS[0]),
    ("third_sock_recv_length", SOCKET_HOOKS[1]),
];

/// The hook that sees splice read from a stream.
const SPLICE_HOOK: &str = "tcp_rcv_space_adjust";

/// Attaches the socket layer's hooks, all or none; the text says why not.
fn attach_socket_layer(
    programs: &mut Ebpf,
    types: &Result<Btf, String>,
) -> Result<Vec<AttachedHook>, Refusal> {
    // Who sent a datagram must be known before the datagram is seen.
    let cgroup = cgroup::open_root().map_err(Refusal::from)?;
    for name in ["datagram_from_v4", "datagram_from_v6"] {
        let entry = program::<CgroupSockAddr>(programs, name).map_err(|error| Refusal::of(&error))?;
        entry.load().map_err(|error| Refusal::of(&error))?;
        // A link stands beside other programs anyway, and takes no flag that says so.
        entry.attach(&cgroup, CgroupAttachMode::Single).map_err(|error| Refusal::of(&error))?;
    }
    let btf = types.as_ref().map_err(|error| Refusal::from(error.clone()))?;
    let splice = program::<BtfTracePoint>(programs, SPLICE_HOOK).map_err(|error| Refusal::of(&error))?;
    splice.load(SPLICE_HOOK, btf).map_err(|error| Refusal::of(&error))?;
    let mut entries = SOCKET_HOOKS.map(|name| (name, name)).to_vec();
    if preemption::lanes() > 1 {
        // Attached later, so that they run later.
        entries.extend(SOCKET_STAND_INS);
    }
    attach_typed(programs, types, "step_socket", "STEPS_SOCKET", &entries)?;
    let hook = |(name, form)| AttachedHook { name, form, note: None };
    let tracepoints = SOCKET_HOOKS.map(|name| (name, BTF_TRACEPOINT));
    Ok(tracepoints.into_iter().chain([("recvmsg", "root cgroup")]).map(hook).collect())
}

/// Attaches BTF tracepoints, each a program and the name of its tracepoint, with the program that goes on after the
/// first of them; the text says why not.
fn attach_typed(
    programs: &mut Ebpf,
    types: &Result<Btf, String>,
    step_name: &str,
    steps: &str,
    entries: &[(&'static str, &'static str)],
) -> Result<(), Refusal> {
    let btf = types.as_ref().map_err(|error| Refusal::from(error.clone()))?;
    let Some((_, first)) = entries.first() else { return Ok(()) };
    let step = program::<BtfTracePoint>(programs, step_name).map_err(|error| Refusal::of(&error))?;
    step.load(first, btf).map_err(|error| Refusal::of(&error))?;
    let step =
        step.fd().and_then(|fd| fd.try_clone().map_err(Into::into)).map_err(|error| Refusal::of(&error))?;
    set_step(programs, steps, &step).map_err(|error| Refusal::of(&error))?;
    // All are loaded before any is attached, for none shall run if not all can.
    for (name, tracepoint) in entries {
        let entry = program::<BtfTracePoint>(programs, name).map_err(|error| Refusal::of(&error))?;
        entry.load(tracepoint, btf).map_err(|error| Refusal::of(&error))?;
    }
    for (name, _) in entries {
        let entry = program::<BtfTracePoint>(programs, name).map_err(|error| Refusal::of(&error))?;
        entry.attach().map_err(|error| Refusal::of(&error))?;
    }
    Ok(())
}

fn attach_raw(
    programs: &mut Ebpf,
    name: &'static str,
    tracepoint: &'static str,
) -> Result<AttachedHook, CaptureError> {
    let entry = program::<RawTracePoint>(programs, name)?;
    entry.load().map_err(|error| refused(name, &error))?;
    entry.attach(tracepoint).map_err(|error| refused(name, &error))?;
    Ok(AttachedHook { name: tracepoint, form: "raw tracepoint", note: None })
}

fn ring_bytes(options: &CaptureOptions) -> u32 {
    options.ring_bytes.clamp(MIN_RING_BYTES, MAX_RING_BYTES).next_power_of_two()
}

/// CPUs that have a ring. One that is plugged in later has none, and what it moves is counted as lost.
fn cpus() -> usize {
    let online = aya::util::online_cpus().ok().and_then(|cpus| cpus.into_iter().max());
    online.and_then(|last| usize::try_from(last).ok()).map_or(1, |last| last + 1)
}

/// Segments of each CPU's rings if the first lanes' together take so many bytes.
fn segments(ring_bytes: u32) -> Segments {
    let share = u64::from(ring_bytes) / SEGMENT_BYTES / cpus() as u64;
    Segments::divided(u32::try_from(share).unwrap_or(u32::MAX), preemption::lanes())
}

fn map_rings(programs: &Ebpf, options: &CaptureOptions) -> Result<Rings, CaptureError> {
    let fd = |name: &str| match programs.map(name) {
        Some(Map::Array(data)) => Ok(data),
        _ => Err(missing(name)),
    };
    let (cursors, records) = (fd("CURSORS")?, fd("RINGS")?);
    Rings::new(cursors.fd().as_fd(), records.fd().as_fd(), cpus(), segments(ring_bytes(options)))
        .map_err(|error| refused("sharing the rings' memory", &error))
}

fn set_step(programs: &mut Ebpf, map: &str, step: &aya::programs::ProgramFd) -> Result<(), CaptureError> {
    let steps = programs.map_mut(map).ok_or_else(|| missing(map))?;
    let mut steps = ProgramArray::try_from(steps).map_err(|error| refused(map, &error))?;
    steps.set(0, step, 0).map_err(|error| refused(map, &error))
}

fn program<'p, P>(programs: &'p mut Ebpf, name: &str) -> Result<&'p mut P, CaptureError>
where
    &'p mut P: TryFrom<&'p mut Program, Error = ProgramError>,
{
    let program = programs.program_mut(name).ok_or_else(|| missing(name))?;
    program.try_into().map_err(|error| refused(name, &error))
}

fn take(programs: &mut Ebpf, name: &str) -> Result<Map, CaptureError> {
    programs.take_map(name).ok_or_else(|| missing(name))
}

/// A build whose object lacks a part: `AYA_BUILD_SKIP` leaves it empty.
fn missing(name: &str) -> CaptureError {
    CaptureError::Refused {
        what: name.to_owned(),
        reason: "this build holds no such program or map; build without AYA_BUILD_SKIP".to_owned().into(),
    }
}

fn refused(what: &str, error: &(dyn std::error::Error + 'static)) -> CaptureError {
    let reason = Refusal::of(error);
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = source {
        let not_permitted = cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied);
        if not_permitted {
            return CaptureError::NotPermitted(reason);
        }
        source = cause.source();
    }
    CaptureError::Refused { what: what.to_owned(), reason }
}

fn filter_bits(filter: &KernelFilter) -> u32 {
    let bit = |empty: bool, bit: u32| if empty { 0 } else { bit };
    bit(filter.only_processes.is_empty(), bits::PROCESS_ALLOW)
        | bit(filter.only_names.is_empty(), bits::NAME_ALLOW)
        | bit(filter.without_names.is_empty(), bits::NAME_DENY)
        | bit(filter.only_cgroups.is_empty(), bits::CGROUP_ALLOW)
        | bit(filter.only_ports.is_empty(), bits::PORT_ALLOW)
        | bit(filter.without_ports.is_empty(), bits::PORT_DENY)
}

fn write_filter(programs: &mut Ebpf, filter: &KernelFilter) -> Result<(), CaptureError> {
    let allowed = filter.only_processes.iter().map(|&id| (id, rule::ALLOW));
    write_rules(programs, "PROCESS_RULES", allowed)?;
    let allowed = filter.only_names.iter().map(|name| (padded(name), rule::ALLOW));
    let denied = filter.without_names.iter().map(|name| (padded(name), rule::DENY));
    write_rules(programs, "NAME_RULES", allowed.chain(denied))?;
    let allowed = filter.only_cgroups.iter().map(|&id| (id, rule::ALLOW));
    write_rules(programs, "CGROUP_RULES", allowed)?;
    let allowed = filter.only_ports.iter().map(|&port| (port, rule::ALLOW));
    let denied = filter.without_ports.iter().map(|&port| (port, rule::DENY));
    write_rules(programs, "PORT_RULES", allowed.chain(denied))
}

fn write_rules<K: aya::Pod>(
    programs: &mut Ebpf,
    name: &str,
    rules: impl Iterator<Item = (K, u8)>,
) -> Result<(), CaptureError> {
    let map = programs.map_mut(name).ok_or_else(|| missing(name))?;
    let mut map: HashMap<_, K, u8> = HashMap::try_from(map).map_err(|error| refused(name, &error))?;
    for (key, rule) in rules {
        map.insert(key, rule, 0).map_err(|error| refused(name, &error))?;
    }
    Ok(())
}

/// A thread's name as the kernel keeps it: 15 bytes and zeros (`TASK_COMM_LEN`).
fn padded(name: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    let length = name.len().min(15);
    bytes[..length].copy_from_slice(&name.as_bytes()[..length]);
    bytes
}
