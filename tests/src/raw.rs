//! A client that sends bytes as they are, for protocols simple enough to write them down.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

/// A connection.
pub struct Raw {
    stream: TcpStream,
}

impl Raw {
    /// Connects.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(10))
            .with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok(Self { stream })
    }

    /// Sends bytes in one call.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).context("sending")
    }

    /// Sends bytes in one call and reads an answer of which all bytes are known. Gives the time that took.
    ///
    /// # Errors
    /// If another answer comes, or none.
    pub fn ask(&mut self, bytes: &[u8], expected: &[u8]) -> Result<Duration> {
        let begun = Instant::now();
        self.send(bytes)?;
        let mut answer = vec![0; expected.len()];
        self.stream.read_exact(&mut answer).context("reading an answer")?;
        let elapsed = begun.elapsed();
        ensure!(
            answer == expected,
            "{:?} was answered by {:?}",
            String::from_utf8_lossy(bytes),
            String::from_utf8_lossy(&answer)
        );
        Ok(elapsed)
    }

    /// Reads until an answer ends so.
    ///
    /// # Errors
    /// If the connection ends before, or nothing comes.
    pub fn skip_to(&mut self, end: &[u8]) -> Result<Vec<u8>> {
        let mut answer = Vec::new();
        while !answer.ends_with(end) {
            let mut byte = [0];
            self.stream
                .read_exact(&mut byte)
                .with_context(|| format!("no end of an answer: {:?}", String::from_utf8_lossy(&answer)))?;
            answer.extend(byte);
        }
        Ok(answer)
    }
}
