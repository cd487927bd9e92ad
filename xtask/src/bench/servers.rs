//! Servers under load: on loopback, in folders of their own, and gone when dropped.

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::{command, interrupt::Group};

/// How long a server may take to accept connections.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    folder: PathBuf,
    child: Child,
    /// Taken, and so killed with the server's workers, before the child is waited for.
    group: Option<Group>,
}

impl Server {
    /// nginx answering a tiny page.
    pub(crate) fn nginx(parent: &Path) -> Result<Self> {
        Self::nginx_with(parent, "nginx", "default_type text/plain; return 200 'a small page\\n';")
    }

    /// nginx as a backend that takes every export request, of any size, and answers with an empty message: that all of it
    /// was accepted.
    pub(crate) fn backend(parent: &Path) -> Result<Self> {
        let answer = "client_max_body_size 0; client_body_buffer_size 32m; default_type application/x-protobuf; \
                      return 200 '';";
        Self::nginx_with(parent, "backend", answer)
    }

    /// nginx that treats every request in one way.
    fn nginx_with(parent: &Path, name: &str, answer: &str) -> Result<Self> {
        let (address, folder) = place(parent, name)?;
        let configuration = folder.join("nginx.conf");
        let root = folder.display();
        let text = format!(
            "daemon off;\nmaster_process on;\nworker_processes 2;\npid {root}/pid;\nerror_log {root}/error.log;\n\
             events {{ worker_connections 4096; }}\n\
             http {{\n    access_log off;\n    keepalive_timeout 1h;\n    keepalive_requests 1000000000;\n    \
             client_body_temp_path {root}/body;\n    proxy_temp_path {root}/proxy;\n    \
             fastcgi_temp_path {root}/fastcgi;\n    uwsgi_temp_path {root}/uwsgi;\n    scgi_temp_path {root}/scgi;\n    \
             server {{\n        listen {address} reuseport;\n        \
             location / {{ {answer} }}\n    }}\n}}\n"
        );
        write(&configuration, &text)?;
        let mut command = Command::new(program("nginx")?);
        command.arg("-p").arg(&folder).arg("-e").arg(folder.join("error.log")).arg("-c").arg(configuration);
        Self::start(command, address, folder)
    }

    /// Redis without persistence.
    pub(crate) fn redis(parent: &Path) -> Result<Self> {
        let (address, folder) = place(parent, "redis")?;
        let mut command = Command::new(program("redis-server")?);
        command
            .args(["--bind", "127.0.0.1", "--port", &address.port().to_string()])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no", "--dir"])
            .arg(&folder);
        Self::start(command, address, folder)
    }

    /// The service of this program that works so long for each request.
    pub(crate) fn service(parent: &Path, work: Duration) -> Result<Self> {
        let (address, folder) = place(parent, "service")?;
        let mut command = Command::new(env::current_exe().context("cannot find this program itself")?);
        command
            .args(["serve", "--port", &address.port().to_string()])
            .args(["--work-microseconds", &work.as_micros().to_string()]);
        Self::start(command, address, folder)
    }

    fn start(mut command: Command, address: SocketAddr, folder: PathBuf) -> Result<Self> {
        let line = command::line(&command);
        let log = folder.join("output.log");
        let output = fs::File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let errors = output.try_clone().with_context(|| format!("cannot write {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start `{line}`"))?;
        let group = Some(Group::new(child.id()));
        let mut server = Self { address, folder, child, group };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            let ended = server.child.try_wait().with_context(|| format!("cannot wait for `{line}`"))?;
            if ended.is_some() || Instant::now() > deadline {
                let said = fs::read_to_string(&log).unwrap_or_default();
                bail!("`{line}` does not accept connections: {}", said.trim());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.group.take());
        // Nothing can be done about a failure here, and the folder is used anew next time.
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A port that is free now, and an empty folder.
fn place(parent: &Path, name: &str) -> Result<(SocketAddr, PathBuf)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen on loopback")?;
    let address = listener.local_addr().context("cannot tell the port that was given")?;
    let folder = parent.join(format!("{name}-{}", address.port()));
    fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    Ok((address, folder))
}

fn program(name: &str) -> Result<PathBuf> {
    command::find(name).with_context(|| format!("there is no program {name}"))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
