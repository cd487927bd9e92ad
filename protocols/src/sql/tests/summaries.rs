//! The summary.

use super::*;

fn all(dialect: Dialect, cases: &[(&str, &str)]) {
    let wrong: Vec<_> = cases
        .iter()
        .filter_map(|(query, expected)| {
            let found = analyse(query.as_bytes(), dialect).summary;
            (found != *expected).then(|| format!("{query}\n  expected {expected}\n  found    {found}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn queries_name_their_tables_in_order() {
    all(
        Dialect::Postgresql,
        &[
            ("SELECT 1", "SELECT"),
            ("select a.b, c from only s.t as x where y in (1)", "select s.t"),
            ("SELECT * FROM \"song list\", \"S\" . \"t\"", "SELECT \"song list\" \"S\".\"t\""),
            ("SELECT * FROM a, (SELECT * FROM b WHERE x = 1), c", "SELECT a SELECT b c"),
            ("SELECT * FROM a LEFT JOIN b ON a.x = b.x, c RIGHT OUTER JOIN d USING (x, y)", "SELECT a b c d"),
            (
                "SELECT * FROM (a JOIN b ON a.x = b.x) JOIN LATERAL (SELECT 1 FROM c) z ON true",
                "SELECT a b SELECT c",
            ),
            (
                "SELECT a FROM t WHERE a = (SELECT max(b) FROM u) AND EXISTS (SELECT 1 FROM v)",
                "SELECT t SELECT u SELECT v",
            ),
            ("SELECT a FROM t UNION ALL SELECT b FROM u ORDER BY 1, 2", "SELECT t SELECT u"),
            ("(SELECT a FROM t) UNION (SELECT b FROM u)", "SELECT t SELECT u"),
            ("SELECT EXTRACT(year FROM ts), substring(a from 2 for 3), trim(both from b) FROM t", "SELECT t"),
            ("SELECT a IS DISTINCT FROM b FROM t WHERE a IS NOT DISTINCT FROM c", "SELECT t"),
            (
                "SELECT DISTINCT ON (a) a FROM t GROUP BY a, b HAVING count(*) > 1 FOR UPDATE OF t, u",
                "SELECT t",
            ),
            ("SELECT * FROM orders_of($1, 'x') AS o(a, b), unnest(c) d", "SELECT orders_of unnest"),
            ("SELECT * FROM t TABLESAMPLE SYSTEM (10) WINDOW w AS (PARTITION BY a, b)", "SELECT t"),
            ("SELECT \"from\", t.from, t.select FROM t", "SELECT t"),
            ("TABLE t", "TABLE t"),
            ("VALUES (1, 'a'), (2, 'b')", "VALUES"),
            ("SELECT * FROM (VALUES (1, 2), (3, 4)) v", "SELECT"),
            ("SELECT count(*) FROM t x WHERE x.update > 1 AND x.delete = 2", "SELECT t"),
        ],
    );
}

#[test]
fn changes_name_what_they_change_and_what_they_read() {
    all(
        Dialect::Postgresql,
        &[
            (
                "INSERT INTO s.t (a, b) VALUES (1, 2) ON CONFLICT (a) DO UPDATE SET b = 3 RETURNING a",
                "INSERT s.t",
            ),
            ("INSERT INTO t (a) SELECT a FROM u JOIN v USING (a)", "INSERT t SELECT u v"),
            ("UPDATE ONLY t SET a = u.b, c = 2 FROM u, v WHERE t.x = u.x", "UPDATE t u v"),
            ("UPDATE t SET a = (SELECT max(b) FROM u)", "UPDATE t SELECT u"),
            ("DELETE FROM t USING u JOIN v USING (a) WHERE t.x = u.x", "DELETE t u v"),
            (
                "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET b = 1 WHEN NOT MATCHED THEN INSERT VALUES (1)",
                "MERGE t s",
            ),
            ("COPY t (a, b) FROM STDIN WITH (FORMAT csv)", "COPY t"),
            ("COPY (SELECT a FROM t) TO STDOUT", "COPY SELECT t"),
            (
                "WITH x AS (SELECT a FROM t), y (b) AS MATERIALIZED (SELECT b FROM u) SELECT * FROM x, y",
                "SELECT t SELECT u SELECT x y",
            ),
            (
                "WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT n FROM r) SELECT n FROM r",
                "SELECT SELECT r SELECT r",
            ),
            (
                "WITH d AS (DELETE FROM t RETURNING *) INSERT INTO archive SELECT * FROM d",
                "DELETE t INSERT archive SELECT d",
            ),
        ],
    );
    all(
        Dialect::Mysql,
        &[
            ("INSERT IGNORE INTO `t` SET a = 1 ON DUPLICATE KEY UPDATE a = 2", "INSERT `t`"),
            ("REPLACE INTO t VALUES (1)", "REPLACE t"),
            ("SELECT REPLACE(a, 'x', 'y'), INSERT(a, 1, 2, 'z') FROM t", "SELECT t"),
            ("UPDATE a INNER JOIN b ON a.x = b.x, c SET a.y = 1, b.z = 2 WHERE 1", "UPDATE a b c"),
            ("DELETE a, b FROM t1 AS a INNER JOIN t2 AS b WHERE a.x = b.x", "DELETE t1 t2"),
            ("SELECT * FROM t USE INDEX FOR JOIN (i, j), u STRAIGHT_JOIN v", "SELECT t u v"),
            ("SELECT * FROM t LIMIT 5, 10", "SELECT t"),
            ("LOAD DATA LOCAL INFILE '/tmp/x' INTO TABLE t FIELDS TERMINATED BY ','", "LOAD DATA t"),
            ("/*!40001 SELECT */ * FROM /*!50100 t */", "SELECT t"),
        ],
    );
}

#[test]
fn definitions_name_what_they_define() {
    all(
        Dialect::Postgresql,
        &[
            (
                "CREATE TEMP TABLE IF NOT EXISTS s.t (a int DEFAULT 1, b text REFERENCES u (b) ON DELETE CASCADE)",
                "CREATE TABLE s.t",
            ),
            ("CREATE TABLE t AS SELECT * FROM u", "CREATE TABLE t SELECT u"),
            ("CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)", "CREATE INDEX i"),
            ("CREATE INDEX ON t (a)", "CREATE INDEX t"),
            ("CREATE OR REPLACE VIEW v AS SELECT * FROM t", "CREATE VIEW v"),
            ("CREATE MATERIALIZED VIEW v AS SELECT * FROM t", "CREATE MATERIALIZED VIEW v"),
            ("REFRESH MATERIALIZED VIEW CONCURRENTLY v", "REFRESH MATERIALIZED VIEW v"),
            (
                "CREATE FUNCTION f(a int, b int) RETURNS int AS $$ SELECT 1; $$ LANGUAGE sql; SELECT f(1, 2)",
                "CREATE FUNCTION f SELECT",
            ),
            ("ALTER TABLE IF EXISTS ONLY t ADD COLUMN update int, DROP COLUMN b", "ALTER TABLE t"),
            ("DROP TABLE IF EXISTS a, s.b CASCADE", "DROP TABLE a s.b"),
            ("TRUNCATE a, b RESTART IDENTITY", "TRUNCATE a b"),
            ("TRUNCATE TABLE a", "TRUNCATE TABLE a"),
            ("VACUUM (FULL, ANALYZE) t", "VACUUM t"),
            ("ANALYZE VERBOSE t (a, b)", "ANALYZE t"),
            ("LOCK TABLE a IN SHARE MODE", "LOCK TABLE a"),
            ("GRANT SELECT, INSERT ON t TO bob", "GRANT"),
            ("CREATE UNIQUE CLUSTERED INDEX i ON t (a);", "CREATE INDEX i"),
            (
                "CREATE TRIGGER g ON t AFTER UPDATE AS BEGIN UPDATE t SET a = 1; SELECT 1; END;",
                "CREATE TRIGGER g",
            ),
            ("CREATE PROCEDURE p @a INT, @b TEXT AS SELECT * FROM t WHERE a = @a;", "CREATE PROCEDURE p"),
            ("ALTER VIEW v AS SELECT * FROM t", "ALTER VIEW v"),
            ("DROP TRIGGER IF EXISTS g;", "DROP TRIGGER g"),
            ("COMMENT ON TABLE t IS 'x'", "COMMENT"),
        ],
    );
    all(
        Dialect::Mysql,
        &[
            (
                "CREATE DEFINER='root'@'%' PROCEDURE p() BEGIN SELECT * FROM t; DELETE FROM u; END",
                "CREATE PROCEDURE p",
            ),
            (
                "CREATE DEFINER=`root`@`localhost` TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1",
                "CREATE TRIGGER g",
            ),
            ("CREATE USER 'bob'@'%' IDENTIFIED BY 'x'", "CREATE USER"),
            ("LOCK TABLES a READ, b WRITE", "LOCK TABLES a b"),
            ("OPTIMIZE TABLE a, b", "OPTIMIZE TABLE a b"),
            ("CREATE TABLE user (id int, password varchar(20), key (password))", "CREATE TABLE user"),
        ],
    );
}

#[test]
fn everything_else_names_its_operation_and_nothing_that_programs_make_up() {
    all(
        Dialect::Postgresql,
        &[
            ("BEGIN", "BEGIN"),
            ("BEGIN ISOLATION LEVEL SERIALIZABLE", "BEGIN"),
            ("START TRANSACTION READ ONLY", "START TRANSACTION"),
            ("COMMIT", "COMMIT"),
            ("ROLLBACK TO SAVEPOINT sp_17", "ROLLBACK"),
            ("SAVEPOINT sp_17", "SAVEPOINT"),
            ("RELEASE SAVEPOINT sp_17", "RELEASE SAVEPOINT"),
            ("SET search_path TO 'x', public", "SET search_path"),
            ("SET LOCAL app.tenant = 'x'", "SET app.tenant"),
            ("SHOW server_version", "SHOW server_version"),
            ("PREPARE s_17 (int) AS SELECT * FROM t WHERE a = $1", "PREPARE SELECT t"),
            ("EXECUTE s_17 (1)", "EXECUTE"),
            ("DEALLOCATE s_17", "DEALLOCATE"),
            ("DECLARE c_17 CURSOR WITH HOLD FOR SELECT * FROM t", "DECLARE SELECT t"),
            ("FETCH 100 FROM c_17", "FETCH"),
            ("EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM t", "EXPLAIN SELECT t"),
            ("EXPLAIN ANALYZE UPDATE t SET a = 1", "EXPLAIN UPDATE t"),
            ("EXEC sp_rename 'a', 'b';", "EXEC sp_rename"),
            ("CALL s.p($1, 'x')", "CALL s.p"),
            ("LISTEN orders", "LISTEN orders"),
            ("NOTIFY orders, 'payload'", "NOTIFY orders"),
            ("DISCARD ALL", "DISCARD"),
            ("hello world", ""),
            ("secret') FROM t", ""),
        ],
    );
    all(
        Dialect::Mysql,
        &[
            ("USE shop", "USE shop"),
            ("SET NAMES 'utf8mb4'", "SET NAMES"),
            ("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "SET TRANSACTION"),
            ("SET @@session.sql_mode = 'x', autocommit = 0", "SET @@session.sql_mode"),
            ("SET @a = 1", "SET @a"),
            ("SHOW FULL TABLES FROM shop LIKE 'a%'", "SHOW TABLES shop"),
            ("SHOW CREATE TABLE t", "SHOW CREATE TABLE t"),
            ("SHOW VARIABLES LIKE 'x'", "SHOW VARIABLES"),
            ("DESCRIBE shop.t", "DESCRIBE shop.t"),
            ("EXPLAIN FORMAT=JSON SELECT * FROM t", "EXPLAIN SELECT t"),
            ("PREPARE s FROM 'SELECT secret FROM t'", "PREPARE"),
            ("XA START 'x'", "XA START"),
        ],
    );
}

#[test]
fn several_statements_stand_one_behind_the_other_and_repetitions_once() {
    all(
        Dialect::Postgresql,
        &[
            ("SELECT 1; SELECT * FROM t;", "SELECT SELECT t"),
            ("BEGIN; UPDATE t SET a = 1; COMMIT", "BEGIN UPDATE t COMMIT"),
            ("INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); INSERT INTO t VALUES (3)", "INSERT t"),
            ("SELECT a FROM (t; SELECT b FROM u", "SELECT t SELECT u"),
        ],
    );
}

#[test]
fn a_summary_ends_before_a_name_that_does_not_fit() {
    let long = "t".repeat(250);
    all(
        Dialect::Postgresql,
        &[
            (&format!("SELECT * FROM {long} o, b"), "SELECT"),
            (&format!("SELECT * FROM s.{long}, b"), "SELECT"),
            (&format!("SELECT * FROM b, {long}, c"), "SELECT b"),
        ],
    );
    let tables: Vec<_> = (0..100).map(|index| format!("table_{index}")).collect();
    let summary = mysql(&format!("SELECT * FROM {}", tables.join(", "))).summary;
    assert!(summary.len() <= SUMMARY_LIMIT && summary.len() > SUMMARY_LIMIT - 9, "{summary}");
    assert!(tables.contains(&summary.rsplit(' ').next().unwrap_or_default().to_owned()), "{summary}");
}

#[test]
fn parentheses_beyond_all_measure_are_survived() {
    let deep = format!("SELECT {}1{} FROM t", "(".repeat(10_000), ")".repeat(10_000));
    assert_eq!(postgresql(&deep).summary, "SELECT t");
    assert_eq!(postgresql(&")".repeat(10_000)).summary, "");
}
