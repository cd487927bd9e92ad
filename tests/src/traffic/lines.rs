//! Dialogues in lines of text: those of protocols that plainsight does not parse, as their specifications have them,
//! many of whose words Redis, Memcached or HTTP use, too; and of Redis and Memcached themselves.

mod mail;
mod messages;
mod stores;
mod tools;

use plainsight_protocols::{Direction, Protocol};

use super::{Sent, Step, Traffic};

/// The dialogues, by what they are for.
const DIALOGUES: [&[Dialogue]; 4] =
    [mail::DIALOGUES, messages::DIALOGUES, tools::DIALOGUES, stores::DIALOGUES];

/// One end and what it says: `>` is the client.
type Said = (char, &'static str);

/// A kind, what it speaks, and its dialogues. Each part is sent by one call.
type Dialogue = (&'static str, &'static [Protocol], &'static [Said]);

/// All of them.
#[must_use]
pub fn all() -> Vec<Traffic> {
    let dialogues = DIALOGUES.iter().copied().flatten().map(|(kind, speaks, said)| {
        let steps = said
            .iter()
            .map(|(end, text)| Step {
                direction: if *end == '>' { Direction::ToServer } else { Direction::ToClient },
                sent: Sent::Bytes(text.as_bytes().to_vec()),
            })
            .collect();
        Traffic { speaks: speaks.to_vec(), ..Traffic::foreign(kind, "dialogue", steps) }
    });
    dialogues.collect()
}
