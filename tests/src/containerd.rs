//! containerd of the distribution with its CRI plugin, a network and images of the test's own, driven as a kubelet drives it.
//!
//! The messages are those of k8s.io/cri-api, pkg/apis/runtime/v1/api.proto, with the fields that are needed to make pods:
//! a second reading of the interface, on purpose not the types that the program under test reads it with.

use std::{
    collections::HashMap,
    fs,
    net::IpAddr,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use prost::Message;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tonic::{
    Request,
    client::Grpc,
    codegen::http::uri::PathAndQuery,
    transport::{Channel, Endpoint},
};
use tonic_prost::ProstCodec;

/// What installs all of it.
const PACKAGES: &str = "containerd runc containernetworking-plugins busybox-static";
/// Where Debian's package puts the network plugins.
const NETWORK_PLUGINS: &str = "/usr/lib/cni";
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// The image of pods' own containers.
const PAUSE: &str = "localhost/pause:1";

/// A running containerd. Its pods end with it.
pub struct Containerd {
    child: Child,
    runtime: Runtime,
    channel: Channel,
    directory: TempDir,
    bridge: String,
    snapshotter: &'static str,
    pods: Vec<String>,
}

/// A pod that runs.
pub struct Pod {
    /// Its sandbox.
    pub id: String,
    /// Its uid.
    pub uid: String,
    /// Its address.
    pub address: IpAddr,
    config: SandboxConfig,
}

#[derive(Clone, PartialEq, Message)]
struct Empty {}

#[derive(Clone, PartialEq, Message)]
struct SandboxMetadata {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    uid: String,
    #[prost(string, tag = "3")]
    namespace: String,
}

#[derive(Clone, PartialEq, Message)]
struct LinuxSandbox {
    #[prost(string, tag = "1")]
    cgroup_parent: String,
}

#[derive(Clone, PartialEq, Message)]
struct SandboxConfig {
    #[prost(message, optional, tag = "1")]
    metadata: Option<SandboxMetadata>,
    #[prost(string, tag = "2")]
    hostname: String,
    #[prost(string, tag = "3")]
    log_directory: String,
    #[prost(map = "string, string", tag = "6")]
    labels: HashMap<String, String>,
    #[prost(map = "string, string", tag = "7")]
    annotations: HashMap<String, String>,
    #[prost(message, optional, tag = "8")]
    linux: Option<LinuxSandbox>,
}

#[derive(Clone, PartialEq, Message)]
struct RunSandbox {
    #[prost(message, optional, tag = "1")]
    config: Option<SandboxConfig>,
}

/// Requests and answers that hold nothing but an id.
#[derive(Clone, PartialEq, Message)]
struct Id {
    #[prost(string, tag = "1")]
    id: String,
}

#[derive(Clone, PartialEq, Message)]
struct Network {
    #[prost(string, tag = "1")]
    ip: String,
}

#[derive(Clone, PartialEq, Message)]
struct SandboxStatus {
    #[prost(message, optional, tag = "5")]
    network: Option<Network>,
}

#[derive(Clone, PartialEq, Message)]
struct SandboxStatusResponse {
    #[prost(message, optional, tag = "1")]
    status: Option<SandboxStatus>,
}

#[derive(Clone, PartialEq, Message)]
struct ContainerMetadata {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(uint32, tag = "2")]
    attempt: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Image {
    #[prost(string, tag = "1")]
    image: String,
}

#[derive(Clone, PartialEq, Message)]
struct ContainerConfig {
    #[prost(message, optional, tag = "1")]
    metadata: Option<ContainerMetadata>,
    #[prost(message, optional, tag = "2")]
    image: Option<Image>,
    #[prost(string, repeated, tag = "3")]
    command: Vec<String>,
    #[prost(message, repeated, tag = "6")]
    environment: Vec<Variable>,
    #[prost(message, repeated, tag = "7")]
    mounts: Vec<Mount>,
    #[prost(string, tag = "11")]
    log_path: String,
}

#[derive(Clone, PartialEq, Message)]
struct Mount {
    #[prost(string, tag = "1")]
    container_path: String,
    #[prost(string, tag = "2")]
    host_path: String,
}

#[derive(Clone, PartialEq, Message)]
struct ContainerState {
    /// 2 is one that has ended.
    #[prost(int32, tag = "3")]
    state: i32,
}

#[derive(Clone, PartialEq, Message)]
struct ContainerStateResponse {
    #[prost(message, optional, tag = "1")]
    status: Option<ContainerState>,
}

/// A container that is to be started.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Its name.
    pub name: &'a str,
    /// How often it was restarted before.
    pub attempt: u32,
    /// The image.
    pub image: &'a str,
    /// The program with its arguments.
    pub command: &'a [&'a str],
    /// Its environment.
    pub environment: &'a [(&'a str, &'a str)],
    /// Folders of the host by the places in the container where they are mounted.
    pub mounts: &'a [(&'a str, &'a Path)],
}

