//! What is made of exchanges: records, filters, aggregates.

pub mod access_log;
mod aggregate;
mod attributes;
mod clock;
mod facets;
mod filter;
mod filter_values;
mod grouping;
mod histogram;
mod ids;
pub mod metrics;
pub mod otlp;
pub mod protobuf;
mod record;
mod report;
pub mod spool;
pub mod status;
#[cfg(test)]
mod testing;
pub mod traces;

pub use aggregate::{Aggregate, Aggregates, DEFAULT_KEY_LIMIT};
pub use attributes::{AttributeValue, Attributes};
pub use clock::{Clock, WallTime};
pub use facets::{Facets, StatusCode};
pub use filter::{Filter, KernelFilter};
pub use filter_values::{FilterValueError, PathPattern, RemotePattern, StatusPattern, TimeSpan};
pub use grouping::{Grouping, KeyField, KeyFields, OVERFLOW, default_fields};
pub use histogram::Histogram;
pub use ids::IdGenerator;
pub(crate) use ids::{fill_random, hexadecimal};
pub use record::{Record, RecordBuilder, outcome_name, outcome_reason, side_name};
pub use report::{Report, ReportRow};
pub use status::{LossReason, Status, limit_notes};

#[cfg(test)]
pub(crate) use testing::{Example, ExampleDetails};
