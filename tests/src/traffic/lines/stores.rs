//! Redis and Memcached themselves.

use plainsight_protocols::Protocol;

use super::Dialogue;

pub(super) const DIALOGUES: &[Dialogue] = &[
    (
        "redis",
        &[Protocol::Redis],
        &[
            ('>', "*2\r\n$3\r\nGET\r\n$6\r\nuser:1\r\n"),
            ('<', "$5\r\nhello\r\n"),
            ('>', "*3\r\n$3\r\nSET\r\n$6\r\nuser:1\r\n$1\r\nx\r\n"),
            ('<', "+OK\r\n"),
            ('>', "*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n"),
            ('<', ":2\r\n"),
            ('>', "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"),
            ('<', "%1\r\n$6\r\nserver\r\n$5\r\nredis\r\n"),
        ],
    ),
    (
        "redis",
        &[Protocol::Redis],
        &[
            ('>', "PING\r\n"),
            ('<', "+PONG\r\n"),
            ('>', "get user:1\r\n"),
            ('<', "$5\r\nhello\r\n"),
            ('>', "set user:1 GET\r\n"),
            ('<', "+OK\r\n"),
            ('>', "incr n\r\n"),
            ('<', "-ERR value is not an integer or out of range\r\n"),
            ('>', "quit\r\n"),
            ('<', "+OK\r\n"),
        ],
    ),
    (
        "memcached",
        &[Protocol::Memcached],
        &[
            ('>', "get user:1\r\n"),
            ('<', "VALUE user:1 0 5\r\nhello\r\nEND\r\n"),
            ('>', "get user:2\r\n"),
            ('<', "END\r\n"),
            ('>', "set user:2 0 60 3\r\nabc\r\n"),
            ('<', "STORED\r\n"),
            ('>', "gets user:2\r\n"),
            ('<', "VALUE user:2 0 3 17\r\nabc\r\nEND\r\n"),
            ('>', "incr n 1\r\n"),
            ('<', "NOT_FOUND\r\n"),
            ('>', "incr m 1\r\n"),
            ('<', "8\r\n"),
            ('>', "delete user:2\r\n"),
            ('<', "DELETED\r\n"),
            ('>', "touch user:1 60\r\n"),
            ('<', "TOUCHED\r\n"),
            ('>', "version\r\n"),
            ('<', "VERSION 1.6.21\r\n"),
            ('>', "mg user:1 v t\r\n"),
            ('<', "VA 5 t60\r\nhello\r\n"),
            ('>', "ms user:3 2\r\nhi\r\n"),
            ('<', "HD\r\n"),
            ('>', "mn\r\n"),
            ('<', "MN\r\n"),
        ],
    ),
];
