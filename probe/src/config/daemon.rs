//! The daemon's own life.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use super::{
    scalar::{Switch, lasting},
    setting::section,
};
use crate::signal::TimeSpan;

section! {
    /// The daemon's own life.
    Daemon {
        /// How others learn whether it is well.
        restart health: Health = Health::default();
        /// Folder for what must survive a restart: how far log files were read, and what `plainsight logs status` shows.
        restart state: PathBuf = PathBuf::from("/var/lib/plainsight");
        /// How long it may take to send what is in hand when it is told to stop. Less than the time after which systemd
        /// (TimeoutStopSec) or Kubernetes (terminationGracePeriodSeconds) kill it.
        live drain_deadline: TimeSpan = TimeSpan(Duration::from_secs(10)),
            if lasting(Duration::ZERO, Duration::from_secs(600));
        /// Take over changes of this file by itself; SIGHUP always does.
        restart watch_file: bool = true;
    }
}

section! {
    /// How others learn whether it is well.
    Health {
        /// Where /healthz, /readyz and /metrics are served; `off` serves none. It may be the address of
        /// export.prometheus.listen: then one server has all pages.
        restart listen: Switch<SocketAddr> = Switch::On(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9464));
    }
}
