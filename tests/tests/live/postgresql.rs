//! PostgreSQL by psql, by pgbench in each of its modes, and by a driver of Python that pipelines.

use std::collections::BTreeMap;

use anyhow::Result;
use plainsight_tests::{
    durations,
    postgresql::{PACKAGES, Postgresql},
    probe::Probe,
    process::{Script, python, run_well},
    record::Record,
};

/// What pgbench runs in each transaction unless it is told otherwise, and what it answers each with.
const TRANSACTION: [(&str, &str); 7] = [
    ("BEGIN", "BEGIN"),
    ("UPDATE pgbench_accounts", "UPDATE 1"),
    ("SELECT pgbench_accounts", "SELECT 1"),
    ("UPDATE pgbench_tellers", "UPDATE 1"),
    ("UPDATE pgbench_branches", "UPDATE 1"),
    ("INSERT pgbench_history", "INSERT 0 1"),
    ("END", "COMMIT"),
];

const CLIENTS: usize = 4;
const TRANSACTIONS_EACH: usize = 50;

/// An exchange in a line: its name, its SQLSTATE, the rows that came back, and those that were changed.
fn line(record: &Record) -> String {
    let mut line = record.name.clone();
    if let Some(error) = &record.error_type {
        line.push_str(&format!(" {error}"));
    }
    if record.text("plainsight.postgresql.skipped") == "true" {
        line.push_str(" skipped");
    }
    for (word, attribute) in
        [("rows", "db.response.returned_rows"), ("changed", "plainsight.db.response.affected_rows")]
    {
        if let Some(count) = record.number(attribute) {
            line.push_str(&format!(" {count} {word}"));
        }
    }
    line
}

/// What `postgresql_client.py` does.
fn expected() -> Vec<String> {
    let driver = [
        &["CONNECT postgres", "CREATE TABLE orders"][..],
        &["INSERT orders 1 changed"; 30],
        &["INSERT orders 1 changed", "INSERT orders 23505", "INSERT orders skipped"],
        &["SELECT orders 7 rows", "SELECT orders 30 rows"],
        &["postgres 42601", "SELECT nowhere 42P01", "INSERT orders 23505"],
        &["PREPARE SELECT orders", "SELECT orders 1 rows", "SELECT orders 1 rows", "SELECT orders 1 rows"],
        &["BEGIN", "DECLARE SELECT orders", "DESCRIBE", "FETCH 10 rows", "CLOSE", "COMMIT"],
        &["COPY orders 50 changed", "COPY orders 80 rows"],
        &["SELECT 1 rows"; 5],
    ];
    driver.concat().into_iter().map(str::to_owned).collect()
}

#[test]
fn a_pipelining_driver_s_statements_are_seen_with_rows_errors_and_database_and_without_literals() -> Result<()>
{
    let postgresql = Postgresql::start()?;
    let probe = Probe::of_server(postgresql.address)?;
    let printed = run_well(&mut python("postgresql_client.py", [postgresql.port()])?, "python3-venv")?;
    let outcome = probe.stop()?;
    outcome.assert_whole_and_masked("postgresql", "hunter");
    outcome.assert_failures_are_statuses();
    for side in ["client", "server"] {
        assert_eq!(outcome.lines(side, line), expected(), "{side}");
        assert!(outcome.side(side).iter().all(|record| record.text("db.namespace") == "postgres"), "{side}");
        let texts = |name: &str| -> Vec<_> {
            outcome.named(side, name).iter().map(|record| record.text("db.query.text").to_owned()).collect()
        };
        let inserted = texts("INSERT orders");
        assert_eq!(inserted[0], "INSERT INTO orders VALUES ($1, $2)");
        assert_eq!(inserted.last().map(String::as_str), Some("INSERT INTO orders VALUES (?, ?)"));
        assert_eq!(texts("postgres"), ["SELEKT ?"]);
        assert_eq!(texts("SELECT orders")[4], "SELECT note FROM orders WHERE id = $1", "as it was prepared");
        let large = outcome.named(side, "SELECT orders")[1];
        assert!(large.response_bytes > 30 * 20_000, "{large:?}");
    }
    let slept = outcome.named("client", "SELECT");
    durations::assert_agree(&slept, durations::printed(&printed)?);
    Ok(())
}

#[test]
fn every_statement_of_the_benchmark_is_seen_in_each_of_its_modes() -> Result<()> {
    let postgresql = Postgresql::start()?;
    run_well(postgresql.client("pgbench").args(["-i", "-q", "postgres"]), PACKAGES)?;
    for mode in ["simple", "extended", "prepared"] {
        let probe = Probe::of_server(postgresql.address)?;
        let (clients, each) = (CLIENTS.to_string(), TRANSACTIONS_EACH.to_string());
        let arguments = ["-M", mode, "-c", &clients, "-t", &each, "-n", "postgres"];
        let printed = run_well(postgresql.client("pgbench").args(arguments), PACKAGES)?;
        let made = CLIENTS * TRANSACTIONS_EACH;
        assert!(printed.contains(&format!("actually processed: {made}/{made}")), "{printed}");
        let outcome = probe.stop()?;
        outcome.assert_whole_and_masked("postgresql", "hunter");
        outcome.assert_failures_are_statuses();
        for side in ["client", "server"] {
            let mut names = outcome.names(side);
            for (name, tag) in TRANSACTION {
                let seen = outcome.named(side, name);
                assert_eq!(seen.len(), made, "{mode}, {side}: {name}; {:?}", outcome.messages);
                let tagged = |record: &&Record| {
                    record.attributes.get("plainsight.postgresql.command_tags")
                        == Some(&serde_json::json!([tag]))
                };
                assert!(seen.iter().all(tagged), "{mode}, {side}: {name} {tag}");
                assert!(
                    seen.iter().all(|record| record.text("db.namespace") == "postgres"),
                    "{mode}, {side}"
                );
                names.remove(name);
            }
            assert!(outcome.side(side).iter().all(|record| record.error_type.is_none()), "{mode}, {side}");
            // Each client connects, as does pgbench itself, which asks for the size of the tables.
            assert_eq!(names.remove("CONNECT postgres"), Some(CLIENTS + 1), "{mode}, {side}");
            names.retain(|name, _| !name.starts_with("select "));
            let prepared = if mode == "prepared" { CLIENTS } else { 0 };
            let others: BTreeMap<_, _> = TRANSACTION
                .iter()
                .map(|(name, _)| (format!("PREPARE {name}"), prepared))
                .filter(|(_, count)| *count > 0)
                .collect();
            let names: BTreeMap<_, _> =
                names.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
            assert_eq!(names, others, "{mode}, {side}: each connection prepares each statement once");
        }
    }
    Ok(())
}

