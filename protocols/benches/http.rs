//! Exchanges a second through [`Conversation`] on one core, from memory: parsing, matching, and what a reader of the
//! records asks for; and bytes a second of large bodies, which are skipped. Traffic is what wrk and nginx say to each other
//! on a keep-alive connection.
//!
//! `cargo bench -p plainsight-protocols --bench http [-- PART-OF-A-CASE'S-NAME]`

#[expect(dead_code, reason = "a part of what benches share is for others")]
mod harness;

use harness::{ASKS, Ask, PIECE, Talk};

/// Length of a large body, and of the chunks that some are sent in.
const LARGE: usize = 1 << 20;
const CHUNK: usize = 16 << 10;

const REQUEST: &[u8] = b"GET /index.html?page=3 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.26.3\r\nDate: Sun, 22 Nov 2026 15:00:00 GMT\r\n\
    Content-Type: text/html\r\nContent-Length: 16\r\nLast-Modified: Sun, 22 Nov 2026 14:00:00 GMT\r\n\
    Connection: keep-alive\r\nETag: \"6921c9f0-10\"\r\nAccept-Ranges: bytes\r\n\r\n<html>hi</html>\n";
const BROWSER: &[u8] = b"GET /api/v1/users/17?fields=name,mail&token=abcdef HTTP/1.1\r\nHost: shop.example\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\nX-Forwarded-For: 203.0.113.9\r\n\
    traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n";

fn main() {
    for (name, request) in [("wrk", REQUEST), ("browser", BROWSER)] {
        for (asked, ask) in ASKS {
            Talk::new(request, RESPONSE, 1, PIECE).measure(&format!("{name}, nginx: {asked}"), ask, 8080);
        }
    }
    let body = vec![b'x'; LARGE];
    let by_length =
        [format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n").as_bytes(), &body].concat();
    let mut chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(CHUNK) {
        chunked.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        chunked.extend_from_slice(chunk);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    for (name, response) in [("1 MiB by length", by_length), ("1 MiB in chunks of 16 KiB", chunked)] {
        Talk::new(REQUEST, &response, 1, PIECE).measure(name, Ask::Nothing, 8080);
    }
}
