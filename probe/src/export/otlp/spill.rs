//! A destination's disk queue at work: what memory has no room for goes there and comes back, by helper threads, so that a
//! slow disk holds up nobody else.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    task::{Id, JoinSet},
    time::Instant,
};

use super::{Amount, DropReason, Stream, destination::Aboard, shared::Shared};
use crate::export::{
    Batch, SignalKind,
    queue::{DiskError, DiskQueue, Entry, Place, Rest},
};

/// After a failure to write. Reading goes on meanwhile.
const PAUSE: Duration = Duration::from_secs(10);

/// Read from disk at once, beside one batch of whatever size.
const READ_BYTES: usize = 4 << 20;

pub(super) struct Spill {
    shared: Arc<Shared>,
    after: Duration,
    /// Absent while a job has it, and for good if one panicked.
    disk: Option<DiskQueue>,
    /// One at most.
    job: JoinSet<Report>,
    /// What the job took out of memory.
    on_the_way: Vec<(SignalKind, Amount, usize)>,
    /// To be marked.
    done: Vec<(SignalKind, Place)>,
    not_before: Option<Instant>,
}

/// What a job is to do.
#[derive(Default)]
struct Work {
    done: Vec<(SignalKind, Place)>,
    append: Option<(SignalKind, Vec<Entry>)>,
    /// In flight and failing, so that a killed process does not lose them.
    insure: Vec<(Id, Batch, Stream)>,
    read: [usize; 3],
}

/// What a job did.
struct Report {
    disk: DiskQueue,
    appended: Option<(SignalKind, Vec<Entry>)>,
    not_appended: Option<(SignalKind, Vec<Entry>)>,
    insured: Vec<(Id, SignalKind, Place)>,
    removed: [Amount; 3],
    read: [Vec<Entry>; 3],
    lost: [Amount; 3],
    wrote: bool,
    error: Option<DiskError>,
    damage: Option<String>,
}

impl Spill {
    pub(super) fn new(shared: Arc<Shared>, disk: DiskQueue, after: Duration, damage: Option<String>) -> Self {
        if let Some(sentence) = damage {
            shared.disk_failed(sentence, false);
        }
        let (job, on_the_way, done) = (JoinSet::new(), Vec::new(), Vec::new());
        Self { shared, after, disk: Some(disk), job, on_the_way, done, not_before: None }
    }

    /// Whether what is handed to [`Self::keep`] is likely to be kept.
    pub(super) fn works(&self) -> bool {
        (self.disk.is_some() || !self.job.is_empty()) && self.not_before.is_none()
    }

    /// A batch from disk need not be sent any more.
    pub(super) fn done(&mut self, kind: SignalKind, place: Place) {
        self.done.push((kind, place));
    }

    /// Begins what there is to do, unless the disk is at work.
    pub(super) fn start(&mut self, manifest: &HashMap<Id, Aboard>, closing: bool) {
        let Some(disk) = self.disk.take() else { return };
        let mut work = Work { done: std::mem::take(&mut self.done), ..Work::default() };
        {
            let mut queue = self.shared.queue();
            if self.not_before.is_none_or(|time| time <= Instant::now()) {
                work.append = queue.take_for_disk(self.after);
                let failing = queue.failing_for(self.after);
                work.insure = manifest
                    .iter()
                    .filter(|(_, aboard)| aboard.place.is_none() && !aboard.is_tracked)
                    .filter(|(_, aboard)| failing[aboard.batch.kind as usize])
                    .map(|(id, aboard)| (*id, aboard.batch.clone(), aboard.stream))
                    .collect();
            }
            if !closing {
                work.read = queue.wants();
            }
        }
        if work.done.is_empty() && work.append.is_none() && work.insure.is_empty() && work.read == [0; 3] {
            self.disk = Some(disk);
            return;
        }
        if let Some((kind, entries)) = &work.append {
            self.on_the_way = entries.iter().map(|entry| (*kind, entry.amount(), entry.cost())).collect();
        }
        self.job.spawn_blocking(move || work.run(disk));
    }

