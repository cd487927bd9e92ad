//! What one system call pays: one that carries a request, and one that has nothing to do with sockets.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::process::parent_id,
    time::Instant,
};

use anyhow::{Context as _, Result};

use super::{
    Setting,
    compare::{Comparison, in_turns},
};

/// Exchanges in one run; each is two writes and two reads.
const EXCHANGES: u32 = 100_000;

/// Calls in one run that have nothing to do with sockets.
const UNRELATED_CALLS: u32 = 2_000_000;

/// A request and a response of 256 bytes each, as they are common.
const REQUEST_HEAD: &str = "GET /users/17 HTTP/1.1\r\nHost: service.example\r\nAccept: */*\r\nX-Padding: ";
const RESPONSE_HEAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\nX-Padding: ";
const MESSAGE_SIZE: usize = 256;

/// Measures both kinds of calls in one thread, so that no waiting is in the figures.
pub(crate) fn measure(setting: &Setting) -> Result<()> {
    println!("\nsystem calls of one thread, {} pairs of runs", setting.rounds);
    let mut captured = Comparison::default();
    let mut unrelated = Comparison::default();
    in_turns(
        setting,
        || Ok((captured_call()?, unrelated_call())),
        |without, with, _| {
            captured.add(without.0, with.0);
            unrelated.add(without.1, with.1);
        },
    )?;
    for (name, comparison) in
        [("read or write of 256 bytes of HTTP on TCP, captured", captured), ("getppid, unrelated", unrelated)]
    {
        println!(
            "  {name}: {:.0} ns without, {:.0} ns with, {:.0} ns added",
            comparison.without(),
            comparison.with(),
            comparison.added()
        );
    }
    Ok(())
}

/// Nanoseconds of one read or write.
fn captured_call() -> Result<f64> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen on loopback")?;
    let address = listener.local_addr().context("cannot tell the port that was given")?;
    let mut client = TcpStream::connect(address).context("cannot connect on loopback")?;
    let (mut server, _) = listener.accept().context("cannot accept on loopback")?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let request = message(REQUEST_HEAD, "");
    let response = message(RESPONSE_HEAD, &"x".repeat(100));
    let mut buffer = [0; MESSAGE_SIZE];
    let began = Instant::now();
    for _ in 0..EXCHANGES {
        client.write_all(&request)?;
        server.read_exact(&mut buffer)?;
        server.write_all(&response)?;
        client.read_exact(&mut buffer)?;
    }
    Ok(nanoseconds_each(began, 4 * EXCHANGES))
}

/// Nanoseconds of one call that does next to nothing.
fn unrelated_call() -> f64 {
    let began = Instant::now();
    for _ in 0..UNRELATED_CALLS {
        std::hint::black_box(parent_id());
    }
    nanoseconds_each(began, UNRELATED_CALLS)
}

fn nanoseconds_each(began: Instant, calls: u32) -> f64 {
    began.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
}

/// A message of exactly the wanted size, padded in its last header.
fn message(head: &str, body: &str) -> Vec<u8> {
    let padding = MESSAGE_SIZE.saturating_sub(head.len() + body.len() + 4);
    format!("{head}{}\r\n\r\n{body}", "p".repeat(padding)).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_the_size_that_is_claimed() {
        assert_eq!(message(REQUEST_HEAD, "").len(), MESSAGE_SIZE);
        let response = message(RESPONSE_HEAD, &"x".repeat(100));
        assert_eq!(response.len(), MESSAGE_SIZE);
        assert!(response.ends_with(&[b'x'; 100]));
    }
}
