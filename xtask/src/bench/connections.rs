//! Connections that stay open: more than one process may have, so several hold them.

use std::{
    env,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::interrupt::Group;

/// Open files of a holder besides the two ends of every connection.
const OTHER_FILES: u64 = 100;

/// What a holder prints once its connections are open.
const OPEN: &str = "open";

const REQUEST: &[u8] = b"GET /users/17 HTTP/1.1\r\nHost: service.example\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Options of a holder.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// How many connections
    #[arg(long)]
    count: usize,
}

/// A process that holds connections until this is dropped.
#[derive(Debug)]
pub(crate) struct Holder {
    child: Child,
    /// Taken, and so killed, before the child is waited for.
    group: Option<Group>,
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.group.take());
        // It was killed; there is nothing to learn from how it ended.
        let _ = self.child.wait();
    }
}

/// Opens connections, each of which has carried one exchange, in as many processes as that takes.
pub(crate) fn open(count: usize) -> Result<Vec<Holder>> {
    let each = capacity()?;
    let mut holders = Vec::new();
    let mut left = count;
    while left > 0 {
        let share = left.min(each);
        holders.push(start(share)?);
        left -= share;
    }
    Ok(holders)
}

/// Connections that one process can hold with the open files it may have.
fn capacity() -> Result<usize> {
    let allowed = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    let each = usize::try_from(allowed.saturating_sub(OTHER_FILES) / 2)?;
    if each == 0 {
        bail!("a process may have {allowed} open files here, which is too few: raise `ulimit -Hn`");
    }
    Ok(each)
}

fn start(count: usize) -> Result<Holder> {
    let mut child = Command::new(env::current_exe().context("cannot find this program itself")?)
        .args(["hold", "--count", &count.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .context("cannot start a process that holds connections")?;
    let group = Some(Group::new(child.id()));
    let output = child.stdout.take().context("a process that holds connections has no output")?;
    let holder = Holder { child, group };
    let mut line = String::new();
    BufReader::new(output)
        .read_line(&mut line)
        .context("cannot read from a process that holds connections")?;
    if line.trim() != OPEN {
        bail!("a process could not open {count} connections; its message is above");
    }
    Ok(holder)
}

/// Opens connections and holds them until standard input ends.
pub(crate) fn hold(options: &Options) -> Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
        .context("cannot use all allowed open files")?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen on loopback")?;
    let address = listener.local_addr().context("cannot tell the port that was given")?;
    let mut connections = Vec::with_capacity(options.count);
    for number in 0..options.count {
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
    println!("{OPEN}");
    io::copy(&mut io::stdin(), &mut io::sink()).context("cannot wait for the end of standard input")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_can_hold_some_connections() {
        assert!(capacity().expect("limits are readable") > 100);
    }
}
