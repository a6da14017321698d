//! How far a log is durable: its recovery point, and the flush under way. As `UnifiedLog.flush` and
//! `LocalLog.markFlushed`.
//!
//! Kafka's flush blocks the thread that asked; here it is a *round* that ends later, and who must not go on before
//! (`flush.messages`) waits for the round's end. A log has one round at a time; what is asked for meanwhile is joined
//! in the next one, where Kafka's threads would queue for the log's lock.
//!
//! ```text
//! append  append           append              round 1 ends         round 2 ends
//! |       asks: round 1    asks: round 2       recovery point = 2   recovery point = 3
//! 0-------1----------------2-------------------(3)------------------------------------->
//! ```

use std::ops::Range;

use ktrial_sim::disk::DiskError;
use ktrial_sim::time::{Duration, Instant};

use super::host::{Host, LogToken};
use super::segment::Segment;
use crate::error_code::ErrorCode;
use crate::ids::{Offset, TopicPartition};
use crate::note::Note;
use crate::probe::Probe;

/// Names a flush of a log, in the order in which they begin. It ends whatever happens to the log meanwhile.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FlushRound(pub u64);

/// The durable part of one log.
#[derive(Clone, Debug)]
pub(super) struct FlushState {
    recovery_point: Offset,
    /// Up to where a flush has been asked for.
    asked: Offset,
    latest: FlushRound,
    in_flight: Option<InFlight>,
    /// Whether a further round follows the one in flight.
    is_next_asked: bool,
    last_flush: Instant,
}

/// A round under way.
#[derive(Copy, Clone, Debug)]
struct InFlight {
    up_to: Offset,
    files: u32,
    /// The log was cut since the round began, which does not make that durable.
    is_overtaken_by_cut: bool,
}

/// What a flush has to know of its log.
pub(super) struct Extent<'l> {
    pub(super) partition: TopicPartition,
    pub(super) segments: &'l [Segment],
    pub(super) log_end_offset: Offset,
}

impl FlushState {
    /// Nothing is under way and everything below `recovery_point` is durable.
    pub(super) fn new(recovery_point: Offset, now: Instant) -> Self {
        FlushState {
            recovery_point,
            asked: recovery_point,
            latest: FlushRound(0),
            in_flight: None,
            is_next_asked: false,
            last_flush: now,
        }
    }

    pub(super) fn recovery_point(&self) -> Offset {
        self.recovery_point
    }

    /// Up to where a flush has been asked for.
    pub(super) fn asked(&self) -> Offset {
        self.asked
    }

    /// Whether a round has ended.
    pub(super) fn has_ended(&self, round: FlushRound) -> bool {
        round < self.latest || (round == self.latest && self.in_flight.is_none())
    }

    /// Time since the log was last flushed.
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.since(self.last_flush)
    }

    /// Asks for a flush up to `up_to`; returns the round that covers it.
    pub(super) fn ask(
        &mut self,
        up_to: Offset,
        log: &Extent<'_>,
        host: &mut impl Host,
    ) -> FlushRound {
        assert!(up_to <= log.log_end_offset, "only what is in the log can be flushed");
        self.asked = self.asked.max(up_to);
        if self.in_flight.is_some() {
            self.is_next_asked = true;
            return FlushRound(self.latest.0 + 1);
        }
        self.begin(log, host);
        self.latest
    }

    /// One file of `round` is durable, or not. Says whether that ended the round.
    ///
    /// # Errors
    /// [`ErrorCode::KafkaStorageError`] if the disk failed.
    pub(super) fn file_flushed(
        &mut self,
        round: FlushRound,
        result: Result<(), DiskError>,
        log: &Extent<'_>,
        host: &mut impl Host,
    ) -> Result<bool, ErrorCode> {
        assert_eq!(round, self.latest, "a log flushes one round at a time");
        if result.is_err() {
            host.probe(Probe::FlushFailed);
            return Err(ErrorCode::KafkaStorageError);
        }
        let in_flight = self.in_flight.as_mut().expect("a round ends with its last file");
        in_flight.files -= 1;
        let is_over = in_flight.files == 0;
        if is_over {
            self.end(log, host);
        }
        Ok(is_over)
    }

    /// The log was cut: nothing beyond `end_offset` is durable, whatever the round in flight covers.
    pub(super) fn truncate(&mut self, end_offset: Offset) {
        self.recovery_point = self.recovery_point.min(end_offset);
        self.asked = self.asked.min(end_offset);
        if let Some(in_flight) = &mut self.in_flight {
            in_flight.up_to = in_flight.up_to.min(end_offset);
            in_flight.is_overtaken_by_cut = true;
        }
    }

    /// Flushes every segment from the recovery point to what was asked for. A file is flushed as it is now, so if the
    /// active one is among them the round covers the whole log.
    fn begin(&mut self, log: &Extent<'_>, host: &mut impl Host) {
        self.latest = FlushRound(self.latest.0 + 1);
        let segments = self.segments_to_flush(log);
        if segments.end == log.segments.len() {
            self.asked = log.log_end_offset;
        }
        let mut files = 0;
        for segment in &log.segments[segments] {
            let name = segment.file_name(log.partition);
            if host.file(name).is_some() {
                host.flush(name, LogToken::Flush(log.partition, self.latest))
                    .expect("the file is there");
                files += 1;
            }
        }
        self.in_flight = Some(InFlight { up_to: self.asked, files, is_overtaken_by_cut: false });
        if files == 0 {
            self.end(log, host);
        }
    }

    /// An active segment that was just emptied by truncation is among them, because the truncation has to be durable.
    fn segments_to_flush(&self, log: &Extent<'_>) -> Range<usize> {
        let before =
            |offset: Offset| log.segments.partition_point(|segment| segment.base_offset < offset);
        let end =
            if self.asked == log.log_end_offset { log.segments.len() } else { before(self.asked) };
        let first = before(Offset(self.recovery_point.0 + 1)).saturating_sub(1);
        first.min(end)..end
    }

    fn end(&mut self, log: &Extent<'_>, host: &mut impl Host) {
        let ended = self.in_flight.take().expect("a round ends once");
        self.recovery_point = self.recovery_point.max(ended.up_to);
        self.last_flush = host.now();
        if !ended.is_overtaken_by_cut {
            let (partition, recovery_point) = (log.partition, self.recovery_point);
            host.note(Note::Flushed { partition, recovery_point });
        }
        if std::mem::take(&mut self.is_next_asked) {
            self.begin(log, host);
        }
    }
}
