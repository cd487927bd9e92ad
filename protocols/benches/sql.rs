//! Statements a second through [`analyse`] on one core.
//!
//! `cargo bench -p plainsight-protocols --bench sql`

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use plainsight_protocols::sql::{Dialect, analyse};

const MEASURED: Duration = Duration::from_secs(1);
const SLICE: u32 = 1_000;

fn measure(name: &str, query: &str, dialect: Dialect) {
    let (begun, mut best) = (Instant::now(), Duration::MAX);
    while begun.elapsed() < MEASURED {
        let slice = Instant::now();
        for _ in 0..SLICE {
            black_box(analyse(black_box(query.as_bytes()), dialect));
        }
        best = best.min(slice.elapsed());
    }
    let nanos = best.as_nanos() as f64 / f64::from(SLICE);
    let rate = query.len() as f64 / nanos;
    println!(
        "{name:<24} best {:>6.2} M/s ({nanos:>9.1} ns), {:>6} bytes, {rate:.2} GB/s",
        1_000.0 / nanos,
        query.len()
    );
}

fn main() {
    let list = vec!["123456"; 10_000].join(", ");
    let rows = vec!["(1, 'a text of some length', NULL)"; 1_000].join(", ");
    for (name, query) in [
        ("a key", "SELECT c FROM sbtest1 WHERE id=50321".to_owned()),
        ("an update of pgbench", "UPDATE pgbench_accounts SET abalance = abalance + -4183 WHERE aid = 37421;".to_owned()),
        (
            "a join",
            "SELECT o.id, o.total, c.name FROM orders AS o INNER JOIN customers AS c ON c.id = o.customer_id \
             LEFT JOIN regions r ON r.id = c.region_id WHERE o.created_at > '2024-05-01' AND o.state IN \
             ('open', 'paid', 'sent') GROUP BY o.id ORDER BY o.created_at DESC LIMIT 50"
                .to_owned(),
        ),
        ("a long list", format!("SELECT a FROM t WHERE b IN ({list})")),
        ("many rows", format!("INSERT INTO t (a, b, c) VALUES {rows}")),
        ("a long string", format!("INSERT INTO t VALUES ('{}')", "x".repeat(60_000))),
    ] {
        measure(name, &query, Dialect::Postgresql);
    }
}
