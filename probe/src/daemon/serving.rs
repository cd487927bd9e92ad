//! Pages for whoever asks, and signs of life for systemd.

use std::{net::SocketAddr, sync::Arc};

use tokio::sync::watch::{Sender, channel};

use super::{DaemonError, Health, Notifier, Page, Pages, Server, pages::places};
use crate::{
    config::Config,
    export::{TextFormat, append_metrics},
    signal::{WallTime, metrics::MetricStore},
};

/// Servers at work. They end when this is dropped.
pub(super) struct Serving {
    /// Where they listen.
    pub(super) addresses: Vec<SocketAddr>,
    /// Its end is theirs.
    _stop: Sender<bool>,
}

impl Serving {
    /// Health and metrics, where the configuration says so.
    pub(super) fn start(
        config: &Config,
        health: &Health,
        store: Option<&Arc<MetricStore>>,
    ) -> Result<Self, DaemonError> {
        let health_at = config.daemon.health.listen.on().copied();
        let metrics_at = config.export.prometheus.listen.on().copied();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (mut servers, mut addresses) = (Vec::new(), Vec::new());
        for (address, shows_health) in places(health_at, metrics_at) {
            let key = if shows_health { "daemon.health.listen" } else { "export.prometheus.listen" };
            let server = runtime.block_on(Server::listen(address, key))?;
            addresses.push(server.address());
            let mut pages = Pages::default();
            if shows_health {
                pages = pages.with_health(health.clone());
            }
            if let Some(store) = store {
                let store = Arc::clone(store);
                pages = pages.with_metrics(move |accept| page(&store, accept));
            }
            servers.push((server, pages));
        }
        let (stop, stopped) = channel(false);
        let (notifier, health) = (Notifier::of_process(), health.clone());
        std::thread::Builder::new().name("pages".into()).spawn(move || {
            runtime.block_on(async {
                let mut tasks = tokio::task::JoinSet::new();
                for (server, pages) in servers {
                    let mut stopped = stopped.clone();
                    tasks.spawn(server.run(pages, async move {
                        // An error means that the sender has gone, which is the end, too.
                        let _ = stopped.wait_for(|stop| *stop).await;
                    }));
                }
                let mut ended = stopped.clone();
                tokio::spawn(notifier.run_watchdog(health));
                while let Some(ended) = tasks.join_next().await {
                    if let Ok(Err(error)) = ended {
                        eprintln!("plainsight: error: {error}");
                    }
                }
                // The watchdog wants its signs of life though nobody is served. An error is the end, as above.
                let _ = ended.wait_for(|stop| *stop).await;
            });
        })?;
        Ok(Self { addresses, _stop: stop })
    }
}

/// The page that a scraper gets.
fn page(store: &MetricStore, accept: &str) -> Page {
    let format = TextFormat::accepted(accept);
    let mut body = String::new();
    append_metrics(store, WallTime::now(), format, &mut body);
    Page { content_type: format.content_type(), body }
}