#[test]
fn psql_s_statements_are_counted() -> Result<()> {
    let postgresql = Postgresql::start()?;
    let probe = Probe::of_server(postgresql.address)?;
    let mut command = postgresql.client("psql");
    for number in 0..50 {
        command.args(["-c", &format!("SELECT 'hunter2', {number} AS answer")]);
    }
    run_well(command.args(["-d", "postgres"]), PACKAGES)?;
    let outcome = probe.stop()?;
    outcome.assert_whole_and_masked("postgresql", "hunter");
    outcome.assert_failures_are_statuses();
    for side in ["client", "server"] {
        assert_eq!(
            outcome.lines(side, line),
            [&["CONNECT postgres"][..], &["SELECT 1 rows"; 50]].concat(),
            "{side}"
        );
        assert!(
            outcome
                .named(side, "SELECT")
                .iter()
                .all(|record| record.text("db.query.text") == "SELECT ?, ? AS answer")
        );
    }
    Ok(())
}

#[test]
fn rows_larger_than_what_is_copied_of_a_call_are_never_miscounted() -> Result<()> {
    let postgresql = Postgresql::start()?;
    let probe = Probe::of_server(postgresql.address)?;
    let statements =
        ["SELECT repeat('x', 200000) FROM generate_series(1, 20) AS number", "SELECT 1 AS answer"];
    for _ in 0..3 {
        let arguments = statements.iter().flat_map(|statement| ["-c", statement]);
        run_well(
            postgresql.client("psql").args(["-d", "postgres", "-o", "/dev/null"]).args(arguments),
            PACKAGES,
        )?;
    }
    let outcome = probe.stop()?;
    for side in ["client", "server"] {
        let large =
            outcome.side(side).into_iter().filter(|record| record.text("db.query.text").contains("repeat"));
        for record in large.clone() {
            let rows = record.number("db.response.returned_rows");
            // A call of the client's may bring more than one row, and the beginning of the next lie beyond the copy.
            let is_honest = side == "client" && record.outcome == "partial" && rows.is_none();
            assert!(is_honest || (record.outcome == "complete" && rows == Some(20)), "{record:?}");
        }
        assert_eq!(large.count(), 3, "{side}");
        let small: Vec<_> = outcome
            .side(side)
            .into_iter()
            .filter(|record| record.text("db.query.text") == "SELECT ? AS answer")
            .map(|record| (record.outcome.as_str(), record.number("db.response.returned_rows")))
            .collect();
        assert_eq!(small, [("complete", Some(1)); 3], "{side}: the connection is followed again");
    }
    Ok(())
}

#[test]
fn a_connection_joined_in_the_middle_shows_what_can_be_known_of_it() -> Result<()> {
    let postgresql = Postgresql::start()?;
    let mut script = Script::start("postgresql_joined.py", [postgresql.port()])?;
    script.expect("connected")?;
    let probe = Probe::of_server(postgresql.address)?;
    script.finish()?;
    let outcome = probe.stop()?;
    outcome.assert_whole_and_masked("postgresql", "hunter");
    outcome.assert_failures_are_statuses();
    for side in ["client", "server"] {
        let unknown: Vec<_> = outcome
            .side(side)
            .into_iter()
            .filter(|record| record.text("plainsight.postgresql.statement") == "unknown")
            .collect();
        assert_eq!(unknown.len(), 5, "{side}: executed, with a text that was not seen");
        assert!(unknown.iter().all(|record| line(record) == "SELECT 1 rows"), "{side}: {unknown:?}");
        let texts: Vec<_> = outcome.side(side).iter().map(|record| record.text("db.query.text")).collect();
        assert_eq!(
            texts,
            [
                &[""; 5][..],
                &["SELECT ?, ? AS answer"; 5],
                &["SELECT * FROM nowhere"],
                &["SELECT $1::int * ?"; 5]
            ]
            .concat(),
            "{side}"
        );
        let failed: Vec<_> = outcome.side(side).iter().filter_map(|r| r.error_type.clone()).collect();
        assert_eq!(failed, ["42P01"], "{side}");
        assert!(
            outcome.side(side).iter().all(|record| record.text("db.namespace").is_empty()
                && record.server.port == postgresql.address.port()),
            "{side}: the database was chosen unseen"
        );
    }
    Ok(())
}
