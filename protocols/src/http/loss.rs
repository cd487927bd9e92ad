//! What bytes that were not seen do to the messages of a stream, and to the count of them.

use super::{
    parser::HttpParser,
    stream::{Here, Hole},
};
use crate::{Direction, Gap, GapCause, Sink};

impl HttpParser {
    /// Takes a gap in. Where bytes were lost, one message is believed lost for every missing call, less the call that
    /// went on with a message under way; where they were not copied, one message if any.
    pub(super) fn pass_over(&mut self, gap: &Gap, sink: &mut dyn Sink) {
        let direction = gap.direction;
        let (lost, calls) = match gap.cause {
            GapCause::NotCopied => (false, 1),
            GapCause::Lost { calls } => (true, calls),
        };
        if gap.bytes == 0 && (!lost || calls == 0) {
            return;
        }
        self.untouched &= !lost;
        let was_lost = self.stream(direction).is_lost();
        let messages = match self.stream(direction).gap(gap.bytes, lost, gap.at) {
            Hole::Inside => return,
            Hole::End => {
                self.end(direction, !lost, sink);
                return;
            }
            Hole::Beyond => {
                self.end(direction, !lost, sink);
                calls.saturating_sub(1).max(1)
            }
            Hole::Framing => {
                // What was not copied still belongs to this message, up to the start of the next.
                self.stream(direction).lose_framing(true);
                if lost {
                    self.end(direction, false, sink);
                }
                calls.saturating_sub(1)
            }
            Hole::Head => {
                let here = Here { offset: gap.offset, at: gap.at, opposite: None, segment_start: false };
                let understood = self.cut_head(direction, here, sink);
                if understood && lost {
                    self.end(direction, false, sink);
                }
                if understood { calls.saturating_sub(1) } else { calls.max(1) }
            }
            Hole::Between => self.lost_between(direction, was_lost, lost, calls, sink),
        };
        if lost || !self.has_open(direction) {
            self.stream(direction).lose_framing(false);
        }
        self.lose(direction, messages);
    }

    fn lost_between(
        &mut self,
        direction: Direction,
        was_lost: bool,
        lost: bool,
        calls: u64,
        sink: &mut dyn Sink,
    ) -> u64 {
        if !self.has_open(direction) {
            return if was_lost { calls } else { calls.max(1) };
        }
        // The final response behind an interim one, or more of a message whose framing is lost already.
        self.stream(direction).size.cut = true;
        if lost || !was_lost {
            self.end(direction, false, sink);
        }
        calls.saturating_sub(1)
    }

    fn has_open(&self, direction: Direction) -> bool {
        match direction {
            Direction::ToServer => self.open_request.is_some(),
            Direction::ToClient => self.open_response.is_some(),
        }
    }

    /// At the end of a stream: reads the head that will never be whole, so that what was asked is reported.
    pub(super) fn cut_head_at_end(&mut self, direction: Direction, here: Here, sink: &mut dyn Sink) {
        if self.stream(direction).has_partial_head() && self.cut_head(direction, here, sink) {
            // Nothing was lost: this is all that was sent.
            self.stream(direction).size.cut = false;
            self.end(direction, true, sink);
        }
    }
}