    /// Waits for the job, if there is one, and takes in what it did.
    pub(super) async fn finish(&mut self, manifest: &mut HashMap<Id, Aboard>) -> Option<()> {
        let report = self.job.join_next().await?;
        let on_the_way = std::mem::take(&mut self.on_the_way);
        let Ok(report) = report else {
            let sentence = "the disk queue ended by a mistake in plainsight, and what had not been read of it is left \
                            there. Please report it, and restart plainsight to have it sent";
            self.shared.queue().forget_disk(&on_the_way);
            self.shared.disk_failed(sentence.to_owned(), false);
            return Some(());
        };
        self.take_in(report, manifest);
        Some(())
    }

    fn take_in(&mut self, report: Report, manifest: &mut HashMap<Id, Aboard>) {
        for (id, kind, place) in report.insured {
            match manifest.get_mut(&id) {
                Some(aboard) => aboard.place = Some(place),
                // It landed meanwhile.
                None => self.done.push((kind, place)),
            }
        }
        {
            let mut queue = self.shared.queue();
            if let Some((kind, entries)) = &report.appended {
                for entry in entries {
                    queue.spilled(*kind, entry.amount(), entry.cost());
                }
            }
            if let Some((kind, entries)) = report.not_appended {
                queue.not_spilled(kind, entries);
            }
            for (kind, entries) in SignalKind::ALL.into_iter().zip(report.read) {
                queue.loaded(kind, entries);
                queue.lost_on_disk(kind, report.lost[kind as usize], DropReason::Damaged);
                queue.lost_on_disk(kind, report.removed[kind as usize], DropReason::DiskFull);
            }
        }
        self.not_before = match report.error {
            Some(error) => {
                self.shared.disk_failed(error.to_string(), true);
                Some(Instant::now() + PAUSE)
            }
            None if report.wrote => {
                self.shared.disk_works();
                None
            }
            None => self.not_before,
        };
        if let Some(sentence) = report.damage {
            self.shared.disk_failed(sentence, false);
        }
        self.disk = Some(report.disk);
    }

    /// At the end: writes what is left in memory. Gives back what is not on disk after that.
    pub(super) async fn keep(&mut self, interrupted: Vec<Entry>, rest: [Rest; 3]) -> Vec<Entry> {
        let (mut first, mut last, mut lost) = (Vec::new(), Vec::new(), Vec::new());
        let Some(disk) = self.disk.take() else {
            lost.extend(interrupted);
            lost.extend(rest.into_iter().flat_map(|rest| rest.waiting.into_iter().chain(rest.tracked)));
            return lost;
        };
        {
            let mut queue = self.shared.queue();
            let has = |entry: &Entry| entry.place.is_some_and(|place| disk.has(entry.batch.kind, place));
            for entry in interrupted {
                if has(&entry) {
                    queue.stats_mut(entry.batch.kind).on_disk.add(entry.amount());
                } else {
                    first.push(entry);
                }
            }
            for rest in rest {
                // Their file was removed to make room: their last copy is the one in memory.
                for entry in rest.loaded.into_iter().filter(|entry| !has(entry)) {
                    queue.stats_mut(entry.batch.kind).on_disk.subtract(entry.amount());
                    first.push(entry);
                }
                last.extend(rest.waiting);
                lost.extend(rest.tracked);
            }
        }
        let done = std::mem::take(&mut self.done);
        let written = tokio::task::spawn_blocking(move || keep(disk, &done, first, last)).await;
        let Ok(kept) = written else { return lost };
        let mut queue = self.shared.queue();
        for entry in &kept.kept {
            let stats = queue.stats_mut(entry.batch.kind);
            stats.on_disk.add(entry.amount());
            stats.spilled.add(entry.amount());
        }
        for kind in SignalKind::ALL {
            queue.lost_on_disk(kind, kept.removed[kind as usize], DropReason::DiskFull);
        }
        drop(queue);
        if let Some(error) = kept.error {
            self.shared.disk_failed(error.to_string(), true);
        }
        lost.extend(kept.lost);
        lost
    }
}

