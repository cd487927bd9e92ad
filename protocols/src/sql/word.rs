//! Keywords, which are written in either case.

/// Longest keyword that any table here holds.
const LONGEST: usize = 24;

/// A word in upper case, to be compared with keywords. Empty if it is longer than any of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Upper {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Upper {
    pub(super) fn new(word: &[u8]) -> Self {
        let mut upper = Self { bytes: [0; LONGEST], length: 0 };
        if let Some(room) = upper.bytes.get_mut(..word.len()) {
            room.copy_from_slice(word);
            room.make_ascii_uppercase();
            upper.length = word.len();
        }
        upper
    }

    pub(super) fn get(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Whether the word is a value by itself. `NULL` is none: it tells of no one.
pub(super) fn is_value(word: &[u8]) -> bool {
    word.eq_ignore_ascii_case(b"true") || word.eq_ignore_ascii_case(b"false")
}

/// Whether the word may follow the quote of a string with no space between, as hasty programs write it.
pub(super) fn follows_string(word: &[u8]) -> bool {
    matches!(
        Upper::new(word).get(),
        b"AND"
            | b"OR"
            | b"AS"
            | b"FROM"
            | b"WHERE"
            | b"ORDER"
            | b"GROUP"
            | b"LIMIT"
            | b"UNION"
            | b"IS"
            | b"IN"
            | b"THEN"
            | b"ELSE"
            | b"END"
            | b"WHEN"
            | b"COLLATE"
            | b"ON"
            | b"BETWEEN"
            | b"XOR"
            | b"INTO"
            | b"HAVING"
            | b"ASC"
            | b"DESC"
            | b"FOR"
    )
}

/// Whether a statement that holds a secret may hold this word behind the secret's keyword: nobody's password is one.
pub(super) fn stands_beside_secret(word: &[u8]) -> bool {
    let upper = Upper::new(word);
    let upper = upper.get();
    upper.ends_with(b"PASSWORD")
        || matches!(
            upper,
            b"BY"
                | b"WITH"
                | b"AS"
                | b"TO"
                | b"FOR"
                | b"USING"
                | b"VIA"
                | b"IDENTIFIED"
                | b"RANDOM"
                | b"VALID"
                | b"UNTIL"
                | b"NULL"
                | b"REQUIRE"
                | b"NONE"
                | b"SSL"
                | b"X509"
                | b"ACCOUNT"
                | b"LOCK"
                | b"UNLOCK"
                | b"EXPIRE"
                | b"DEFAULT"
                | b"NEVER"
                | b"INTERVAL"
                | b"DAY"
                | b"HISTORY"
                | b"REUSE"
                | b"CURRENT"
                | b"RETAIN"
                | b"REPLACE"
                | b"OR"
                | b"AND"
                | b"ENCRYPTED"
                | b"SUPERUSER"
                | b"NOSUPERUSER"
                | b"CREATEDB"
                | b"NOCREATEDB"
                | b"CREATEROLE"
                | b"NOCREATEROLE"
                | b"INHERIT"
                | b"NOINHERIT"
                | b"LOGIN"
                | b"NOLOGIN"
                | b"REPLICATION"
                | b"NOREPLICATION"
                | b"LIMIT"
                | b"CONNECTION"
                | b"PUBLICATION"
                | b"OPTIONS"
                | b"USER"
                | b"HOST"
                | b"PORT"
                | b"DATABASE"
                | b"ADD"
                | b"SET"
        )
}
