//! A plain HTTP/1 client that counts bytes and takes times, so that the probe's numbers have something to agree with.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

/// A connection.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What an exchange looked like from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Bytes of the answer, head and body.
    pub bytes: u64,
    /// Bytes of its body.
    pub body_bytes: u64,
    /// From before the request was written to after the answer was read.
    pub elapsed: Duration,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(10))
            .with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self { stream, buffer: Vec::with_capacity(1 << 16) })
    }

    /// Sends `GET target` and reads the answer.
    ///
    /// # Errors
    /// If the answer does not come whole.
    pub fn get(&mut self, target: &str) -> Result<Answer> {
        let request = format!("GET {target} HTTP/1.1\r\nHost: test.example\r\n\r\n");
        self.exchange(request.as_bytes())
    }

    /// Sends bytes that are one request and reads one answer.
    ///
    /// # Errors
    /// If the answer does not come whole.
    pub fn exchange(&mut self, request: &[u8]) -> Result<Answer> {
        let begun = Instant::now();
        self.send(request)?;
        let is_head = request.starts_with(b"HEAD ");
        let (status, head_bytes, body_bytes) = self.read_answer(is_head)?;
        Ok(Answer { status, bytes: head_bytes + body_bytes, body_bytes, elapsed: begun.elapsed() })
    }

    /// Sends bytes in one call.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).context("sending a request")
    }

    /// Reads one answer with Content-Length, without a body, or up to the end of the connection.
    ///
    /// # Errors
    /// If it does not come whole.
    pub fn read_answer(&mut self, is_head: bool) -> Result<(u16, u64, u64)> {
        let head_bytes = loop {
            if let Some(place) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break place + 4;
            }
            ensure!(self.fill()? != 0, "the connection ended in the head of an answer");
        };
        let head = String::from_utf8_lossy(&self.buffer[..head_bytes]).to_ascii_lowercase();
        let status: u16 = head.split_whitespace().nth(1).context("a status")?.parse()?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: Option<u64> = length.map(|text| text.trim().parse()).transpose()?;
        self.buffer.drain(..head_bytes);
        let body_bytes = if is_head || status == 204 || status == 304 {
            0
        } else if let Some(length) = length {
            self.skip(length)?;
            length
        } else {
            let mut bytes = self.buffer.len() as u64;
            self.buffer.clear();
            loop {
                let read = self.fill()?;
                self.buffer.clear();
                if read == 0 {
                    break bytes;
                }
                bytes += read as u64;
            }
        };
        Ok((status, head_bytes as u64, body_bytes))
    }

    fn skip(&mut self, length: u64) -> Result<()> {
        let mut rest = length;
        loop {
            let here = rest.min(self.buffer.len() as u64);
            self.buffer.drain(..usize::try_from(here)?);
            rest -= here;
            if rest == 0 {
                return Ok(());
            }
            ensure!(self.fill()? != 0, "the connection ended {rest} bytes before the end of a body");
        }
    }

    fn fill(&mut self) -> Result<usize> {
        let mut chunk = [0; 1 << 16];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(read) => {
                    self.buffer.extend_from_slice(&chunk[..read]);
                    return Ok(read);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => bail!("reading an answer: {error}"),
            }
        }
    }
}
