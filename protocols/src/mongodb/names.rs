//! Names that commands and errors have.

/// Whether the command's first value is the name of a collection. Of other commands it may be that of a user.
pub(super) fn names_collection(command: &[u8]) -> bool {
    matches!(
        command,
        b"aggregate"
            | b"collMod"
            | b"collStats"
            | b"compact"
            | b"convertToCapped"
            | b"count"
            | b"create"
            | b"createIndexes"
            | b"createSearchIndexes"
            | b"delete"
            | b"deleteIndexes"
            | b"distinct"
            | b"drop"
            | b"dropIndexes"
            | b"dropSearchIndex"
            | b"find"
            | b"findAndModify"
            | b"findandmodify"
            | b"geoSearch"
            | b"group"
            | b"insert"
            | b"killCursors"
            | b"listIndexes"
            | b"mapReduce"
            | b"mapreduce"
            | b"planCacheClear"
            | b"reIndex"
            | b"update"
            | b"updateSearchIndex"
            | b"validate"
    )
}

/// The compressors of "Wire Compression".
pub(super) const fn compressor(number: u8) -> Option<&'static str> {
    Some(match number {
        0 => "noop",
        1 => "snappy",
        2 => "zlib",
        3 => "zstd",
        _ => return None,
    })
}

/// Names of errors that come without theirs, for they are reported of single writes.
pub(super) const fn code(code: i64) -> Option<&'static str> {
    Some(match code {
        2 => "BadValue",
        8 => "UnknownError",
        9 => "FailedToParse",
        14 => "TypeMismatch",
        16755 => "CannotExtractGeoKeys",
        50 => "MaxTimeMSExpired",
        66 => "ImmutableField",
        112 => "WriteConflict",
        121 => "DocumentValidationFailure",
        10107 => "NotWritablePrimary",
        11000 => "DuplicateKey",
        _ => return None,
    })
}
