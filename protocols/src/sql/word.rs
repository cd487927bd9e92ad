//! Keywords, which are written in either case.

/// A word without regard to case, to be compared with keywords: its length and its first fifteen letters, which tell all
/// words apart that are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(u128);

/// Letters that are compared.
const LETTERS: usize = 15;

impl Key {
    /// What is no keyword.
    pub(super) const NONE: Self = Self(0);

    pub(super) fn new(word: &[u8]) -> Self {
        let mut bytes = [0; LETTERS + 1];
        // A loop: words are too short for a copy to be worth its call.
        for (slot, &byte) in bytes.iter_mut().zip(word) {
            *slot = byte.to_ascii_uppercase();
        }
        bytes[LETTERS] = Self::length(word.len());
        Self(u128::from_le_bytes(bytes))
    }

    const fn keyword(word: &str) -> Self {
        let mut bytes = [0; LETTERS + 1];
        let mut index = 0;
        while index < word.len() && index < LETTERS {
            bytes[index] = word.as_bytes()[index];
            index += 1;
        }
        bytes[LETTERS] = Self::length(word.len());
        Self(u128::from_le_bytes(bytes))
    }

    const fn length(length: usize) -> u8 {
        if length > 0xff { 0xff } else { length.to_le_bytes()[0] }
    }
}

/// The keywords.
pub(super) mod key {
    use super::Key;

    macro_rules! keywords {
        ($($word:ident)*) => {
            $(pub(in crate::sql) const $word: Key = Key::keyword(stringify!($word));)*
        };
    }

    keywords! {
        ABORT ACCOUNT ADD AGGREGATE ALTER ANALYSE ANALYZE AND AS ASC BEGIN BETWEEN BY CALL CAST CHANGE CHECK
        CHECKPOINT CHECKSUM CLOSE CLUSTER COLLATE COLLATION COMMENT COMMIT CONCURRENTLY CONNECTION
        CONVERSION COPY CREATE CREATEDB CREATEROLE CURRENT DATA DATABASE DAY DEALLOCATE DECLARE DEFAULT
        DELAYED DELETE DESC DESCRIBE DISCARD DISTINCT DO DOMAIN DROP ELSE ENCRYPTED END EVENT EXCEPT EXEC
        EXECUTE EXISTS EXPIRE EXPLAIN EXTENDED EXTENSION FETCH FLUSH FOR FOREIGN FORMAT FREEZE FROM FULL
        FUNCTION GLOBAL GRANT GROUP HANDLER HAVING HELP HIGH_PRIORITY HISTORY HOST IDENTIFIED IF IGNORE
        IMPORT IN INDEX INHERIT INSERT INSTALL INSTANCE INTERSECT INTERVAL INTO IS JOIN JSON KILL LANGUAGE
        LATERAL LIMIT LISTEN LOAD LOCAL LOCK LOGFILE LOGIN LOW_PRIORITY MATERIALIZED MERGE MOVE NEVER
        NOCREATEDB NOCREATEROLE NOINHERIT NOLOGIN NONE NOREPLICATION NOSUPERUSER NOT NOTIFY
        NO_WRITE_TO_BINLOG NULL OFFSET ON ONLY OPERATOR OPTIMIZE OPTIONS OR ORDER PACKAGE PARTITIONS
        PASSWORD PERSIST PERSIST_ONLY POLICY PORT PREPARE PRIVILEGES PROCEDURE PUBLICATION PURGE QUICK
        RANDOM REASSIGN REFRESH REINDEX RELEASE RENAME REPAIR REPLACE REPLICATION REQUIRE RESET RESIGNAL
        RESOURCE RETAIN RETURNING REUSE REVOKE ROLE ROLLBACK RULE SAVEPOINT SCHEMA SECURITY SELECT SEQUENCE
        SERVER SESSION SET SHARE SHOW SHUTDOWN SIGNAL SSL START STATISTICS STOP STRAIGHT_JOIN SUBSCRIPTION
        SUPERUSER SYSTEM TABLE TABLES TABLESPACE TEXT THEN TO TRADITIONAL TRANSFORM TREE TRIGGER TRUNCATE
        TYPE UNINSTALL UNION UNLISTEN UNLOCK UNTIL UPDATE USE USER USING VACUUM VALID VALUES VERBOSE VIA
        VIEW WHEN WHERE WINDOW WITH WRAPPER X509 XA XML XOR YAML
    }
}

/// Whether the word is a value by itself. `NULL` is none: it tells of no one.
pub(super) fn is_value(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"true") || word.eq_ignore_ascii_case(b"false")
}

/// Whether the word may follow the quote of a string with no space between, as hasty programs write it.
pub(super) fn follows_string(word: &[u8]) -> bool {
    matches!(
        Key::new(word),
        key::AND
            | key::OR
            | key::AS
            | key::FROM
            | key::WHERE
            | key::ORDER
            | key::GROUP
            | key::LIMIT
            | key::UNION
            | key::IS
            | key::IN
            | key::THEN
            | key::ELSE
            | key::END
            | key::WHEN
            | key::COLLATE
            | key::ON
            | key::BETWEEN
            | key::XOR
            | key::INTO
            | key::HAVING
            | key::ASC
            | key::DESC
            | key::FOR
    )
}

/// `PASSWORD`, `MASTER_PASSWORD`, `mysql_native_password`.
pub(super) fn ends_with_password(word: &[u8]) -> bool {
    word.last_chunk::<8>().is_some_and(|end| end.eq_ignore_ascii_case(b"PASSWORD"))
}

/// Whether a statement that holds a secret may hold this word behind the secret's keyword: nobody's password is one.
pub(super) fn stands_beside_secret(word: &[u8]) -> bool {
    ends_with_password(word)
        || matches!(
            Key::new(word),
            key::BY
                | key::WITH
                | key::AS
                | key::TO
                | key::FOR
                | key::USING
                | key::VIA
                | key::IDENTIFIED
                | key::RANDOM
                | key::VALID
                | key::UNTIL
                | key::NULL
                | key::REQUIRE
                | key::NONE
                | key::SSL
                | key::X509
                | key::ACCOUNT
                | key::LOCK
                | key::UNLOCK
                | key::EXPIRE
                | key::DEFAULT
                | key::NEVER
                | key::INTERVAL
                | key::DAY
                | key::HISTORY
                | key::REUSE
                | key::CURRENT
                | key::RETAIN
                | key::REPLACE
                | key::OR
                | key::AND
                | key::ENCRYPTED
                | key::SUPERUSER
                | key::NOSUPERUSER
                | key::CREATEDB
                | key::NOCREATEDB
                | key::CREATEROLE
                | key::NOCREATEROLE
                | key::INHERIT
                | key::NOINHERIT
                | key::LOGIN
                | key::NOLOGIN
                | key::REPLICATION
                | key::NOREPLICATION
                | key::LIMIT
                | key::CONNECTION
                | key::PUBLICATION
                | key::OPTIONS
                | key::USER
                | key::HOST
                | key::PORT
                | key::DATABASE
                | key::ADD
                | key::SET
        )
}
