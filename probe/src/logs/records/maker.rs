//! From bytes to records: the steps in their order.

use std::sync::Arc;

use super::{
    Counts, Settings, SettingsError, Sink,
    container::{self, Unwrapped},
    encoding::Decoding,
    lane::{Lane, LaneSettings, Piece},
    lines::{KEPT_BYTES, Line, Lines},
    multiline::Rule,
    refine::{Refiner, RefinerSettings},
    settings::Container,
};

/// Settings, checked and made ready: patterns are compiled. Shared by the files of a source.
#[derive(Debug)]
pub struct Plan {
    decoding: Decoding,
    container: Container,
    line_bytes: usize,
    line_timeout_ns: u64,
    lanes: LaneSettings,
    refiner: RefinerSettings,
}

impl Plan {
    /// Makes settings ready.
    ///
    /// # Errors
    ///
    /// A pattern, a time zone, an encoding or a number cannot be used.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let in_range = |name, value: usize, least| {
            let most = Settings::RECORD_BYTES_MAX;
            let is_fine = (least..=most).contains(&value);
            if is_fine { Ok(value) } else { Err(SettingsError::Range { name, value, least, most }) }
        };
        let line_bytes = in_range("line_bytes", settings.line_bytes, 16)?;
        let limit = in_range("record_bytes", settings.record_bytes, 16)?.max(line_bytes);
        let nanos = |duration: std::time::Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let rule = settings.multiline.as_ref().map(|multiline| Rule::new(&multiline.rule)).transpose()?;
        let line_timeout_ns = nanos(settings.line_timeout);
        Ok(Self {
            decoding: Decoding::new(&settings.encoding)?,
            container: settings.container,
            line_bytes,
            line_timeout_ns,
            lanes: LaneSettings {
                limit,
                rule,
                part_timeout_ns: line_timeout_ns,
                block_timeout_ns: settings.multiline.as_ref().map_or(0, |multiline| nanos(multiline.timeout)),
            },
            refiner: RefinerSettings::new(settings)?,
        })
    }
}

/// Makes records of one file.
#[derive(Debug)]
pub struct Maker {
    plan: Arc<Plan>,
    lines: Lines,
    steps: Steps,
    /// The first bytes of the file, while it is not known whether they are a mark.
    head: Option<Vec<u8>>,
    safe_offset: u64,
    /// Whether anything was fed since the last call of [`Self::expire`].
    is_active: bool,
}

/// What comes after lines.
#[derive(Debug)]
struct Steps {
    decoding: Decoding,
    decoded: Vec<u8>,
    unwrapped: Vec<u8>,
    /// By stream; what is in no container takes the first.
    lanes: [Lane; 2],
    refiner: Refiner,
    counts: Counts,
}

