//! The pages of the daemon's own server: `/healthz`, `/readyz`, `/metrics`.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::sync::Semaphore;

use super::{Health, Verdict};

/// Pages of metrics that are made at once. Each is a copy of everything there is.
const SCRAPES_AT_ONCE: usize = 2;

/// A page that was made for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// What it is, such as `text/plain; version=0.0.4`.
    pub content_type: &'static str,
    /// The text.
    pub body: String,
}

/// Makes the page of metrics for one who accepts these content types (the header `accept`, empty if there is none).
type Metrics = Arc<dyn Fn(&str) -> Page + Send + Sync>;

/// What a server shows.
#[derive(Clone, Default)]
pub struct Pages {
    health: Option<Health>,
    metrics: Option<Metrics>,
}

impl Pages {
    /// With `/healthz` and `/readyz`.
    #[must_use]
    pub fn with_health(mut self, health: Health) -> Self {
        self.health = Some(health);
        self
    }

    /// With `/metrics`, made anew for everyone who asks, on a thread that may take its time.
    #[must_use]
    pub fn with_metrics(mut self, metrics: impl Fn(&str) -> Page + Send + Sync + 'static) -> Self {
        self.metrics = Some(Arc::new(metrics));
        self
    }

    pub(super) fn router(self) -> Router {
        let mut router = Router::new();
        let mut paths = Vec::new();
        if let Some(health) = self.health {
            let alive = get(|State(health): State<Health>| async move { answer(&health.alive()) });
            let ready = get(|State(health): State<Health>| async move { answer(&health.ready()) });
            let pages = Router::new().route("/healthz", alive).route("/readyz", ready).with_state(health);
            router = router.merge(pages);
            paths.extend(["/healthz", "/readyz"]);
        }
        if let Some(metrics) = self.metrics {
            let scrapes = Arc::new(Semaphore::new(SCRAPES_AT_ONCE));
            router =
                router.merge(Router::new().route("/metrics", get(scrape)).with_state((metrics, scrapes)));
            paths.push("/metrics");
        }
        let known = format!("plainsight has {} here\n", paths.join(", "));
        router.fallback(move || async move { (StatusCode::NOT_FOUND, known) })
    }
}

fn answer(verdict: &Verdict) -> Response {
    let status = if verdict.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    match serde_json::to_string(verdict) {
        Ok(json) => (status, [(header::CONTENT_TYPE, "application/json")], json + "\n").into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn scrape(State((metrics, scrapes)): State<(Metrics, Arc<Semaphore>)>, headers: HeaderMap) -> Response {
    let Ok(permit) = scrapes.try_acquire_owned() else {
        let again = [(header::RETRY_AFTER, "1")];
        return (StatusCode::SERVICE_UNAVAILABLE, again, "others are being answered; ask again\n")
            .into_response();
    };
    let accept =
        headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let made = tokio::task::spawn_blocking(move || {
        let page = metrics(&accept);
        drop(permit);
        page
    });
    match made.await {
        Ok(page) => ([(header::CONTENT_TYPE, page.content_type)], page.body).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be made\n").into_response(),
    }
}

/// Where servers are needed, and whether each shows health and metrics. One address is one server, whoever asked for it.
///
/// Wherever health is shown, metrics are, too: they say the rest.
#[must_use]
pub fn places(health: Option<SocketAddr>, prometheus: Option<SocketAddr>) -> Vec<(SocketAddr, bool)> {
    let mut places: Vec<(SocketAddr, bool)> = health.map(|address| (address, true)).into_iter().collect();
    if let Some(address) = prometheus.filter(|address| Some(*address) != health) {
        places.push((address, false));
    }
    places
}