#[derive(Clone, PartialEq, Message)]
struct Variable {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct CreateContainer {
    #[prost(string, tag = "1")]
    sandbox: String,
    #[prost(message, optional, tag = "2")]
    config: Option<ContainerConfig>,
    #[prost(message, optional, tag = "3")]
    sandbox_config: Option<SandboxConfig>,
}

impl Containerd {
    /// Starts it, with the image of pods' own containers.
    ///
    /// # Errors
    /// If it cannot be started; the message names the packages.
    pub fn start() -> Result<Self> {
        Self::start_with("native")
    }

    /// The same, with `native` or `overlayfs` for the file systems of containers.
    ///
    /// # Errors
    /// If it cannot be started; the message names the packages.
    pub fn start_with(snapshotter: &'static str) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let number = std::process::id() % 50_000;
        let bridge = format!("psight{number}");
        fs::create_dir(directory.path().join("cni"))?;
        fs::write(directory.path().join("config.toml"), configuration(directory.path(), snapshotter))?;
        // No masquerading: that would need iptables, and pods only talk to each other and to this host.
        let network = format!(
            r#"{{"cniVersion":"0.4.0","name":"plainsight","plugins":[{{"type":"bridge","bridge":"{bridge}","isGateway":true,
            "ipam":{{"type":"host-local","ranges":[[{{"subnet":"10.213.{}.0/24"}}]],"dataDir":"{}"}}}}]}}"#,
            number % 250,
            directory.path().join("ipam").display()
        );
        fs::write(directory.path().join("cni/10-test.conflist"), network)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let socket = directory.path().join("containerd.sock");
        let channel = {
            let _entered = runtime.enter();
            Endpoint::from_shared(format!("unix://{}", socket.display()))?.connect_lazy()
        };
        let child = launch(directory.path())?;
        let mut this = Self { child, runtime, channel, directory, bridge, snapshotter, pods: Vec::new() };
        this.wait()?;
        this.import(PAUSE, &["/bin/sleep", "100000"])?;
        Ok(this)
    }

    /// Its socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("containerd.sock")
    }

    /// Ends it and starts it again; its containers live on.
    ///
    /// # Errors
    /// If it does not come back.
    pub fn restart(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        self.child = launch(self.directory.path())?;
        self.wait()
    }

    /// Makes an image of busybox and gives it to containerd.
    ///
    /// # Errors
    /// If a program for it is missing or fails.
    pub fn import(&self, name: &str, command: &[&str]) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let root = folder.path().join("root");
        for place in ["bin", "tmp", "www"] {
            fs::create_dir_all(root.join(place))?;
        }
        let busybox = find("busybox")?;
        fs::copy(busybox, root.join("bin/busybox"))?;
        for applet in ["sh", "httpd", "wget", "sleep", "seq", "mkdir", "ln", "mv"] {
            symlink("busybox", root.join("bin").join(applet))?;
        }
        fs::write(root.join("www/index.html"), "hello\n")?;
        let layer = folder.path().join("layer.tar");
        run(Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&layer).arg("."))?;
        let sum = run(Command::new("sha256sum").arg(&layer))?;
        let sum = sum.split_whitespace().next().context("sha256sum prints a sum")?;
        let config = serde_json::json!({
            "architecture": architecture(), "os": "linux",
            "config": {"Env": ["PATH=/bin"], "Cmd": command},
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{sum}")]},
        });
        fs::write(folder.path().join("config.json"), config.to_string())?;
        let manifest =
            serde_json::json!([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]);
        fs::write(folder.path().join("manifest.json"), manifest.to_string())?;
        let archive = folder.path().join("image.tar");
        let parts = ["manifest.json", "config.json", "layer.tar"];
        run(Command::new("tar").arg("-C").arg(folder.path()).arg("-cf").arg(&archive).args(parts))?;
        let mut import = Command::new("ctr");
        import.arg("--address").arg(self.socket()).args(["--namespace", "k8s.io", "images", "import"]);
        run(import.args(["--snapshotter", self.snapshotter]).arg(archive))?;
        Ok(())
    }

    /// Starts a pod as a kubelet would, in the control group that a kubelet gives it.
    ///
    /// # Errors
    /// If containerd refuses.
    pub fn pod(
        &mut self,
        namespace: &str,
        name: &str,
        labels: &[(&str, &str)],
        annotations: &[(&str, &str)],
    ) -> Result<Pod> {
        let texts = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
        };
        let uid = format!(
            "3c2d5a8e-1b4f-4c6d-9e7a-{:012x}",
            u64::from(std::process::id()) << 8 | self.pods.len() as u64
        );
        let config = SandboxConfig {
            metadata: Some(SandboxMetadata {
                name: name.to_owned(),
                uid: uid.clone(),
                namespace: namespace.to_owned(),
            }),
            hostname: name.to_owned(),
            log_directory: self.pod_logs().join(format!("{namespace}_{name}_{uid}")).display().to_string(),
            labels: texts(labels),
            annotations: texts(annotations),
            linux: Some(LinuxSandbox { cgroup_parent: format!("/kubepods/burstable/pod{uid}") }),
        };
        let Id { id } = self.call("RunPodSandbox", RunSandbox { config: Some(config.clone()) })?;
        self.pods.push(id.clone());
        let status: SandboxStatusResponse = self.call("PodSandboxStatus", Id { id: id.clone() })?;
        let network = status.status.and_then(|status| status.network).context("the pod's network")?;
        Ok(Pod { id, uid, address: network.ip.parse()?, config })
    }

    /// Starts a container in a pod; gives its id.
    ///
    /// # Errors
    /// If containerd refuses.
    pub fn container(
        &self,
        pod: &Pod,
        name: &str,
        image: &str,
        command: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<String> {
        self.start_container(pod, &Wanted { name, image, command, environment, ..Wanted::default() })
    }

    /// Starts a container in a pod; gives its id.
    ///
    /// # Errors
    /// If containerd refuses.
    pub fn start_container(&self, pod: &Pod, wanted: &Wanted<'_>) -> Result<String> {
        let Wanted { name, attempt, image, command, environment, mounts } = *wanted;
        let variable =
            |&(key, value): &(&str, &str)| Variable { key: key.to_owned(), value: value.to_owned() };
        let mount = |&(at, path): &(&str, &Path)| Mount {
            container_path: at.to_owned(),
            host_path: path.display().to_string(),
        };
        // A kubelet makes the folder.
        fs::create_dir_all(Path::new(&pod.config.log_directory).join(name))?;
        let config = ContainerConfig {
            metadata: Some(ContainerMetadata { name: name.to_owned(), attempt }),
            image: Some(Image { image: image.to_owned() }),
            command: command.iter().map(ToString::to_string).collect(),
            environment: environment.iter().map(variable).collect(),
            mounts: mounts.iter().map(mount).collect(),
            log_path: format!("{name}/{attempt}.log"),
        };
        let request = CreateContainer {
            sandbox: pod.id.clone(),
            config: Some(config),
            sandbox_config: Some(pod.config.clone()),
        };
        let Id { id } = self.call("CreateContainer", request)?;
        let _: Empty = self.call("StartContainer", Id { id: id.clone() })?;
        Ok(id)
    }

    /// The folder in which it has the output of containers, as a kubelet lays it out.
    #[must_use]
    pub fn pod_logs(&self) -> PathBuf {
        self.directory.path().join("pods")
    }

    /// The file that a container's output goes to.
    #[must_use]
    pub fn log_of(pod: &Pod, name: &str, attempt: u32) -> PathBuf {
        Path::new(&pod.config.log_directory).join(name).join(format!("{attempt}.log"))
    }

    /// Waits until a container has ended.
    ///
    /// # Errors
    /// If it does not within half a minute.
    pub fn wait_for_end(&self, id: &str) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let answer: ContainerStateResponse = self.call("ContainerStatus", Id { id: id.to_owned() })?;
            if answer.status.is_some_and(|status| status.state == 2) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "container {id} does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends a container.
    ///
    /// # Errors
    /// If containerd refuses.
    pub fn stop_container(&self, id: &str) -> Result<()> {
        self.call::<Id, Empty>("StopContainer", Id { id: id.to_owned() }).map(drop)
    }

    /// Removes a container that has ended.
    ///
    /// # Errors
    /// If containerd refuses.
    pub fn remove_container(&self, id: &str) -> Result<()> {
        self.call::<Id, Empty>("RemoveContainer", Id { id: id.to_owned() }).map(drop)
    }

    /// Has a container's output go to a new file at the same path, as a kubelet does after it has renamed the old one.
    ///
    /// # Errors
    /// If containerd refuses.
    pub fn reopen_log(&self, id: &str) -> Result<()> {
        self.call::<Id, Empty>("ReopenContainerLog", Id { id: id.to_owned() }).map(drop)
    }

    fn call<Q, A>(&self, method: &str, request: Q) -> Result<A>
    where
        Q: Message + Default + 'static,
        A: Message + Default + 'static,
    {
        self.runtime.block_on(async {
            let mut client = Grpc::new(self.channel.clone());
            client.ready().await.context("containerd is there")?;
            let path = PathAndQuery::try_from(format!("/runtime.v1.RuntimeService/{method}"))?;
            let answer = client.unary(Request::new(request), path, ProstCodec::<Q, A>::default()).await;
            Ok(answer.with_context(|| format!("{method}; containerd said: {}", self.log()))?.into_inner())
        })
    }

    fn wait(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        while self.call::<Empty, Empty>("Version", Empty {}).is_err() {
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("containerd ended ({status}): {}", self.log());
            }
            ensure!(Instant::now() < deadline, "containerd does not answer: {}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// The last lines of what it says.
    fn log(&self) -> String {
        let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().rev().take(10).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        for pod in std::mem::take(&mut self.pods) {
            // What is left of a test that failed is tidied up as far as that goes.
            drop(self.call::<Id, Empty>("StopPodSandbox", Id { id: pod.clone() }));
            drop(self.call::<Id, Empty>("RemovePodSandbox", Id { id: pod }));
        }
        drop(self.child.kill());
        drop(self.child.wait());
        drop(Command::new("ip").args(["link", "delete", &self.bridge]).stderr(Stdio::null()).status());
    }
}

fn configuration(directory: &Path, snapshotter: &str) -> String {
    let directory = directory.display();
    format!(
        r#"version = 2
root = "{directory}/root"
state = "{directory}/state"
[grpc]
address = "{directory}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE}"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "{snapshotter}"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{NETWORK_PLUGINS}"
conf_dir = "{directory}/cni"
"#
    )
}

fn launch(directory: &Path) -> Result<Child> {
    let log = fs::File::options().create(true).append(true).open(directory.join("log"))?;
    Command::new("containerd")
        .arg("--config")
        .arg(directory.join("config.toml"))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .with_context(|| missing("containerd"))
}

fn run(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| missing(&name))?;
    ensure!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The path of a program.
fn find(name: &str) -> Result<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.exists());
    found.with_context(|| missing(name))
}

fn missing(name: &str) -> String {
    format!("{name} is not there: `apt-get install {PACKAGES}` installs all that is needed")
}

/// The machine as images name it.
fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}
