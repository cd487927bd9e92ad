//! Memory of the probe at rest and with many connections open.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{Setting, machine, probe::Probe};

/// Time after which the probe is taken to have settled.
const SETTLE: Duration = Duration::from_secs(3);

/// Open files besides the two ends of every connection.
const OTHER_FILES: u64 = 100;

const REQUEST: &[u8] = b"GET /users/17 HTTP/1.1\r\nHost: service.example\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Measures both.
pub(crate) fn measure(setting: &Setting) -> Result<()> {
    println!("\nresident memory of the probe");
    allow_open_files(2 * setting.open_connections as u64 + OTHER_FILES)?;
    let probe = Probe::start(&setting.probe)?;
    thread::sleep(SETTLE);
    show("at rest", &probe)?;
    let connections = open(setting.open_connections)?;
    thread::sleep(SETTLE);
    show(&format!("with {} open connections, both ends on this machine", setting.open_connections), &probe)?;
    drop(connections);
    thread::sleep(SETTLE);
    show("after they were closed", &probe)?;
    println!("  the probe said: {}", probe.stop()?.line);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "sizes of memory are far below 2^52")]
fn show(when: &str, probe: &Probe) -> Result<()> {
    let resident = machine::memory_of(probe.id(), "VmRSS")? as f64 / 1e6;
    let highest = machine::memory_of(probe.id(), "VmHWM")? as f64 / 1e6;
    println!("  {when}: {resident:.1} MB (at most {highest:.1} MB so far)");
    Ok(())
}

/// Opens connections, each of which has carried one exchange.
fn open(count: usize) -> Result<Vec<(TcpStream, TcpStream)>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen on loopback")?;
    let address = listener.local_addr().context("cannot tell the port that was given")?;
    let mut connections = Vec::with_capacity(count);
    for number in 0..count {
        let mut client =
            TcpStream::connect(address).with_context(|| format!("cannot open connection number {number}"))?;
        let (mut server, _) =
            listener.accept().with_context(|| format!("cannot accept connection number {number}"))?;
        client.write_all(REQUEST)?;
        server.read_exact(&mut [0; REQUEST.len()])?;
        server.write_all(RESPONSE)?;
        client.read_exact(&mut [0; RESPONSE.len()])?;
        connections.push((client, server));
    }
    Ok(connections)
}

fn allow_open_files(wanted: u64) -> Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    let maximum = maximum.map(|maximum| maximum.max(wanted));
    if setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).is_err() {
        bail!(
            "{wanted} open files are needed and not allowed: raise `ulimit -n`, or lower --open-connections"
        );
    }
    Ok(())
}
