//! Vectors and properties of the HTTP/1 parser, all through [`Conversation`].

mod attributes;
mod bodies;
mod detection;
mod faults;
mod heads;
mod loss;
mod ordering;
mod splits;

use crate::{
    CloseReason, Direction, Limit, Outcome, Settings,
    testing::{MICROSECOND, MILLISECOND, Recorder, Seen, Wire},
};

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\n\r\n")
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}
