//! A service that works for each request, for want of one whose work is known to the microsecond.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

/// Options of the service.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Where it listens, on loopback
    #[arg(long)]
    port: u16,

    /// Processor time spent on each request
    #[arg(long, default_value_t = 1000)]
    work_microseconds: u64,
}

/// Answers requests until killed, a thread for each connection.
pub(crate) fn serve(options: &Options) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))
        .with_context(|| format!("cannot listen on port {}", options.port))?;
    let work = Duration::from_micros(options.work_microseconds);
    for connection in listener.incoming().filter_map(Result::ok) {
        // A client that goes away ends its own thread only.
        thread::spawn(move || answer(connection, work));
    }
    Ok(())
}

fn answer(mut connection: TcpStream, work: Duration) -> Result<()> {
    connection.set_nodelay(true)?;
    let mut requests = BufReader::new(connection.try_clone()?);
    let mut line = String::new();
    while requests.read_line(&mut line)? > 0 {
        if line == "\r\n" {
            spend(work);
            connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ndone\n")?;
        }
        line.clear();
    }
    Ok(())
}

/// Works rather than sleeps: what the probe takes from the processor then shows.
fn spend(work: Duration) {
    let began = Instant::now();
    let mut sum = 0_u64;
    while began.elapsed() < work {
        for number in 0..1000_u64 {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(number));
        }
    }
}