impl Work {
    fn run(self, disk: DiskQueue) -> Report {
        let mut report = Report {
            disk,
            appended: None,
            not_appended: None,
            insured: Vec::new(),
            removed: [Amount::default(); 3],
            read: Default::default(),
            lost: [Amount::default(); 3],
            wrote: false,
            error: None,
            damage: None,
        };
        if let Err(error) = report.disk.done(&self.done) {
            report.error = Some(error);
        }
        for kind in SignalKind::ALL {
            let (ids, batches): (Vec<_>, Vec<_>) = self
                .insure
                .iter()
                .filter(|(_, batch, _)| batch.kind == kind && report.disk.can_hold(batch))
                .map(|(id, batch, stream)| (*id, (batch, *stream)))
                .unzip();
            if batches.is_empty() {
                continue;
            }
            match report.disk.prepend(kind, &batches) {
                Ok((places, removed)) => {
                    report.insured.extend(ids.into_iter().zip(places).map(|(id, place)| (id, kind, place)));
                    add(&mut report.removed, removed);
                    report.wrote = true;
                }
                Err(error) => report.error = Some(error),
            }
        }
        if let Some((kind, mut entries)) = self.append {
            let appended = report.disk.append(kind, &entries);
            let rest = entries.split_off(appended.written);
            add(&mut report.removed, appended.removed);
            report.wrote |= !entries.is_empty();
            report.appended = Some((kind, entries));
            report.not_appended = Some((kind, rest));
            report.error = appended.error.or(report.error);
        }
        for (kind, batches) in SignalKind::ALL.into_iter().zip(self.read) {
            if batches > 0 {
                let (entries, lost, sentence) = report.disk.read(kind, batches, READ_BYTES);
                report.read[kind as usize] = entries;
                report.lost[kind as usize] = lost;
                report.damage = sentence.or(report.damage);
            }
        }
        report
    }
}

/// What became of what was left.
struct Kept {
    kept: Vec<Entry>,
    lost: Vec<Entry>,
    removed: [Amount; 3],
    error: Option<DiskError>,
}

fn keep(mut disk: DiskQueue, done: &[(SignalKind, Place)], first: Vec<Entry>, last: Vec<Entry>) -> Kept {
    let mut kept = Kept { kept: Vec::new(), lost: Vec::new(), removed: [Amount::default(); 3], error: None };
    kept.error = disk.done(done).err();
    let (mut first, mut last) = (by_kind(first), by_kind(last));
    for kind in SignalKind::ALL {
        let first = std::mem::take(&mut first[kind as usize]);
        let batches: Vec<_> = first.iter().map(|entry| (&entry.batch, entry.stream)).collect();
        if !batches.is_empty() {
            match disk.prepend(kind, &batches) {
                Ok((_, removed)) => {
                    add(&mut kept.removed, removed);
                    kept.kept.extend(first);
                }
                Err(error) => {
                    kept.error = Some(error);
                    kept.lost.extend(first);
                }
            }
        }
        let mut last = std::mem::take(&mut last[kind as usize]);
        let appended = disk.append(kind, &last);
        add(&mut kept.removed, appended.removed);
        kept.lost.extend(last.split_off(appended.written));
        kept.kept.extend(last);
        kept.error = appended.error.or(kept.error);
    }
    kept
}

fn by_kind(entries: Vec<Entry>) -> [Vec<Entry>; 3] {
    let mut kinds: [Vec<Entry>; 3] = Default::default();
    for entry in entries {
        kinds[entry.batch.kind as usize].push(entry);
    }
    kinds
}

fn add(sums: &mut [Amount; 3], more: [Amount; 3]) {
    sums.iter_mut().zip(more).for_each(|(sum, more)| sum.add(more));
}
