//! MariaDB by its own client and by two drivers of Python, one of which prepares: counts are the server's.

use anyhow::Result;
use plainsight_tests::{
    durations,
    mariadb::{Mariadb, PACKAGES},
    probe::{Outcome, Probe},
    process::{Script, python, run_well},
    record::Record,
};

/// An exchange in a line: its name, its error with its SQLSTATE, the rows that came back, and those that were changed.
fn line(record: &Record) -> String {
    let mut line = record.name.clone();
    if let Some(error) = &record.error_type {
        line.push_str(&format!(" {error} {}", record.text("plainsight.db.sqlstate")));
    }
    for (word, attribute) in
        [("rows", "db.response.returned_rows"), ("changed", "plainsight.db.affected_rows")]
    {
        if let Some(count) = record.number(attribute).filter(|&count| word == "rows" || count > 0) {
            line.push_str(&format!(" {count} {word}"));
        }
    }
    line
}

/// The lines of one side, without what drivers say of themselves.
fn lines(outcome: &Outcome, side: &str) -> Vec<String> {
    let housekeeping = ["SET ", "PING", "RESET_STATEMENT ", "COMMIT", "ROLLBACK"];
    let said = outcome.lines(side, line).into_iter();
    said.filter(|line| !housekeeping.iter().any(|word| line.starts_with(word))).collect()
}

/// What `mysql_client.py` does.
fn expected() -> Vec<String> {
    let driver = [
        &["LOGIN shop", "CREATE TABLE orders"][..],
        &["INSERT orders 1 changed"; 20],
        &["UPDATE orders 3 changed", "SELECT orders 5 rows", "SELECT orders 20 rows"],
        &["shop 1064 42000", "SELECT nowhere 1146 42S02", "INSERT orders 1062 23000"],
        &["USE mysql", "SELECT 1 rows", "INIT_DB shop", "SELECT 1 rows"],
        &["SELECT 1 rows"; 5],
        &["LOGIN shop", "PREPARE SELECT orders"],
        &["SELECT orders 10 rows", "SELECT orders 9 rows", "SELECT orders 8 rows"],
        &["PREPARE INSERT orders", "INSERT orders 1062 23000", "PREPARE DELETE nowhere 1146 42S02"],
        &["CREATE PROCEDURE two", "CALL two 21 rows"],
    ];
    driver.concat().into_iter().map(str::to_owned).collect()
}

#[test]
fn two_drivers_statements_are_seen_with_rows_errors_and_databases_and_without_literals() -> Result<()> {
    let mariadb = Mariadb::start()?;
    let counters = ["Com_insert", "Com_stmt_prepare", "Com_stmt_execute"];
    let count = || counters.iter().map(|name| mariadb.counter(name)).collect::<Result<Vec<_>>>();
    let before = count()?;
    let probe = Probe::of_server(mariadb.address)?;
    let printed = run_well(&mut python("mysql_client.py", [mariadb.port()])?, "python3-venv")?;
    let outcome = probe.stop()?;
    let made: Vec<_> = count()?.iter().zip(before).map(|(after, before)| after - before).collect();
    outcome.assert_whole_and_masked("mysql", "hunter");
    outcome.assert_failures_are_statuses();
    for side in ["client", "server"] {
        assert_eq!(lines(&outcome, side), expected(), "{side}");
        let text = |name: &str| outcome.named(side, name)[0].text("db.query.text").to_owned();
        assert_eq!(text("INSERT orders"), "INSERT INTO orders VALUES (?, ?)");
        assert_eq!(text("UPDATE orders"), "UPDATE orders SET note = ? WHERE id < ?");
        assert_eq!(text("shop"), "SELEKT ?");
        let large = outcome.named(side, "SELECT orders")[1];
        assert!(large.response_bytes > 2_000_000, "{large:?}");
        // Each of the three that were executed, and the one that failed, are shown with the text prepared.
        let prepared = outcome.side(side).into_iter().filter(|record| {
            record.number("plainsight.db.statement.id").is_some()
                && record.text("db.operation.name").is_empty()
        });
        let texts: Vec<_> = prepared.map(|record| record.text("db.query.text")).collect();
        let select = "SELECT id, note FROM orders WHERE id >= ? AND note <> ?";
        assert_eq!(texts, [select, select, select, "INSERT INTO orders VALUES (?, ?)"], "{side}");
        let databases: Vec<_> =
            outcome.named(side, "SELECT").iter().map(|record| record.text("db.namespace")).collect();
        assert_eq!(databases, [&["mysql"][..], &["shop"; 6]].concat(), "{side}: USE and COM_INIT_DB");
        assert!(outcome.side(side).iter().all(|record| record.text("db.system.name") == "mariadb"));
        let prepares = outcome.side(side).iter().filter(|r| r.text("db.operation.name") == "PREPARE").count();
        let inserts = outcome.named(side, "INSERT orders").len();
        assert_eq!([inserts as u64, prepares as u64, texts.len() as u64][..], made, "{side}: {counters:?}");
    }
    let slept: Vec<_> = outcome.named("client", "SELECT").into_iter().skip(2).collect();
    durations::assert_agree(&slept, durations::printed(&printed)?);
    Ok(())
}

