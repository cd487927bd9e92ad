//! Small servers written in Python, whose sources lie in `tests/servers`.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use anyhow::{Context, Result};

/// A port of the loopback interface on which nothing listens now.
///
/// # Errors
/// If there is none.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A running script. It ends when this is dropped.
pub struct PythonServer {
    child: Child,
    output: BufReader<ChildStdout>,
    /// Where it listens.
    pub address: SocketAddr,
}

impl PythonServer {
    /// Starts a script of `tests/servers`, which prints its port when it listens.
    ///
    /// # Errors
    /// If Python is not installed or the script ends.
    pub fn start(script: &str) -> Result<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("servers").join(script);
        let mut child = Command::new("python3")
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting python3 (apt-get install python3)")?;
        let mut output = BufReader::new(child.stdout.take().context("its output")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let port: u16 = line.trim().parse().with_context(|| format!("{script} printed {line:?}"))?;
        Ok(Self { child, output, address: SocketAddr::from(([127, 0, 0, 1], port)) })
    }

    /// Writes a line to its standard input.
    ///
    /// # Errors
    /// If it has ended.
    pub fn say(&mut self, line: &str) -> Result<()> {
        let input = self.child.stdin.as_mut().context("its input")?;
        writeln!(input, "{line}").context("the script has ended")
    }

    /// The next line that it prints, empty at its end.
    ///
    /// # Errors
    /// Those of the pipe.
    pub fn listen(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for PythonServer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
