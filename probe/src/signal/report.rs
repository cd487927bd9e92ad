//! Aggregates at one moment, ready to be shown or written.

use std::time::Duration;

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{Aggregate, Aggregates, KeyField, WallTime};

/// The aggregates of a stretch of time.
#[derive(Debug, Clone)]
pub struct Report {
    /// The fields of the rows' keys.
    pub fields: Vec<KeyField>,
    /// When the stretch began.
    pub start: WallTime,
    /// When it ended.
    pub end: WallTime,
    /// One row for each key, most exchanges first.
    pub rows: Vec<ReportRow>,
    /// All rows together.
    pub total: Aggregate,
    /// Exchanges that were counted together because there were too many keys.
    pub overflowed: u64,
}

/// The aggregate of one key.
#[derive(Debug, Clone)]
pub struct ReportRow {
    /// The key's values in the order of [`Report::fields`].
    pub values: Vec<Option<Box<str>>>,
    /// What is known of its exchanges.
    pub aggregate: Aggregate,
    /// Exchanges a second; absent where no time passed.
    pub rate: Option<f64>,
}

impl Report {
    /// A report of `aggregates`, whose keys are resolved. Rates are those of `recent`, which is a part of them seen
    /// within `recent_time`.
    #[must_use]
    pub fn new(
        aggregates: &Aggregates,
        recent: &Aggregates,
        recent_time: Duration,
        start: WallTime,
        end: WallTime,
    ) -> Self {
        let grouping = aggregates.grouping();
        let seconds = recent_time.as_secs_f64();
        let row = |(key, aggregate): (&[u8], &Aggregate)| {
            let count = recent.get(key).map_or(0, |aggregate| aggregate.count);
            #[expect(clippy::cast_precision_loss, reason = "a rate is for reading, not for adding up")]
            let rate = (seconds > 0.0).then(|| count as f64 / seconds);
            let values = grouping.values(key).map(|value| value.map(Into::into)).collect();
            ReportRow { values, aggregate: aggregate.clone(), rate }
        };
        Self {
            fields: grouping.fields().to_vec(),
            start,
            end,
            rows: aggregates.sorted().into_iter().map(row).collect(),
            total: aggregates.total(),
            overflowed: aggregates.overflowed(),
        }
    }

    /// The rows as objects for JSON, one for each key.
    pub fn objects(&self) -> impl Iterator<Item = impl Serialize + '_> {
        self.rows.iter().map(|row| RowObject { report: self, row })
    }
}

struct RowObject<'a> {
    report: &'a Report,
    row: &'a ReportRow,
}

impl Serialize for RowObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let aggregate = &self.row.aggregate;
        let nanos =
            |time: Option<Duration>| time.map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("start", &self.report.start)?;
        map.serialize_entry("end", &self.report.end)?;
        map.serialize_entry("key", &KeyObject(self))?;
        map.serialize_entry("count", &aggregate.count)?;
        map.serialize_entry("errors", &aggregate.errors)?;
        map.serialize_entry("rate_per_second", &self.row.rate)?;
        for (name, share) in [("p50_ns", 0.5), ("p90_ns", 0.9), ("p99_ns", 0.99)] {
            map.serialize_entry(name, &nanos(aggregate.quantile(share)))?;
        }
        map.serialize_entry("min_ns", &nanos(aggregate.shortest))?;
        map.serialize_entry("max_ns", &nanos(aggregate.longest))?;
        map.serialize_entry("request_bytes", &aggregate.request_bytes)?;
        map.serialize_entry("response_bytes", &aggregate.response_bytes)?;
        map.end()
    }
}

struct KeyObject<'a>(&'a RowObject<'a>);

impl Serialize for KeyObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.report.fields.len()))?;
        for (field, value) in self.0.report.fields.iter().zip(&self.0.row.values) {
            let number =
                value.as_ref().filter(|_| field.is_numeric()).and_then(|value| value.parse::<i64>().ok());
            match number {
                Some(number) => map.serialize_entry(field.name(), &number)?,
                None => map.serialize_entry(field.name(), value)?,
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{Example, Grouping};

    #[test]
    fn a_report_is_one_object_for_each_key() {
        let fields = vec![KeyField::Comm, KeyField::Status, KeyField::Container];
        let mut worker = Aggregates::new(Grouping::new(fields, false), 10);
        for duration in [100, 100, 400] {
            Example { duration: Some(duration), ..Example::default() }
                .observe(|observed| worker.record(observed));
        }
        let mut all = Aggregates::new(worker.grouping().resolved(), 10);
        all.collect(&worker, &crate::signal::Filter::default(), |_| None);
        let (start, end) = (WallTime::from_unix_nanos(0), WallTime::from_unix_nanos(2_000_000_000));
        let report = Report::new(&all, &all, Duration::from_secs(2), start, end);
        let lines: Vec<_> =
            report.objects().map(|object| serde_json::to_string(&object).expect("plain data")).collect();
        let expected = concat!(
            r#"{"start":"1970-01-01T00:00:00.000000000Z","end":"1970-01-01T00:00:02.000000000Z","#,
            r#""key":{"comm":"nginx","status":200,"container":null},"#,
            r#""count":3,"errors":0,"rate_per_second":1.5,"p50_ns":103,"p90_ns":400,"p99_ns":400,"#,
            r#""min_ns":100,"max_ns":400,"request_bytes":936,"response_bytes":5412}"#,
        );
        // 103 is the histogram's estimate of 100; an estimate of 400 is held to what was seen.
        assert_eq!(lines, [expected]);
    }
}
