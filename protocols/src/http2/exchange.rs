//! What an exchange of HTTP/2 means in OpenTelemetry's terms: what one of HTTP/1 means, and how its stream ended.

use std::{borrow::Cow, fmt};

use super::{frame, record::Reset};
use crate::{
    Details, Direction, Endpoints, Measures, MetricAttributes, MetricVisit, Side, TraceParent, Value,
    http::exchange::HttpExchange,
};

/// One exchange, complete or in part.
pub(super) struct Http2Exchange<'a> {
    pub(super) http: HttpExchange<'a>,
    pub(super) reset: Option<Reset>,
    pub(super) promised: bool,
}

impl Details for Http2Exchange<'_> {
    fn name(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        self.http.name(out)
    }

    fn summary(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        self.http.summary(out)
    }

    fn error_type(&self, side: Side) -> Option<Cow<'_, str>> {
        self.http.error_type(side)
    }

    fn attributes<'s>(&'s self, side: Side, endpoints: &Endpoints, visit: &mut dyn FnMut(&str, Value<'s>)) {
        self.http.attributes(side, endpoints, visit);
        if let Some(reset) = self.reset {
            let by = if reset.by == Direction::ToServer { "client" } else { "server" };
            visit("plainsight.http2.reset.by", Value::Text(Cow::Borrowed(by)));
            if let Some(code) = reset.code {
                visit("plainsight.http2.reset.code", Value::Text(Cow::Borrowed(frame::error_name(code))));
            }
        }
        if self.promised {
            visit("plainsight.http2.push", Value::Text(Cow::Borrowed("promised")));
        }
    }

    fn metric_attributes(
        &self,
        side: Side,
        endpoints: &Endpoints,
        wanted: MetricAttributes,
        visit: MetricVisit<'_>,
    ) {
        self.http.metric_attributes(side, endpoints, wanted, visit);
    }

    fn measures(&self) -> Measures {
        self.http.measures()
    }

    fn trace_parent(&self) -> Option<TraceParent> {
        self.http.trace_parent()
    }

    fn trace_state(&self) -> Option<&str> {
        self.http.trace_state()
    }
}
