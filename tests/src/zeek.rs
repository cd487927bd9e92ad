//! Zeek's `http.log`, as its test suite keeps it beside a capture: an independent answer to the same question.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use anyhow::{Context, bail};

/// The requests of one connection by Zeek's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Client and server, where the log names them.
    pub ends: Option<(SocketAddr, SocketAddr)>,
    /// In the order of the connection.
    pub requests: Vec<Request>,
}

/// One line of the log. What the log has no column for is `None`, as is what Zeek did not see.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// The method.
    pub method: Option<String>,
    /// The request target.
    pub uri: Option<String>,
    /// The status.
    pub status: Option<String>,
}

/// A log: what it has columns for, and its conversations in the order in which they appear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpLog {
    /// Whether methods are logged.
    pub has_methods: bool,
    /// Whether request targets are.
    pub has_uris: bool,
    /// Whether statuses are.
    pub has_statuses: bool,
    /// The conversations.
    pub conversations: Vec<Conversation>,
}

/// Reads a log. The suite keeps some whole, and of others only some columns, then without `#` before their names.
///
/// # Errors
/// If it is not such a log.
pub fn parse(log: &str) -> anyhow::Result<HttpLog> {
    let mut lines = log.lines().filter(|line| !line.is_empty());
    let names = lines
        .by_ref()
        .find_map(|line| line.strip_prefix("#fields\t").or_else(|| (!line.starts_with('#')).then_some(line)))
        .context("no line names the columns")?;
    let columns = Columns(names.split('\t').collect());
    let mut conversations: Vec<Gathered<'_>> = Vec::new();
    for line in lines.filter(|line| !line.starts_with('#')) {
        let values: Vec<&str> = line.split('\t').collect();
        let connection = columns.connection(&values)?;
        let place = match conversations.iter().position(|known| known.connection == connection) {
            Some(place) => place,
            None => {
                let ends = columns.ends(&values)?;
                conversations.push(Gathered { connection, ends, requests: Vec::new() });
                conversations.len() - 1
            }
        };
        let depth = match columns.value("trans_depth", &values) {
            Some(depth) => depth.parse().with_context(|| format!("depth {depth}"))?,
            None => 0,
        };
        let text = |column| columns.value(column, &values).map(str::to_owned);
        let request =
            // Status 0 is Zeek's word for an HTTP/0.9 response, which has none.
            Request { method: text("method"), uri: text("uri"), status: text("status_code").filter(|code| code != "0") };
        conversations[place].requests.push((depth, request));
    }
    Ok(HttpLog {
        has_methods: columns.place("method").is_some(),
        has_uris: columns.place("uri").is_some(),
        has_statuses: columns.place("status_code").is_some(),
        conversations: conversations.into_iter().map(Gathered::in_order).collect(),
    })
}

/// The lines of any log of Zeek's, each as its values by the names of their columns. What is not set is left out.
///
/// # Errors
/// If no line names the columns.
pub fn rows(log: &str) -> anyhow::Result<Vec<BTreeMap<String, String>>> {
    let names =
        log.lines().find_map(|line| line.strip_prefix("#fields\t")).context("no line names the columns")?;
    let names: Vec<&str> = names.split('\t').collect();
    let row = |line: &str| {
        let set = names.iter().zip(line.split('\t')).filter(|(_, value)| *value != "-");
        set.map(|(name, value)| ((*name).to_owned(), value.to_owned())).collect()
    };
    Ok(log.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(row).collect())
}

/// A conversation while the log is being read.
struct Gathered<'a> {
    /// What the log calls the connection.
    connection: Vec<&'a str>,
    ends: Option<(SocketAddr, SocketAddr)>,
    /// Each with its place in the connection, zero where the log has none.
    requests: Vec<(u64, Request)>,
}

impl Gathered<'_> {
    fn in_order(mut self) -> Conversation {
        // Stable: where the log tells no place, its own order stays.
        self.requests.sort_by_key(|&(depth, _)| depth);
        let requests = self.requests.into_iter().map(|(_, request)| request).collect();
        Conversation { ends: self.ends, requests }
    }
}

struct Columns<'a>(Vec<&'a str>);

impl<'a> Columns<'a> {
    fn place(&self, column: &str) -> Option<usize> {
        self.0.iter().position(|name| *name == column)
    }

    /// A value that is there and set.
    fn value<'v>(&self, column: &str, values: &[&'v str]) -> Option<&'v str> {
        self.place(column).and_then(|place| values.get(place)).copied().filter(|value| *value != "-")
    }

    /// What tells one connection from another: Zeek's own identity of it, else its addresses.
    fn connection<'v>(&self, values: &[&'v str]) -> anyhow::Result<Vec<&'v str>> {
        if let Some(uid) = self.value("uid", values) {
            return Ok(vec![uid]);
        }
        let ends = ["id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p"];
        match ends.iter().map(|column| self.value(column, values)).collect() {
            Some(ends) => Ok(ends),
            None => bail!("neither a connection's identity nor its addresses in {values:?}"),
        }
    }

    fn ends(&self, values: &[&'a str]) -> anyhow::Result<Option<(SocketAddr, SocketAddr)>> {
        Ok(match (self.end("id.orig_h", "id.orig_p", values)?, self.end("id.resp_h", "id.resp_p", values)?) {
            (Some(client), Some(server)) => Some((client, server)),
            _ => None,
        })
    }

    fn end(&self, host: &str, port: &str, values: &[&'a str]) -> anyhow::Result<Option<SocketAddr>> {
        let (Some(host), Some(port)) = (self.value(host, values), self.value(port, values)) else {
            return Ok(None);
        };
        let host: IpAddr = host.parse().with_context(|| format!("address {host}"))?;
        let port = port.parse().with_context(|| format!("port {port}"))?;
        Ok(Some(SocketAddr::new(host, port)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, uri: &str, status: Option<&str>) -> Request {
        Request { method: Some(method.into()), uri: Some(uri.into()), status: status.map(str::to_owned) }
    }

    #[test]
    fn a_whole_log_is_read_by_its_fields_line() {
        let log = "### comment\n#separator \\x09\n#fields\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tmethod\turi\
                   \tstatus_code\n#types\tstring\nA\t::1\t5\t10.0.0.1\t80\tGET\t/a\t200\nA\t::1\t5\t10.0.0.1\t80\tGET\t/b\t-\n#close\n";
        let log = parse(log).expect("a log");
        assert!(log.has_methods && log.has_uris && log.has_statuses);
        let ends = Some(("[::1]:5".parse().expect("address"), "10.0.0.1:80".parse().expect("address")));
        let requests = vec![request("GET", "/a", Some("200")), request("GET", "/b", None)];
        assert_eq!(log.conversations, [Conversation { ends, requests }]);
    }

    #[test]
    fn a_log_of_some_columns_is_ordered_by_depth_within_each_connection() {
        let log = "### comment\nuid\ttrans_depth\tmethod\turi\nB\t2\tGET\t/2\nA\t1\tGET\t/a\nB\t1\tGET\t/1\n";
        let log = parse(log).expect("a log");
        assert!(!log.has_statuses);
        let requests: Vec<_> =
            log.conversations.into_iter().map(|conversation| conversation.requests).collect();
        let expected =
            [vec![request("GET", "/1", None), request("GET", "/2", None)], vec![request("GET", "/a", None)]];
        assert_eq!(requests, expected);
    }

    #[test]
    fn what_is_no_log_is_an_error() {
        assert!(parse("").is_err());
        assert!(parse("method\turi\nGET\t/\n").is_err());
    }
}
