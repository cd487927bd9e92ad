//! The sequence numbers by which both ends of a connection name an exchange.

use proptest::prelude::*;

use super::*;
use crate::flow::{Worker, WorkerSettings};

/// Keeps the sequence numbers of what it was told.
#[derive(Debug, Default)]
struct Places(Vec<[Option<u32>; 2]>);

impl Observer for Places {
    fn exchange(&mut self, observed: &Observed<'_>) {
        self.0.push([observed.request_sequence, observed.response_sequence]);
    }

    fn unobserved(&mut self, _: u64) {}

    fn ignore(&mut self, _: ConnectionId) {}

    fn forgotten(&mut self, _: ConnectionId) {}
}

/// A request and its response.
#[derive(Debug, Clone)]
struct Pair {
    request: Vec<u8>,
    response: Vec<u8>,
}

fn pair(number: usize, size: usize) -> Pair {
    Pair {
        request: format!("POST /{number} HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n{:size$}", "")
            .into(),
        response: format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n{:size$}", "").into(),
    }
}

/// Where the streams of the client and of the server begin.
const BEGINNINGS: [u32; 2] = [u32::MAX - 100, 7_000];

/// The true places of the exchanges.
fn places(pairs: &[Pair]) -> Vec<[Option<u32>; 2]> {
    let [mut asked, mut answered] = BEGINNINGS;
    pairs
        .iter()
        .map(|pair| {
            let place = [Some(asked), Some(answered)];
            asked = asked.wrapping_add(pair.request.len() as u32);
            answered = answered.wrapping_add(pair.response.len() as u32);
            place
        })
        .collect()
}

/// What one end of the connection sees.
struct End {
    worker: Worker<Places>,
    role: Role,
    at: u64,
    positions: [u32; 2],
    sequenced: bool,
}

impl End {
    fn new(settings: WorkerSettings, role: Role, from_start: bool) -> Self {
        let mut worker = Worker::new(settings, Places::default());
        let Event::Opened(event) = opened(1, 0, role) else { panic!("it is opened") };
        worker.event(&Event::Opened(Opened { from_start, ..event }));
        Self { worker, role, at: 1, positions: BEGINNINGS, sequenced: true }
    }

    /// Bytes of the client, or of the server, in calls of so many bytes, of which some are not reported.
    fn say(&mut self, answers: bool, bytes: &[u8], size: usize, lost: impl Fn(usize) -> bool) {
        let sent = answers == (self.role == Role::Server);
        let flow = if sent { Flow::Sent } else { Flow::Received };
        for (number, bytes) in bytes.chunks(size).enumerate() {
            let (own, opposite) =
                (self.positions[usize::from(answers)], self.positions[usize::from(!answers)]);
            if !lost(number) {
                let mut chunk = chunk(1, self.at, flow, own, opposite, bytes);
                if !self.sequenced {
                    (chunk.sequence, chunk.opposite_sequence) = (None, None);
                }
                self.worker.event(&Event::Chunk(chunk));
            }
            self.positions[usize::from(answers)] = own.wrapping_add(bytes.len() as u32);
        }
    }

    fn exchange(&mut self, pair: &Pair, size: usize) {
        self.say(false, &pair.request, size, |_| false);
        self.say(true, &pair.response, size, |_| false);
        self.pass(1);
    }

    fn pass(&mut self, time: u64) {
        self.at += time;
        self.worker.tick(milliseconds(self.at));
    }

