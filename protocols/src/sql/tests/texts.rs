//! The sanitised text.

use super::*;

#[test]
fn every_kind_of_literal_is_masked_in_mysql() {
    for (query, text) in [
        (
            "SELECT 1, -1, 1.5e-3, .5, 0xFF, 0b01, x'4D', X'4d', b'01', N'a', _utf8mb4'é', _latin1\"a\"",
            "SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?",
        ),
        (r#"SELECT 'it''s', 'it\'s', "a""b", "a\"b", 'a\\'"#, "SELECT ?, ?, ?, ?, ?"),
        ("SELECT TRUE, false, NULL", "SELECT ?, ?, NULL"),
        (
            "SELECT DATE '2024-05-01', INTERVAL 1 DAY, DATE'2024-05-01'",
            "SELECT DATE ?, INTERVAL ? DAY, DATE?",
        ),
        ("SELECT a-1, a - 1, (a)-1, `a`-1, a.b-1, 2-1", "SELECT a-?, a - ?, (a)-?, `a`-?, a.b-?, ??"),
        (
            "SELECT `a'b`, `a``b`, t1.c2, `t`.`c` FROM `db`.t",
            "SELECT `a'b`, `a``b`, t1.c2, `t`.`c` FROM `db`.t",
        ),
        ("SELECT @a := 'x', @@session.sql_mode", "SELECT @a := ?, @@session.sql_mode"),
        ("SELECT a # it's\n, b -- it's\n, c /* it's */ FROM t", "SELECT a  , b  , c  FROM t"),
        ("SELECT 5--1, 5 -- 1", "SELECT ?-?, ?"),
        ("SELECT /*!50001 'secret', */ /*M! 2, */ 3 /*+ NO_INDEX(t) */", "SELECT  ?,   ?,  ?"),
        ("SELECT/**/a/**/FROM/**/t", "SELECT a FROM t"),
        ("SELECT 'a' 'b'", "SELECT ? ?"),
        ("SELECT 'a'AS b, 'c'FROM t", "SELECT ?AS b, ?FROM t"),
        ("SELECT 12abc, 5e3f6a7b", "SELECT ?, ?"),
        ("SELECT ? FROM t WHERE a = ?", "SELECT ? FROM t WHERE a = ?"),
    ] {
        assert_eq!(mysql(query).text, text, "{query}");
    }
}

#[test]
fn every_kind_of_literal_is_masked_in_postgresql() {
    for (query, text) in [
        (r"SELECT E'it\'s', e'\\', U&'d\0061', B'01', X'1F', N'a', 'C:\dir\'", "SELECT ?, ?, ?, ?, ?, ?, ?"),
        ("SELECT $$it's$$, $tag$ $$ $1 'x' $tag$, $1, $2::int", "SELECT ?, ?, $1, $2::int"),
        ("DO $body$ BEGIN PERFORM 'x'; END $body$", "DO ?"),
        (
            r#"SELECT "it's", "a""b", U&"d\0061", "S"."t" FROM "T""#,
            r#"SELECT "it's", "a""b", U&"d\0061", "S"."t" FROM "T""#,
        ),
        (
            "SELECT '2024-01-01'::date, a::text, :name, x[1:2], ARRAY['a',2]",
            "SELECT ?::date, a::text, :name, x[?:?], ARRAY[?,?]",
        ),
        (
            "SELECT j->'a'->>-1 FROM t WHERE j ? 'k' AND j ?| ARRAY['a'] AND j ?& $1 AND j @? '$.a'",
            "SELECT j->?->>? FROM t WHERE j ? ? AND j ?| ARRAY[?] AND j ?& $1 AND j @? ?",
        ),
        ("SELECT 1 /* a /* nested 'x' */ 'y' */, 2 -- 'z'\n", "SELECT ? , ?"),
        ("SELECT 5--1\n, 6", "SELECT ? , ?"),
        ("SELECT a#>'{b}', 7 # 3 FROM t", "SELECT a#>?, ? # ? FROM t"),
        ("SELECT E'a'\n'b\\'c', 'd'", "SELECT ? ?, ?"),
        ("SELECT a$b$c FROM t$1", "SELECT a$b$c FROM t$1"),
        ("SELECT INTERVAL '1 day', TRUE IS NOT FALSE", "SELECT INTERVAL ?, ? IS NOT ?"),
    ] {
        assert_eq!(postgresql(query).text, text, "{query}");
    }
}

#[test]
fn lists_behind_in_fold_to_one_value_and_placeholders_with_numbers_stay() {
    for (query, text) in [
        (
            "SELECT * FROM t WHERE a IN (1, 2,3 , 'x') AND b in(1)",
            "SELECT * FROM t WHERE a IN (?) AND b in(?)",
        ),
        ("SELECT * FROM t WHERE a IN (?, ?, ?)", "SELECT * FROM t WHERE a IN (?)"),
        ("SELECT * FROM t WHERE a IN ($1, $2)", "SELECT * FROM t WHERE a IN ($1, $2)"),
        ("SELECT * FROM t WHERE a IN (1, b, 2)", "SELECT * FROM t WHERE a IN (?, b, ?)"),
        ("SELECT * FROM t WHERE a IN (SELECT 1)", "SELECT * FROM t WHERE a IN (SELECT ?)"),
        ("SELECT * FROM t WHERE a IN (1, 2", "SELECT * FROM t WHERE a IN (?, ?"),
        ("INSERT INTO t VALUES (1, 'a'), (2, 'b')", "INSERT INTO t VALUES (?, ?), (?, ?)"),
    ] {
        assert_eq!(postgresql(query).text, text, "{query}");
    }
}

#[test]
fn white_space_stays_but_nothing_that_commands_a_terminal() {
    assert_eq!(mysql("  SELECT\r\n\ta \r b\x0b\n").text, "SELECT  a   b");
    assert_eq!(
        mysql("SELECT \x1b[2J, `a\x07\u{9b}` FROM t").text,
        "SELECT \u{fffd}[?, `a\u{fffd}\u{fffd}` FROM t"
    );
    let broken = analyse(b"SELECT \xff\xfe FROM \xe2\x82", Dialect::Postgresql);
    assert_eq!(broken.text, "SELECT \u{fffd}\u{fffd} FROM \u{fffd}");
    assert_eq!(broken.summary, "SELECT \u{fffd}");
}

#[test]
fn long_statements_are_cut_between_tokens() {
    let names: Vec<_> = (0..2000).map(|index| format!("column_{index}")).collect();
    let query = format!("SELECT {} FROM t WHERE a = 'secret'", names.join(", "));
    let statement = postgresql(&query);
    assert!(statement.text.len() <= TEXT_LIMIT && statement.text.len() > TEXT_LIMIT - 32);
    assert!(query.starts_with(&statement.text));
    assert_eq!(statement.summary, "SELECT t");

    let values = vec!["123456"; 100_000].join(",");
    let statement = postgresql(&format!("SELECT a FROM t WHERE a IN ({values}) AND b = 1"));
    assert_eq!(statement.text, "SELECT a FROM t WHERE a IN (?) AND b = ?");
    let statement = postgresql(&format!("SELECT a FROM t WHERE a IN ({values}"));
    assert!(statement.text.len() <= TEXT_LIMIT);
}

#[test]
fn an_empty_statement_says_nothing() {
    for query in ["", " ", ";", "-- nothing", "/* app:shop */"] {
        assert_eq!(mysql(query).summary, "", "{query}");
        assert_eq!(postgresql(query).summary, "", "{query}");
    }
}
