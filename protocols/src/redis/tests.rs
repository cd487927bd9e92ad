use crate::{
    CloseReason, Detection, Direction, Limit, Outcome, State,
    testing::{MILLISECOND, Recorder, Seen, Wire},
};

mod attributes;
mod commands;
mod detection;
mod loss;
mod order;
mod pushes;
mod replies;
mod splits;

/// A command as a client sends it.
fn command(words: &[&str]) -> String {
    let mut text = format!("*{}\r\n", words.len());
    for word in words {
        text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    text
}

/// The same, from words parted by spaces.
fn c(words: &str) -> String {
    command(&words.split(' ').collect::<Vec<_>>())
}

/// A bulk string as a server sends it.
fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

/// One exchange in a line: what was asked and answered, and how it ended.
fn line(seen: &Seen) -> String {
    let outcome = match seen.outcome {
        Outcome::Complete => "complete",
        Outcome::NoResponse(_) => "no response",
        Outcome::Partial => "partial",
    };
    format!("{}: {outcome}", seen.summary)
}

fn lines(recorder: &Recorder) -> Vec<String> {
    recorder.seen.iter().map(line).collect()
}