#[test]
fn the_client_s_own_statements_are_as_many_as_the_server_counts() -> Result<()> {
    let mariadb = Mariadb::start()?;
    let before = mariadb.counter("Com_select")?;
    let probe = Probe::of_server(mariadb.address)?;
    let script: String = (0..200).map(|number| format!("SELECT 'hunter2', {number} AS answer;")).collect();
    run_well(mariadb.client().args(["--database=shop", "--execute", &script]), PACKAGES)?;
    let outcome = probe.stop()?;
    let made = mariadb.counter("Com_select")? - before;
    outcome.assert_whole_and_masked("mysql", "hunter");
    outcome.assert_failures_are_statuses();
    for side in ["client", "server"] {
        let selects: Vec<_> = outcome
            .side(side)
            .into_iter()
            .filter(|record| record.text("db.query.text").to_ascii_lowercase().starts_with("select"))
            .collect();
        assert_eq!(selects.len() as u64, made, "{side}: {:?}", outcome.names(side));
        let answers: Vec<_> =
            selects.iter().filter(|r| r.text("db.query.text") == "SELECT ?, ? AS answer").collect();
        assert_eq!(answers.len(), 200, "{side}");
        assert!(answers.iter().all(|record| record.number("db.response.returned_rows") == Some(1)));
        assert!(answers.iter().all(|record| record.text("db.namespace") == "shop"), "{side}");
    }
    Ok(())
}

#[test]
fn a_connection_that_agrees_on_compression_is_marked_and_left_alone() -> Result<()> {
    let mariadb = Mariadb::start()?;
    let probe = Probe::of_server(mariadb.address)?;
    let script: String = (0..50).map(|number| format!("SELECT REPEAT('hunter2', {number});")).collect();
    let arguments = ["--database=shop", "--compress", "--skip-ssl", "--execute", &script];
    run_well(mariadb.client().args(arguments), PACKAGES)?;
    let outcome = probe.stop()?;
    outcome.assert_whole_and_masked("mysql", "hunter");
    outcome.assert_failures_are_statuses();
    for side in ["client", "server"] {
        let records = outcome.side(side);
        assert_eq!(records.iter().map(|record| record.name.as_str()).collect::<Vec<_>>(), ["LOGIN shop"]);
        assert_eq!(records[0].text("plainsight.db.compression"), "zlib", "{:?}", records[0]);
    }
    Ok(())
}

#[test]
fn a_connection_joined_in_the_middle_shows_what_can_be_known_of_it() -> Result<()> {
    let mariadb = Mariadb::start()?;
    let mut script = Script::start("mysql_joined.py", [mariadb.port()])?;
    script.expect("connected")?;
    let probe = Probe::of_server(mariadb.address)?;
    script.finish()?;
    let outcome = probe.stop()?;
    outcome.assert_whole_and_masked("mysql", "hunter");
    outcome.assert_failures_are_statuses();
    for side in ["client", "server"] {
        let unknown = outcome
            .side(side)
            .into_iter()
            .filter(|record| record.text("plainsight.db.statement") == "unknown" && record.name == "EXECUTE");
        assert_eq!(unknown.count(), 5, "{side}: executed, with a text that was not seen");
        let known: Vec<_> = outcome
            .side(side)
            .into_iter()
            .filter(|record| record.text("db.query.text") == "SELECT ?, ? AS answer")
            .collect();
        assert_eq!(known.len(), 5, "{side}");
        assert!(known.iter().all(|record| record.number("db.response.returned_rows") == Some(1)), "{side}");
        let failed: Vec<_> = outcome.side(side).iter().filter_map(|r| r.error_type.clone()).collect();
        assert_eq!(failed, ["1146"], "{side}");
        assert!(
            outcome.side(side).iter().all(|record| record.text("db.namespace").is_empty()
                && record.server.port == mariadb.address.port()),
            "{side}: the database was chosen unseen"
        );
    }
    Ok(())
}
