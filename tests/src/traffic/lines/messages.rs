//! Messages, queues, calls and streams.

use super::Dialogue;

pub(super) const DIALOGUES: &[Dialogue] = &[
    // The client protocol of NATS, with the acknowledgements of `verbose`.
    (
        "nats",
        &[],
        &[
            (
                '<',
                "INFO {\"server_id\":\"NDA\",\"version\":\"2.10.1\",\"proto\":1,\"host\":\"0.0.0.0\",\"port\":4222,\
                 \"max_payload\":1048576}\r\n",
            ),
            ('>', "CONNECT {\"verbose\":true,\"pedantic\":false,\"lang\":\"go\",\"protocol\":1}\r\nPING\r\n"),
            ('<', "+OK\r\nPONG\r\n"),
            ('>', "SUB orders.* 1\r\n"),
            ('<', "+OK\r\n"),
            ('>', "PUB orders.new 5\r\nhello\r\n"),
            ('<', "+OK\r\nMSG orders.new 1 5\r\nhello\r\n"),
            ('>', "PUB orders.new reply.1 0\r\n\r\n"),
            ('<', "MSG orders.new 1 reply.1 0\r\n\r\n"),
            ('>', "PING\r\n"),
            ('<', "PONG\r\n"),
            ('<', "PING\r\n"),
            ('>', "PONG\r\n"),
            ('>', "PING\r\n"),
            ('<', "+OK\r\nPONG\r\n"),
            ('>', "UNSUB 1\r\n"),
            ('<', "+OK\r\n"),
            ('>', "FOO\r\n"),
            ('<', "-ERR 'Unknown Protocol Operation'\r\n"),
        ],
    ),
    (
        "nats",
        &[],
        &[
            ('<', "INFO {\"server_id\":\"NDA\",\"version\":\"2.10.1\",\"headers\":true}\r\n"),
            ('>', "CONNECT {\"verbose\":false,\"headers\":true}\r\n"),
            ('>', "PING\r\n"),
            ('<', "PONG\r\n"),
            ('>', "HPUB FOO 22 33\r\nNATS/1.0\r\nBar: Baz\r\n\r\nHello NATS!\r\n"),
            ('<', "HMSG FOO 9 22 33\r\nNATS/1.0\r\nBar: Baz\r\n\r\nHello NATS!\r\n"),
            ('>', "PING\r\n"),
            ('<', "-ERR 'Stale Connection'\r\n"),
        ],
    ),
    // The protocol of beanstalkd: put, reserve and stats look like Memcached's commands.
    (
        "beanstalk",
        &[],
        &[
            ('>', "use mails\r\n"),
            ('<', "USING mails\r\n"),
            ('>', "put 0 0 60 5\r\nhello\r\n"),
            ('<', "INSERTED 1\r\n"),
            ('>', "watch mails\r\n"),
            ('<', "WATCHING 2\r\n"),
            ('>', "reserve-with-timeout 5\r\n"),
            ('<', "RESERVED 1 5\r\nhello\r\n"),
            ('>', "touch 1\r\n"),
            ('<', "TOUCHED\r\n"),
            ('>', "touch 2\r\n"),
            ('<', "NOT_FOUND\r\n"),
            ('>', "delete 1\r\n"),
            ('<', "DELETED\r\n"),
            ('>', "delete 7\r\n"),
            ('<', "NOT_FOUND\r\n"),
            ('>', "stats\r\n"),
            ('<', "OK 60\r\n---\ncurrent-jobs-urgent: 0\ncurrent-jobs-ready: 0\ncmd-put: 1\n\r\n"),
            ('>', "quit\r\n"),
        ],
    ),
    // RFC 1459.
    (
        "irc",
        &[],
        &[
            ('>', "NICK wiz\r\nUSER guest 0 * :Ronnie Reagan\r\n"),
            ('<', ":irc.example.net 001 wiz :Welcome\r\n:irc.example.net 002 wiz :Your host\r\n"),
            ('<', "PING :irc.example.net\r\n"),
            ('>', "PONG :irc.example.net\r\n"),
            ('>', "PING irc.example.net\r\n"),
            ('<', ":irc.example.net PONG irc.example.net :irc.example.net\r\n"),
            ('>', "JOIN #rust\r\n"),
            ('<', ":wiz!guest@host JOIN #rust\r\n:irc.example.net 353 wiz = #rust :wiz @op\r\n"),
            ('>', "PRIVMSG #rust :get /etc/hosts\r\n"),
            ('<', ":op!o@host PRIVMSG #rust :HTTP/1.1 200 OK\r\n"),
            ('>', "INFO\r\n"),
            ('<', ":irc.example.net 371 wiz :info\r\n"),
            ('>', "TIME\r\n"),
            ('<', ":irc.example.net 391 wiz irc.example.net :Tuesday\r\n"),
            ('>', "QUIT :gone\r\n"),
            ('<', "ERROR :Closing Link\r\n"),
        ],
    ),
    // RFC 3261 over TCP, and RFC 7826: both look like HTTP.
    (
        "sip",
        &[],
        &[
            (
                '>',
                "OPTIONS sip:carol@chicago.com SIP/2.0\r\nVia: SIP/2.0/TCP pc33.atlanta.com;branch=z9\r\n\
                 Call-ID: a84b4c\r\nCSeq: 63104 OPTIONS\r\nContent-Length: 0\r\n\r\n",
            ),
            (
                '<',
                "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP pc33.atlanta.com\r\nCSeq: 63104 OPTIONS\r\nContent-Length: 0\r\n\r\n",
            ),
            ('>', "INVITE sip:bob@biloxi.com SIP/2.0\r\nCSeq: 1 INVITE\r\nContent-Length: 4\r\n\r\nv=0\n"),
            ('<', "SIP/2.0 100 Trying\r\nCSeq: 1 INVITE\r\n\r\n"),
            ('<', "SIP/2.0 180 Ringing\r\nCSeq: 1 INVITE\r\n\r\n"),
        ],
    ),
    (
        "rtsp",
        &[],
        &[
            ('>', "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
            ('<', "RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE, SETUP, TEARDOWN, PLAY\r\n\r\n"),
            ('>', "DESCRIBE rtsp://example.com/media.mp4 RTSP/1.0\r\nCSeq: 2\r\n\r\n"),
            (
                '<',
                "RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n",
            ),
            ('>', "GET_PARAMETER rtsp://example.com/media.mp4 RTSP/1.0\r\nCSeq: 3\r\n\r\n"),
            ('<', "RTSP/1.0 200 OK\r\nCSeq: 3\r\n\r\n"),
        ],
    ),
    // STOMP 1.2.
    (
        "stomp",
        &[],
        &[
            ('>', "CONNECT\naccept-version:1.2\nhost:stomp.example.org\n\n\0"),
            ('<', "CONNECTED\nversion:1.2\n\n\0"),
            ('>', "SUBSCRIBE\nid:0\ndestination:/queue/foo\nack:client\n\n\0"),
            ('>', "SEND\ndestination:/queue/a\ncontent-type:text/plain\n\nhello queue a\n\0"),
            ('<', "MESSAGE\nsubscription:0\nmessage-id:007\ndestination:/queue/foo\n\nhello\0"),
            ('<', "ERROR\nmessage:malformed frame\n\nno\0"),
            ('>', "\n"),
            ('<', "\n"),
            ('>', "DISCONNECT\nreceipt:77\n\n\0"),
            ('<', "RECEIPT\nreceipt-id:77\n\n\0"),
        ],
    ),
];
