//! Shipments on their way, and what they mean for checkpoints once they arrive.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::destination::{Destination, Done, Form, Outcome, Report, Shipment};
use crate::logs::files::{Identity, Place};

/// Pause before what failed is sent again.
const AGAIN: Duration = Duration::from_secs(1);

/// Everything of a file before an offset is in this shipment or an earlier one.
#[derive(Debug, Clone)]
pub(super) struct Extent {
    pub(super) place: Place,
    /// Which file or generation of a file it is: places are used again.
    pub(super) epoch: u64,
    pub(super) offset: u64,
    /// What the file is known by there, if it still had those bytes.
    pub(super) identity: Option<Identity>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Sent,
    Done,
}

struct Flight {
    shipment: Shipment,
    states: Vec<State>,
    extents: Vec<Extent>,
}

/// Shipments in order. What arrives out of order counts when all before it have arrived.
#[derive(Default)]
pub(super) struct Flights {
    queue: VecDeque<Flight>,
    /// The number of the first in the queue.
    first: u64,
    bytes: usize,
    failed: Option<Instant>,
    /// Records that destinations would never take.
    pub(super) refused_records: u64,
}

impl Flights {
    pub(super) fn add(
        &mut self,
        shipment: Shipment,
        extents: Vec<Extent>,
        destinations: &[Box<dyn Destination>],
    ) {
        let state = |destination: &dyn Destination| {
            let has_some = match destination.form() {
                Form::Requests => shipment.request.is_some(),
                Form::Lines => shipment.lines.is_some(),
            };
            if has_some { State::Waiting } else { State::Done }
        };
        let states = destinations.iter().map(|destination| state(destination.as_ref())).collect();
        self.bytes += shipment.bytes();
        self.queue.push_back(Flight { shipment, states, extents });
    }

    /// Bytes that wait.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Shipments that wait.
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Gives destinations what they have room for.
    pub(super) fn send(
        &mut self,
        destinations: &mut [Box<dyn Destination>],
        done: &dyn Fn(u64, usize) -> Done,
    ) {
        if self.failed.is_some_and(|failed| failed.elapsed() < AGAIN) {
            return;
        }
        self.failed = None;
        for (position, destination) in destinations.iter_mut().enumerate() {
            for (number, flight) in (self.first..).zip(&mut self.queue) {
                let Some(state) = flight.states.get_mut(position) else { continue };
                if *state == State::Waiting {
                    if !destination.submit(&flight.shipment, done(number, position)) {
                        break;
                    }
                    *state = State::Sent;
                }
            }
        }
    }

    /// Takes note of what became of a shipment.
    pub(super) fn note(&mut self, report: &Report) {
        let index = report.shipment.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        let Some(flight) = index.and_then(|index| self.queue.get_mut(index)) else { return };
        let items = flight.shipment.request.as_ref().map_or(0, |batch| u64::from(batch.items));
        let Some(state) = flight.states.get_mut(report.destination) else { return };
        match report.outcome {
            Outcome::Arrived(refused) => {
                self.refused_records += refused;
                *state = State::Done;
            }
            Outcome::Refused => {
                self.refused_records += items;
                *state = State::Done;
            }
            Outcome::Failed => {
                *state = State::Waiting;
                self.failed = Some(Instant::now());
            }
        }
    }

    /// What has arrived with everything before it.
    pub(super) fn arrived(&mut self) -> Vec<Extent> {
        let mut extents = Vec::new();
        while self.queue.front().is_some_and(|flight| flight.states.iter().all(|state| *state == State::Done))
        {
            if let Some(flight) = self.queue.pop_front() {
                self.first += 1;
                self.bytes -= flight.shipment.bytes();
                extents.extend(flight.extents);
            }
        }
        extents
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(offset: u64) -> Extent {
        Extent { place: Place { device: 1, inode: 1 }, epoch: 1, offset, identity: None }
    }

    fn flights(count: u64) -> Flights {
        let mut flights = Flights::default();
        for number in 0..count {
            let lines = Some(bytes::Bytes::from_static(b"0123456789"));
            flights.add(Shipment { request: None, lines }, vec![extent(number)], &[]);
            flights.queue.back_mut().expect("added").states = vec![State::Sent];
        }
        flights
    }

    fn report(flights: &mut Flights, shipment: u64, outcome: Outcome) -> Vec<u64> {
        flights.note(&Report { shipment, destination: 0, outcome });
        flights.arrived().iter().map(|extent| extent.offset).collect()
    }

    #[test]
    fn what_arrives_early_counts_only_when_all_before_it_has_arrived() {
        let mut flights = flights(4);
        assert_eq!(report(&mut flights, 2, Outcome::Arrived(0)), [0_u64; 0]);
        assert_eq!(report(&mut flights, 1, Outcome::Arrived(0)), [0_u64; 0]);
        assert_eq!(flights.bytes(), 40);
        assert_eq!(report(&mut flights, 0, Outcome::Arrived(0)), [0, 1, 2]);
        assert_eq!(flights.bytes(), 10);
        assert_eq!(
            report(&mut flights, 0, Outcome::Arrived(0)),
            [0_u64; 0],
            "what is told twice counts once"
        );
        assert_eq!(report(&mut flights, 3, Outcome::Arrived(0)), [3]);
        assert!(flights.is_empty());
    }

    #[test]
    fn what_failed_holds_up_what_comes_after_it_until_it_arrives() {
        let mut flights = flights(2);
        assert_eq!(report(&mut flights, 0, Outcome::Failed), [0_u64; 0]);
        assert_eq!(report(&mut flights, 1, Outcome::Arrived(0)), [0_u64; 0]);
        assert_eq!(report(&mut flights, 0, Outcome::Arrived(0)), [0, 1]);
    }
}
