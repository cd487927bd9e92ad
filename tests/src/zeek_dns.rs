//! Zeek's `dns.log`, as its test suite keeps it beside a capture: an independent answer to the same question.

use anyhow::Context;

/// One line of the log. What the log has no column for is `None`, as is what Zeek did not see.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lookup {
    /// Address and port of the client, where the log names it.
    pub client: Option<String>,
    /// The name, in lower case, which is how Zeek writes it.
    pub query: Option<String>,
    /// The type's name.
    pub kind: Option<String>,
    /// The response code's name.
    pub code: Option<String>,
}

/// Reads a log. The suite keeps some whole, and of others only some columns, then without `#` before their names.
///
/// # Errors
/// If it is not such a log.
pub fn parse(log: &str) -> anyhow::Result<Vec<Lookup>> {
    let mut lines = log.lines().filter(|line| !line.is_empty());
    let names = lines
        .by_ref()
        .find_map(|line| line.strip_prefix("#fields\t").or_else(|| (!line.starts_with('#')).then_some(line)))
        .context("no line names the columns")?;
    let columns: Vec<_> = names.split('\t').collect();
    anyhow::ensure!(columns.contains(&"query"), "no column of queries in {names}");
    Ok(lines.filter(|line| !line.starts_with('#')).map(|line| lookup(&columns, line)).collect())
}

fn lookup(columns: &[&str], line: &str) -> Lookup {
    let values: Vec<_> = line.split('\t').collect();
    let value = |column: &str| {
        let place = columns.iter().position(|name| *name == column)?;
        values.get(place).copied().filter(|value| *value != "-").map(str::to_owned)
    };
    let client = value("id.orig_h").zip(value("id.orig_p")).map(|(host, port)| format!("{host} {port}"));
    let kind = value("qtype_name").map(|kind| match kind.strip_prefix("query-") {
        Some(number) => format!("TYPE{number}"),
        None if kind == "*" => "ANY".to_owned(),
        None => kind,
    });
    Lookup { client, query: value("query"), kind, code: value("rcode_name") }
}
