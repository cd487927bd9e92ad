//! Items from workers to the one consumer, bounded, without waking anyone for each of them.
//!
//! A worker appends to a list of its own under a lock that it meets nobody at, except when the consumer swaps the list
//! for an empty one, some fifty times a second. A worker whose list is full waits: then the kernel's ring fills behind
//! it, and the loss is counted there. Nothing vanishes unseen.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The consumer's end.
#[derive(Debug)]
pub struct Handover<T> {
    capacity: usize,
    lists: Mutex<Vec<Arc<List<T>>>>,
}

/// A worker's end. Its drop tells the consumer that the worker is done.
#[derive(Debug)]
pub struct Outbox<T> {
    capacity: usize,
    list: Arc<List<T>>,
}

/// Whether more can come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Some worker is still there.
    Open,
    /// All workers are done and everything was taken.
    Finished,
}

#[derive(Debug)]
struct List<T> {
    content: Mutex<Content<T>>,
    room: Condvar,
}

#[derive(Debug)]
struct Content<T> {
    items: Vec<T>,
    refused: bool,
}

impl<T> Handover<T> {
    /// A handover whose workers each keep `capacity` items at most.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), lists: Mutex::new(Vec::new()) }
    }

    /// A new worker's end. All of them must exist before the first [`Handover::take`].
    #[must_use]
    pub fn outbox(&self) -> Outbox<T> {
        let content = Mutex::new(Content { items: Vec::new(), refused: false });
        let list = Arc::new(List { content, room: Condvar::new() });
        locked(&self.lists).push(Arc::clone(&list));
        Outbox { capacity: self.capacity, list }
    }

    /// Moves what is there to the end of `items`.
    pub fn take(&self, items: &mut Vec<T>) -> Progress {
        let mut progress = Progress::Finished;
        for list in locked(&self.lists).iter() {
            // Asked before the items are taken: a worker that has gone by now adds none behind our back.
            if Arc::strong_count(list) > 1 {
                progress = Progress::Open;
            }
            let taken = std::mem::take(&mut locked(&list.content).items);
            list.room.notify_one();
            items.extend(taken);
        }
        progress
    }

    fn refuse(&self) {
        for list in locked(&self.lists).iter() {
            let mut content = locked(&list.content);
            content.refused = true;
            content.items = Vec::new();
            list.room.notify_one();
        }
    }
}

impl<T> Drop for Handover<T> {
    /// Without a consumer, what workers still bring is dropped, and none of them waits.
    fn drop(&mut self) {
        self.refuse();
    }
}

impl<T> Outbox<T> {
    /// Hands an item over; waits while the list is full.
    pub fn push(&self, item: T) {
        let mut content = locked(&self.list.content);
        while content.items.len() >= self.capacity && !content.refused {
            content = self.list.room.wait(content).unwrap_or_else(PoisonError::into_inner);
        }
        if !content.refused {
            content.items.push(item);
        }
    }
}

/// A thread that panicked while it held the lock left a whole list behind: items are moved in one step.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use super::*;

    #[test]
    fn everything_arrives_in_order_and_the_end_is_noticed() {
        const EACH: u32 = 5000;
        let handover = Handover::new(64);
        let workers: Vec<_> = (0..3)
            .map(|worker| {
                let outbox = handover.outbox();
                thread::spawn(move || (0..EACH).for_each(|number| outbox.push((worker, number))))
            })
            .collect();
        let mut items = Vec::new();
        while handover.take(&mut items) == Progress::Open {
            thread::yield_now();
        }
        workers.into_iter().for_each(|worker| worker.join().expect("no panic"));
        for worker in 0..3 {
            let numbers = items.iter().filter(|item| item.0 == worker).map(|item| item.1);
            assert!(numbers.eq(0..EACH), "worker {worker} lost or reordered items");
        }
    }

    #[test]
    fn a_worker_waits_while_its_list_is_full() {
        let handover = Handover::new(2);
        let outbox = handover.outbox();
        let worker = thread::spawn(move || (0..3).for_each(|number| outbox.push(number)));
        thread::sleep(Duration::from_millis(50));
        assert!(!worker.is_finished(), "three items fitted where there is room for two");
        let mut items = Vec::new();
        while handover.take(&mut items) == Progress::Open {
            thread::yield_now();
        }
        assert_eq!(items, [0, 1, 2]);
    }

    #[test]
    fn a_worker_does_not_wait_for_a_consumer_that_has_gone() {
        let handover = Handover::new(1);
        let outbox = handover.outbox();
        let worker = thread::spawn(move || (0..100).for_each(|number| outbox.push(number)));
        drop(handover);
        worker.join().expect("no panic, and no wait for ever");
    }
}
