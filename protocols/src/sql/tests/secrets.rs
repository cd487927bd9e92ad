//! Statements that carry credentials, whole, wrongly quoted, and cut.

use super::*;

#[test]
fn passwords_are_masked_in_every_statement_that_carries_one() {
    for (query, text) in [
        ("CREATE USER johndoe WITH PASSWORD = 'hunter2';", "CREATE USER johndoe WITH PASSWORD = ?;"),
        ("CREATE USER 'a'@'%' IDENTIFIED BY 'hunter2'", "CREATE USER ?@? IDENTIFIED BY ?"),
        (
            "ALTER USER a IDENTIFIED WITH caching_sha2_password BY 'hunter2' REPLACE 'hunter1'",
            "ALTER USER a IDENTIFIED WITH caching_sha2_password BY ? REPLACE ?",
        ),
        ("SET PASSWORD FOR 'a'@'b' = PASSWORD('hunter2')", "SET PASSWORD FOR ?@? = PASSWORD(?)"),
        ("SET PASSWORD = 'hunter2'", "SET PASSWORD = ?"),
        (
            "GRANT ALL ON *.* TO 'a'@'b' IDENTIFIED BY 'hunter2' WITH GRANT OPTION",
            "GRANT ALL ON *.* TO ?@? IDENTIFIED BY ? WITH ?",
        ),
        (
            "CHANGE MASTER TO MASTER_HOST='h', MASTER_PASSWORD='hunter2'",
            "CHANGE MASTER TO MASTER_HOST=?, MASTER_PASSWORD=?",
        ),
        ("ALTER ROLE a PASSWORD 'hunter2' VALID UNTIL 'x'", "ALTER ROLE a PASSWORD ? VALID UNTIL ?"),
        (
            "CREATE SUBSCRIPTION s CONNECTION 'host=h password=hunter2' PUBLICATION p",
            "CREATE SUBSCRIPTION s CONNECTION ? PUBLICATION ?",
        ),
        (
            "CREATE USER MAPPING FOR a SERVER s OPTIONS (user 'a', password 'hunter2')",
            "CREATE USER MAPPING FOR a SERVER s OPTIONS (user ?, password ?)",
        ),
        ("SELECT dblink_connect('c', 'host=h password=hunter2')", "SELECT dblink_connect(?, ?)"),
    ] {
        assert_eq!(mysql(query).text, text, "{query}");
        assert_eq!(postgresql(query).text, text, "{query}");
    }
}

#[test]
fn passwords_without_quotes_or_with_wrong_ones_are_masked_with_all_that_follows() {
    for query in [
        "ALTER USER a IDENTIFIED BY hunter2",
        "ALTER USER a IDENTIFIED BY 'it's hunter2'",
        "ALTER USER a IDENTIFIED BY 'it' s hunter2'",
        "ALTER USER a IDENTIFIED BY 'x'; hunter2'",
        "ALTER USER a IDENTIFIED BY 'x' hunter2 'y'",
        "ALTER USER a IDENTIFIED BY `hunter2`",
        "ALTER USER a IDENTIFIED BY 'hunter2",
        "ALTER USER a IDENTIFIED BY 'x\\' hunter2",
        "ALTER USER a IDENTIFIED BY 'x', hunter2",
        "SET PASSWORD = hunter2",
    ] {
        for statement in [mysql(query), postgresql(query)] {
            assert!(!format!("{statement:?}").contains("hunter2"), "{query}: {statement:?}");
            assert!(statement.text.contains('?'), "{query}: {statement:?}");
        }
    }
    let executed = mysql("/*!50701 ALTER USER a IDENTIFIED BY hunter2 */");
    assert_eq!(executed.text, "ALTER USER a IDENTIFIED BY ?");
    assert!(!postgresql("ALTER USER a PASSWORD \"hunter2\"").text.contains("hunter2"));
}

#[test]
fn wrong_quotes_anywhere_mask_the_rest() {
    for query in [
        "SELECT * FROM t WHERE a = 'it's hunter2'",
        "SELECT * FROM t WHERE a = 'O'Brien' AND b = 'hunter2'",
        "SELECT * FROM t WHERE a = 'hunter2",
        "SELECT dblink('password=it's hunter2')",
        "SELECT * FROM t WHERE a = '5'6 hunter2'",
    ] {
        for statement in [mysql(query), postgresql(query)] {
            assert!(!format!("{statement:?}").contains("hunter2"), "{query}: {statement:?}");
        }
        assert!(mysql(query).text.ends_with('?'), "{query}");
    }
    for query in [
        "SELECT \"hunter2",
        "SELECT `hunter2",
        "SELECT $$hunter2",
        "SELECT $hunter2",
        "SELECT '{\"a\":\"O'\", \"hunter2\"}'",
    ] {
        assert!(!postgresql(query).text.contains("hunter2"), "{query}: {}", postgresql(query).text);
    }
}

#[test]
fn a_server_that_reads_backslashes_otherwise_leaks_nothing_that_shows() {
    // NO_BACKSLASH_ESCAPES: the first string ends behind the backslash.
    let statement = mysql(r"INSERT INTO t VALUES ('C:\', 'hunter2')");
    assert_eq!(statement.text, "INSERT INTO t VALUES (?");
    let statement = mysql(r"INSERT INTO t VALUES ('C:\' , ' hunter2')");
    assert!(!statement.text.contains("hunter2"), "{statement:?}");
    // standard_conforming_strings = off: the quote behind the backslash does not end it.
    let statement = postgresql(r"SELECT 'it\' hunter2' FROM t");
    assert!(!statement.text.contains("hunter2"), "{statement:?}");
}

#[test]
fn doubts_within_a_list_that_was_folded_are_kept() {
    for shift in 0..8 {
        let query =
            format!("SELECT a FROM t WHERE b IN ('1', '2', 'x\\'y') AND {}éé = 'hunter2", "c".repeat(shift));
        let statement = mysql(&query);
        assert_eq!(statement.text, "SELECT a FROM t WHERE b IN (??");
        assert_eq!(statement.summary, "SELECT t");
    }
}

#[test]
fn other_statements_may_name_passwords() {
    assert_eq!(
        mysql("SELECT password FROM user WHERE id = 1").text,
        "SELECT password FROM user WHERE id = ?"
    );
    let definition = "CREATE TABLE user (id int, password text)";
    assert_eq!(mysql(definition).text, definition);
}