impl Maker {
    /// A maker for a file that is read from its beginning. For many files with the same settings, see [`Self::with_plan`].
    ///
    /// # Errors
    ///
    /// As [`Plan::new`].
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        Ok(Self::with_plan(Arc::new(Plan::new(settings)?)))
    }

    /// A maker for a file that is read from its beginning.
    #[must_use]
    pub fn with_plan(plan: Arc<Plan>) -> Self {
        Self {
            lines: Lines::new(plan.decoding.framing(), plan.line_bytes),
            steps: Steps {
                decoding: plan.decoding,
                decoded: Vec::new(),
                unwrapped: Vec::new(),
                lanes: Default::default(),
                refiner: Refiner::default(),
                counts: Counts::default(),
            },
            head: Some(Vec::new()),
            safe_offset: 0,
            is_active: false,
            plan,
        }
    }

    /// Forgets what is held, and goes on at that offset of the file. Where that is not its beginning, call [`Self::look_at_head`] next.
    pub fn reset(&mut self, offset: u64) {
        self.steps.lanes = Default::default();
        self.steps.decoding = self.plan.decoding;
        self.lines.reset(self.plan.decoding.framing(), offset);
        self.head = (offset == 0).then(Vec::new);
        self.safe_offset = offset;
    }

    /// Tells a maker that begins within a file what the file's first bytes are (four suffice): they may be a mark that says how characters are written.
    pub fn look_at_head(&mut self, head: &[u8]) {
        if let Some((decoding, _)) = Decoding::from_mark(head)
            && self.lines.is_new()
            && self.head.is_none()
        {
            self.steps.decoding = decoding;
            self.lines.reset(decoding.framing(), self.safe_offset);
        }
    }

    /// Takes the next bytes of the file, which are at that offset, and gives out the records that are complete. What is not stays inside. Bytes
    /// that are not at the offset where the last ones ended begin anew, as after [`Self::reset`].
    pub fn feed(&mut self, bytes: &[u8], offset: u64, now_ns: u64, out: &mut impl Sink) {
        let expected = self.lines.offset() + self.head.as_ref().map_or(0, |head| head.len() as u64);
        if offset != expected {
            self.finish(now_ns, out);
            let decoding = self.steps.decoding;
            self.reset(offset);
            if offset > 0 {
                self.steps.decoding = decoding;
                self.lines.reset(decoding.framing(), offset);
            }
        }
        self.is_active = true;
        let mut rest = bytes;
        if let Some(head) = &mut self.head {
            let taken = rest.len().min(3 - head.len());
            head.extend_from_slice(&rest[..taken]);
            rest = &rest[taken..];
            if Decoding::is_mark_begun(head) {
                return;
            }
            self.take_head(now_ns, out);
        }
        let Self { plan, lines, steps, .. } = self;
        lines.feed(rest, now_ns, &mut |line| steps.line(plan, &line, now_ns, out));
        self.note();
    }

    /// Gives out what has waited longer than its time-out, and gives back memory. Call it now and then.
    pub fn expire(&mut self, now_ns: u64, out: &mut impl Sink) {
        let Self { plan, lines, steps, is_active, .. } = self;
        lines.expire(now_ns, plan.line_timeout_ns, &mut |line| steps.line(plan, &line, now_ns, out));
        let Steps { lanes, refiner, counts, .. } = steps;
        // Thousands of files are quiet most of the time.
        let kept = if std::mem::take(is_active) { KEPT_BYTES } else { 0 };
        lines.release(kept);
        for lane in lanes {
            lane.expire(&plan.lanes, now_ns, &mut |piece| {
                refiner.refine(&plan.refiner, piece, counts, out);
            });
        }
        for buffer in [&mut steps.decoded, &mut steps.unwrapped] {
            buffer.clear();
            buffer.shrink_to(kept);
        }
        steps.refiner.release(kept);
        self.note();
    }

    /// Gives out everything: the file is at its end for good.
    pub fn finish(&mut self, now_ns: u64, out: &mut impl Sink) {
        self.take_head(now_ns, out);
        let Self { plan, lines, steps, .. } = self;
        lines.finish(&mut |line| steps.line(plan, &line, now_ns, out));
        let Steps { lanes, refiner, counts, .. } = steps;
        for lane in lanes {
            lane.finish(&plan.lanes, now_ns, &mut |piece| {
                refiner.refine(&plan.refiner, piece, counts, out);
            });
        }
        self.note();
    }

    /// Everything before this offset of the file has been given out: a restart may begin here. It never goes back, save by [`Self::reset`].
    #[must_use]
    pub const fn safe_offset(&self) -> u64 {
        self.safe_offset
    }

    /// What happened so far.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        let mut counts = self.steps.counts;
        counts.zero_bytes = self.lines.zero_bytes;
        counts.cut_bytes += self.lines.late_bytes;
        counts
    }

    /// Bytes of memory that are held for what is not complete, and to be used again.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let steps = &self.steps;
        let lanes: usize = steps.lanes.iter().map(Lane::memory).sum();
        self.lines.memory()
            + lanes
            + steps.decoded.capacity()
            + steps.unwrapped.capacity()
            + steps.refiner.memory()
    }

    /// Decides by the first bytes of the file how characters are written, and reads them.
    fn take_head(&mut self, now_ns: u64, out: &mut impl Sink) {
        let Some(head) = self.head.take() else { return };
        let mut mark = 0;
        if let Some((decoding, length)) = Decoding::from_mark(&head) {
            mark = length;
            self.steps.decoding = decoding;
            self.lines.reset(decoding.framing(), length as u64);
        }
        let Self { plan, lines, steps, .. } = self;
        lines.feed(&head[mark..], now_ns, &mut |line| steps.line(plan, &line, now_ns, out));
    }

    fn note(&mut self) {
        let held = self.steps.lanes.iter().filter_map(Lane::begin).min();
        let safe = held.map_or(self.lines.safe_offset(), |begin| begin.min(self.lines.safe_offset()));
        let safe = if self.head.is_some() { 0 } else { safe };
        self.safe_offset = self.safe_offset.max(safe);
    }
}

impl Steps {
    #[inline]
    fn line(&mut self, plan: &Plan, line: &Line<'_>, now_ns: u64, out: &mut impl Sink) {
        let Self { decoding, decoded, unwrapped, lanes, refiner, counts } = self;
        counts.lines += 1;
        let is_cut = line.skipped > 0 || line.is_unfinished;
        let (text, is_repaired) = decoding.decode(line.bytes, is_cut, decoded);
        let mut piece = Piece {
            bytes: text,
            begin: line.begin,
            end: line.end,
            time_ns: None,
            stream: None,
            observed_ns: line.observed_ns,
            skipped: line.skipped,
            is_unfinished: line.is_unfinished,
            is_repaired,
        };
        let mut is_part = false;
        let mut lane = 0;
        if plan.container != Container::None {
            match container::unwrap(plan.container, text, unwrapped) {
                Some(Unwrapped { text, time_ns, stream, goes_on }) => {
                    piece = Piece { bytes: text, time_ns, stream: Some(stream), ..piece };
                    is_part = goes_on;
                    lane = stream as usize;
                }
                None if text.is_empty() => {}
                None => counts.unwrapped += 1,
            }
        }
        lanes[lane].piece(&piece, is_part, &plan.lanes, now_ns, &mut |piece| {
            refiner.refine(&plan.refiner, piece, counts, out);
        });
    }
}
