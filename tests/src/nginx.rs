//! A private nginx: own directory, own port, loopback only.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::server::free_port;

/// Size of the file that nginx sends with sendfile.
pub const LARGE_FILE_BYTES: u64 = 50 << 20;

/// A running nginx. It ends when this is dropped.
pub struct Nginx {
    child: Child,
    /// Where it listens on IPv4.
    pub address: SocketAddr,
    /// Where it listens on IPv6.
    pub address_v6: SocketAddr,
    _directory: TempDir,
}

impl Nginx {
    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// If nginx is not installed or does not start.
    pub fn start() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let port = free_port()?;
        let root = directory.path();
        fs::write(root.join("page.txt"), "x".repeat(10_000))?;
        fs::File::create(root.join("large.bin"))?.set_len(LARGE_FILE_BYTES)?;
        fs::write(root.join("nginx.conf"), configuration(root, port))?;
        let child = Command::new("nginx")
            .arg("-e")
            .arg(root.join("error.log"))
            .arg("-c")
            .arg(root.join("nginx.conf"))
            .stdin(Stdio::null())
            .spawn()
            .context("starting nginx (apt-get install nginx-light, or `cargo xtask test`, which does it)")?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let address_v6 = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port));
        let nginx = Self { child, address, address_v6, _directory: directory };
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_err() {
            ensure!(Instant::now() < deadline, "nginx does not accept connections on {address}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(nginx)
    }

    /// How many requests it has handled since it started, by its own count, this one included.
    ///
    /// # Errors
    /// If its status page cannot be read.
    pub fn requests(&self) -> Result<u64> {
        let output =
            Command::new("curl").args(["-sS", &format!("http://{}/status", self.address)]).output()?;
        let page = String::from_utf8(output.stdout)?;
        // The third line holds three numbers: connections accepted, connections handled, requests.
        let numbers = page.lines().nth(2).with_context(|| format!("nginx's status page: {page:?}"))?;
        numbers.split_whitespace().nth(2).context("the number of requests")?.parse().context("a number")
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            // A fast shutdown: the master takes its workers along, which a kill would leave behind.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        drop(self.child.wait());
    }
}

fn configuration(root: &Path, port: u16) -> String {
    let root = root.display();
    format!(
        r#"daemon off;
worker_processes 2;
user root;
pid {root}/pid;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {root}/body;
  proxy_temp_path {root}/proxy;
  fastcgi_temp_path {root}/fastcgi;
  uwsgi_temp_path {root}/uwsgi;
  scgi_temp_path {root}/scgi;
  sendfile on;
  keepalive_requests 100000000;
  keepalive_timeout 600s;
  default_type text/plain;
  gzip_min_length 100;
  gzip_types text/plain;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    listen [::1]:{port} backlog=4096;
    root {root};
    location = /tiny {{ return 200 "hello\n"; }}
    location = /fails {{ return 500 "broken\n"; }}
    location = /nothing {{ return 204; }}
    location = /status {{ stub_status; }}
    location = /gzip.txt {{ gzip on; alias {root}/page.txt; }}
    location ~ ^/id/(?<id>[0-9a-z-]+)$ {{ add_header X-Request-Id $id; return 200 "ok\n"; }}
  }}
}}
"#
    )
}
