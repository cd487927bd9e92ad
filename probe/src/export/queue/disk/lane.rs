//! The files of one kind of telemetry.

use std::{
    collections::VecDeque,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    Place, record,
    segment::{End, Segment, numbers},
};
use crate::export::{
    Batch,
    otlp::{Amount, Stream},
};

/// New files go behind those that are there, or before them, and there is room on both sides.
const FIRST: u64 = 1 << 40;

#[derive(Debug)]
pub(super) struct DiskLane {
    folder: PathBuf,
    segments: VecDeque<Segment>,
    /// Whether the last file was begun by this process, and can be gone on with.
    is_open: bool,
    /// A file that was set aside, with its size.
    damaged: Option<(PathBuf, u64)>,
}

/// What was found when a folder was opened.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Known to have been there, and not readable.
    pub(super) lost: Amount,
    pub(super) sentence: Option<String>,
}

impl DiskLane {
    pub(super) fn open(folder: PathBuf) -> io::Result<(Self, Found)> {
        fs::create_dir_all(&folder)?;
        let mut found = Found::default();
        let mut lane = Self { folder, segments: VecDeque::new(), is_open: false, damaged: None };
        for number in numbers(&lane.folder)? {
            let (segment, end) = Segment::open(&lane.folder, number)?;
            match end {
                End::Whole => {}
                End::Torn(lost) => found.lost.add(lost),
                End::Damaged(lost) => {
                    found.lost.add(lost);
                    found.sentence = Some(format!(
                        "the disk queue's file {} is damaged: what can be read of it is sent, then it is set aside with \
                         the ending .damaged. Check this disk; delete the file when it is no longer of use",
                        segment.path.display()
                    ));
                }
            }
            lane.segments.push_back(segment);
        }
        lane.tidy()?;
        Ok((lane, found))
    }

    /// What the files take.
    pub(super) fn size(&self) -> u64 {
        let damaged = self.damaged.as_ref().map_or(0, |(_, size)| *size);
        self.segments.iter().map(|segment| segment.size).sum::<u64>() + damaged
    }

    pub(super) fn unread(&self) -> Amount {
        let mut unread = Amount::default();
        self.segments.iter().for_each(|segment| unread.add(segment.unread));
        unread
    }

    /// Removes the oldest file; says what of it had not been read.
    pub(super) fn evict(&mut self) -> io::Result<Amount> {
        if let Some((path, _)) = self.damaged.take() {
            fs::remove_file(path)?;
            return Ok(Amount::default());
        }
        let Some(segment) = self.segments.pop_front() else { return Ok(Amount::default()) };
        self.is_open &= !self.segments.is_empty();
        let unread = segment.unread;
        segment.remove()?;
        Ok(unread)
    }

    pub(super) fn append(&mut self, batches: &[(&Batch, Stream)], file_size: u64) -> io::Result<()> {
        let mut rest = batches;
        while let Some((first, _)) = rest.first() {
            let room = self
                .segments
                .back()
                .filter(|_| self.is_open)
                .map_or(0, |last| file_size.saturating_sub(last.size));
            if room < record::size(first) {
                let number = self.segments.back().map_or(FIRST, |last| last.number + 1);
                let segment = Segment::create(&self.folder, number)?;
                self.segments.push_back(segment);
                self.is_open = true;
            }
            let Some(last) = self.segments.back_mut() else { return Ok(()) };
            let mut room = file_size.saturating_sub(last.size);
            // One batch always goes in, be it larger than a file should be.
            let fit = rest.iter().enumerate().take_while(|(place, (batch, _))| {
                let size = record::size(batch);
                let fits = *place == 0 || size <= room;
                room = room.saturating_sub(size);
                fits
            });
            let (now, later) = rest.split_at(fit.count());
            last.append(now)?;
            rest = later;
        }
        Ok(())
    }

    /// Writes batches before all others that are there. They are in memory as well, so they are not read again by this
    /// process.
    pub(super) fn prepend(&mut self, batches: &[(&Batch, Stream)]) -> io::Result<Vec<Place>> {
        let number = self.segments.front().map_or(FIRST, |first| first.number) - 1;
        let mut segment = Segment::create(&self.folder, number)?;
        let written = segment.append(batches);
        let places = match written {
            Ok(places) => places,
            Err(error) => {
                segment.remove()?;
                return Err(error);
            }
        };
        segment.skip_all();
        self.segments.push_front(segment);
        Ok(places.into_iter().map(|place| Place { segment: number, place }).collect())
    }

    /// Reads on, until there are so many batches or bytes. What cannot be read is given as lost, with the reason.
    pub(super) fn read(
        &mut self,
        batches: usize,
        bytes: usize,
    ) -> (Vec<(Place, Batch, Stream)>, Amount, Option<io::Error>) {
        let (mut read, mut held, mut lost, mut failure) = (Vec::new(), 0, Amount::default(), None);
        for segment in &mut self.segments {
            while read.len() < batches && held < bytes {
                match segment.next() {
                    Ok(Some((place, batch, stream))) => {
                        held += batch.payload.len();
                        read.push((Place { segment: segment.number, place }, batch, stream));
                    }
                    Ok(None) => break,
                    Err(error) => {
                        lost.add(segment.unread);
                        segment.pending = segment.pending.saturating_sub(segment.unread.batches);
                        segment.is_damaged = true;
                        segment.skip_all();
                        failure = Some(error);
                        break;
                    }
                }
            }
        }
        (read, lost, failure)
    }

    pub(super) fn has(&self, place: Place) -> bool {
        self.segments.iter().any(|segment| segment.number == place.segment)
    }

    pub(super) fn done(&mut self, place: Place) -> io::Result<()> {
        match self.segments.iter_mut().find(|segment| segment.number == place.segment) {
            Some(segment) => segment.done(place.place),
            // Its file was removed to make room.
            None => Ok(()),
        }
    }

    /// Removes files with nothing left to send, and sets damaged ones aside.
    pub(super) fn tidy(&mut self) -> io::Result<()> {
        let (finished, rest) =
            std::mem::take(&mut self.segments).into_iter().partition(|segment| segment.pending == 0);
        self.segments = rest;
        let finished: VecDeque<Segment> = finished;
        // Whichever file was last, a new one is begun: the difference is a few bytes.
        self.is_open &= finished.is_empty();
        for segment in finished {
            if segment.is_damaged {
                self.set_aside(segment)?;
            } else {
                segment.remove()?;
            }
        }
        Ok(())
    }

    /// One file is kept to be looked at, not any number of them.
    fn set_aside(&mut self, segment: Segment) -> io::Result<()> {
        let aside = segment.path.with_extension("damaged");
        fs::rename(&segment.path, &aside)?;
        if let Some((older, _)) = self.damaged.replace((aside, segment.size)) {
            fs::remove_file(older)?;
        }
        Ok(())
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}