    fn close(mut self) -> Vec<[Option<u32>; 2]> {
        self.worker.event(&closed(1, self.at));
        self.worker.into_observer().0
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn both_ends_name_an_exchange_by_the_same_numbers_however_their_calls_are_cut_and_whenever_they_joined(
        sizes in prop::collection::vec(0usize..300, 1..12),
        calls in [1usize..700, 1usize..700],
        joined in 0usize..12,
        replayed in any::<bool>(),
    ) {
        let pairs: Vec<_> = sizes.iter().enumerate().map(|(number, &size)| pair(number, size)).collect();
        let joined = joined.min(pairs.len() - 1);
        let mut client = End::new(WorkerSettings::live(), Role::Client, true);
        let settings = if replayed { WorkerSettings::replay() } else { WorkerSettings::live() };
        let mut server = End::new(settings, Role::Server, joined == 0);
        for (number, pair) in pairs.iter().enumerate() {
            client.exchange(pair, calls[0]);
            if number >= joined {
                server.exchange(pair, calls[1]);
            } else {
                server.positions[0] = server.positions[0].wrapping_add(pair.request.len() as u32);
                server.positions[1] = server.positions[1].wrapping_add(pair.response.len() as u32);
            }
        }
        let truth = places(&pairs);
        prop_assert_eq!(client.close(), &truth[..]);
        let server = server.close();
        // A segment that does not begin a head is all that is seen of the first where calls are short.
        prop_assert!(!server.is_empty() || pairs.len() == joined + 1);
        prop_assert!(truth.ends_with(&server), "{:?} of {:?}", server, truth);
    }

    #[test]
    fn after_a_loss_at_one_end_what_it_still_pairs_has_the_numbers_of_the_other(
        sizes in prop::collection::vec(0usize..300, 2..12),
        call in 1usize..700,
        lost in (0usize..12, 0usize..9, any::<bool>()),
    ) {
        let pairs: Vec<_> = sizes.iter().enumerate().map(|(number, &size)| pair(number, size)).collect();
        let (at, which, answers) = lost;
        let at = at % pairs.len();
        let mut server = End::new(WorkerSettings::live(), Role::Server, true);
        for (number, pair) in pairs.iter().enumerate() {
            let loses = |answered| move |call| number == at && answered == answers && call == which;
            server.say(false, &pair.request, call, loses(false));
            server.say(true, &pair.response, call, loses(true));
            server.pass(20);
        }
        let truth = places(&pairs);
        let seen = server.close();
        let [requests, responses] = [0, 1].map(|side| truth.iter().map(|place| place[side]).collect::<Vec<_>>());
        for place in &seen {
            match place {
                [Some(_), Some(_)] => prop_assert!(truth.contains(place), "{place:?} of {truth:?}"),
                [request, response] => {
                    prop_assert!(request.is_none() || requests.contains(request), "{place:?} of {truth:?}");
                    prop_assert!(response.is_none() || responses.contains(response), "{place:?} of {truth:?}");
                }
            }
        }
    }
}

#[test]
fn a_request_without_an_answer_has_one_number() {
    let mut client = End::new(WorkerSettings::live(), Role::Client, true);
    client.say(false, &pair(0, 3).request, 1000, |_| false);
    assert_eq!(client.close(), [[Some(BEGINNINGS[0]), None]]);
}

#[test]
fn without_sequence_numbers_an_exchange_has_none() {
    let mut server = End::new(WorkerSettings::live(), Role::Server, true);
    server.sequenced = false;
    server.exchange(&pair(0, 3), 1000);
    server.exchange(&pair(1, 3), 1000);
    assert_eq!(server.close(), [[None; 2]; 2]);
}

#[test]
fn where_sequence_numbers_cease_and_return_only_what_has_them_is_named_by_them() {
    let pairs: Vec<_> = (0..6).map(|number| pair(number, 3)).collect();
    let mut server = End::new(WorkerSettings::live(), Role::Server, true);
    for (number, pair) in pairs.iter().enumerate() {
        server.sequenced = !(2..4).contains(&number);
        server.exchange(pair, 1000);
        server.pass(20);
    }
    let truth = places(&pairs);
    let seen = server.close();
    let (named, nameless): (Vec<_>, Vec<_>) = seen.iter().partition(|place| **place != [None; 2]);
    assert!(nameless.len() >= 2, "{seen:?}");
    assert!(named.len() >= 2 && named.iter().all(|place| truth.contains(place)), "{seen:?} of {truth:?}");
    assert!(seen.starts_with(&truth[..2]), "{seen:?} of {truth:?}");
}
