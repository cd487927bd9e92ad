//! Metrics of exchanges and connections, with a hard cap on their number.
//!
//! ```text
//!   worker: MetricRecorder ──┐ hand-over, about once a second
//!   worker: MetricRecorder ──┼──▶ MetricStore ──▶ collect() ──▶ OTLP requests
//!   worker: MetricRecorder ──┘    two fences  └──▶ export::prometheus (the same numbers)
//! ```
//!
//! How to use it:
//!
//! ```ignore
//! let plan = MetricPlan::new(settings)?;                        // names the setting that is wrong
//! let names = Names::new(|pid| resource_of(pid), |address| peer_of(address));
//! let store = MetricStore::new(plan, own_resource, names, now); // one
//! let mut recorder = store.recorder();                          // one for each worker
//!
//! recorder.record(&observed, span);     // on each exchange, by the worker
//! recorder.hand_over();                 // about once a second, by the worker
//! store.absorb(now);                    // about once a second, by anyone
//! let batches = store.collect(now);     // each export interval, by one caller only
//! let batches = store.finish(now);      // at the end, after the workers' last hand-over
//! store.read_also(|tell| …);            // what the probe knows of itself, asked at each collection
//! store.status().notes();               // for the status line
//! ```
//!
//! A recorder finds the key of what it observes (process, kind of exchange, values of the attributes that some metric
//! carries) and adds to it, without a lock and without allocating for a key that it has had since its last hand-over.
//! When it has [too many](recorder) keys it hands over at once: workers drop nothing and fold nothing.
//!
//! The [store] finds out whose process it is, waiting up to `identity_wait` for one that is not known yet, and adds
//! each measurement to exactly one series of each metric, behind two [fences](fence). Sums, counts and buckets stay exact
//! through both; a series that was sent once keeps its place. A series that nothing is added to for `idle` is dropped, and
//! begins anew, with a new start time, when it comes back. Services beyond `resources` share one, whose measurements all
//! go to overflow points.
//!
//! What metrics there are, and what they are called, is [one table](table).

mod attribute_lists;
mod connections;
mod exponential;
mod fence;
mod graph;
mod key;
mod kinds;
mod own;
mod point;
mod recorder;
mod request;
mod settings;
mod state;
mod status;
mod store;
pub mod table;
#[cfg(test)]
pub(crate) mod tests;
mod view;

pub use exponential::Exponential;
pub use graph::Peer;
pub use own::OwnReading;
pub use point::SpanRef;
pub use recorder::MetricRecorder;
pub(crate) use settings::can_have;
pub use settings::{Histograms, MetricChange, MetricPlan, MetricSettings, MetricSettingsError, Temporality};
pub use status::MetricStatus;
pub use store::{MetricStore, Names};
pub use view::{HistogramView, SeriesView, ValueView};
