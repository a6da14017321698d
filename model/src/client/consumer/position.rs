//! Where a consumer stands in each of its partitions. As Kafka's `SubscriptionState`.
//!
//! ```text
//!   Initializing --- committed offset -----------------------------> (AwaitValidation) --> Fetching
//!        |                                                                 |   ^              |
//!        | nothing committed                       truncated: goes back ---+   +- new leader -+
//!        v                                         epoch unknown           |                  |
//!   AwaitReset(earliest | latest) <----------------------------------------+----- out of range+
//!        |                                                                                    ^
//!        +--- offset of that end of the log --------------------------------------------------+
//! ```
//!
//! A position knows the epoch of the last record before it. When the leader changes, the new one is asked where that epoch
//! ends in its log: before the position means that the log was truncated below it (KIP-320).

use ktrial_sim::time::Instant;

use crate::ids::{BrokerId, LeaderEpoch, Offset, TopicPartition};
use crate::message::{EpochEndOffset, ListOffsetsTarget};

/// The next record a consumer reads.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Position {
    /// Its offset.
    pub offset: Offset,
    /// Epoch of the record before it, if known.
    pub offset_epoch: Option<LeaderEpoch>,
}

/// What stands between a partition and fetching from it.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum FetchState {
    /// The group's committed offset is not known yet.
    Initializing,
    /// The position is to be an end of the log.
    AwaitReset(ListOffsetsTarget),
    /// The leader is to be asked whether the log still has what was read.
    AwaitValidation,
    /// Nothing.
    Fetching,
}

/// What the leader's answer says about a position.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Validation {
    /// It holds, or the question is out of date.
    Holds,
    /// The log was truncated below it; the position went back to where the logs part ways.
    Truncated(Offset),
    /// The leader does not know the epoch at all: nothing can be said.
    Undefined,
}

/// One partition of the assignment.
#[derive(Clone, Debug)]
pub struct AssignedPartition {
    /// Which.
    pub partition: TopicPartition,
    state: FetchState,
    position: Option<Position>,
    /// The leader's epoch that the position was held against.
    leader_epoch: Option<LeaderEpoch>,
    /// A request about the position is in flight.
    is_asked: bool,
    /// Errors in a row.
    failures: u32,
    /// Nothing is asked for before.
    retry_at: Instant,
}

impl AssignedPartition {
    /// Without a position.
    pub fn new(partition: TopicPartition) -> Self {
        AssignedPartition {
            partition,
            state: FetchState::Initializing,
            position: None,
            leader_epoch: None,
            is_asked: false,
            failures: 0,
            retry_at: Instant::START,
        }
    }

    /// What is to be done next.
    pub fn state(&self) -> FetchState {
        self.state
    }

    /// The next record to read, if that is known.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// The next record to fetch and the leader's epoch to name, if fetching is allowed now.
    pub fn fetch_position(&self, now: Instant) -> Option<(Position, Option<LeaderEpoch>)> {
        let is_fetchable = self.state == FetchState::Fetching && now >= self.retry_at;
        self.position.filter(|_| is_fetchable).map(|position| (position, self.leader_epoch))
    }

    /// Whether a request about the position can be sent now.
    pub fn can_be_asked(&self, now: Instant) -> bool {
        !self.is_asked && now >= self.retry_at
    }

    /// A request about the position is on its way.
    pub fn asked(&mut self) {
        self.is_asked = true;
    }

    /// A request about the position, or a fetch, failed: nothing is asked for before `retry_at`.
    pub fn failed(&mut self, retry_at: Instant) {
        self.is_asked = false;
        self.failures += 1;
        self.retry_at = retry_at;
    }

    /// Errors in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// When a pause after an error is over.
    pub fn retry_at(&self) -> Instant {
        self.retry_at
    }

    /// A fetch was answered without error.
    pub fn fetched(&mut self) {
        self.failures = 0;
    }

    /// Takes a position. It is held against the leader's log before it is used.
    pub fn seek(&mut self, position: Position) {
        self.position = Some(position);
        self.leader_epoch = None;
        self.settle(FetchState::Fetching);
    }

    /// Takes the position after records were handed out.
    ///
    /// # Panics
    /// If it does not go forward.
    pub fn advance(&mut self, position: Position) {
        assert!(
            self.position.is_some_and(|before| before.offset < position.offset),
            "reading goes forward"
        );
        self.position = Some(position);
    }

    /// Drops the position for an end of the log that is to be looked up.
    pub fn request_reset(&mut self, target: ListOffsetsTarget) {
        self.position = None;
        self.settle(FetchState::AwaitReset(target));
    }

    /// The end of the log is known. Whether it was still wanted. There is nothing read to be held against a leader's log.
    pub fn reset_to(&mut self, target: ListOffsetsTarget, offset: Offset) -> bool {
        let is_wanted = self.state == FetchState::AwaitReset(target);
        if is_wanted {
            self.seek(Position { offset, offset_epoch: None });
        }
        is_wanted
    }

    /// Holds the position against the leader there is now (`maybeValidatePositionForCurrentLeader`). A new leader ends any
    /// pause.
    pub fn see_leader(&mut self, leader: Option<(BrokerId, LeaderEpoch)>, now: Instant) {
        let (Some(position), Some((_, epoch))) = (self.position, leader) else { return };
        if self.leader_epoch.is_none_or(|known| epoch > known) {
            self.leader_epoch = Some(epoch);
            self.is_asked = false;
            self.retry_at = self.retry_at.min(now);
            let needs_validation = position.offset_epoch.is_some();
            self.state =
                if needs_validation { FetchState::AwaitValidation } else { FetchState::Fetching };
        }
    }

    /// The epoch to ask the leader for, and the leader's epoch to name.
    pub fn validation(&self) -> Option<(LeaderEpoch, LeaderEpoch)> {
        let epoch =
            self.position.filter(|_| self.state == FetchState::AwaitValidation)?.offset_epoch?;
        Some((epoch, self.leader_epoch?))
    }

    /// The leader of `asked_leader_epoch` has said where the epoch of the last record ends in its log.
    pub fn validated(
        &mut self,
        asked_leader_epoch: LeaderEpoch,
        end: Option<EpochEndOffset>,
    ) -> Validation {
        let is_current = self.leader_epoch == Some(asked_leader_epoch);
        let Some(position) =
            self.position.filter(|_| is_current && self.state == FetchState::AwaitValidation)
        else {
            return Validation::Holds;
        };
        match end {
            None => {
                self.is_asked = false;
                Validation::Undefined
            }
            Some(end) if end.end_offset < position.offset => {
                self.position =
                    Some(Position { offset: end.end_offset, offset_epoch: Some(end.epoch) });
                self.settle(FetchState::Fetching);
                Validation::Truncated(end.end_offset)
            }
            Some(_) => {
                self.settle(FetchState::Fetching);
                Validation::Holds
            }
        }
    }

    fn settle(&mut self, state: FetchState) {
        self.state = state;
        self.is_asked = false;
        self.failures = 0;
        self.retry_at = Instant::START;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::scripted::{ORDERS_0, at};

    fn leader(epoch: u32) -> Option<(BrokerId, LeaderEpoch)> {
        Some((BrokerId(1), LeaderEpoch(epoch)))
    }

    fn end(epoch: u32, offset: u64) -> Option<EpochEndOffset> {
        Some(EpochEndOffset { epoch: LeaderEpoch(epoch), end_offset: Offset(offset) })
    }

    /// Has read up to offset 10 in epoch 1, fetching from the leader of epoch 1.
    fn reading() -> AssignedPartition {
        let mut assigned = AssignedPartition::new(ORDERS_0);
        assigned.request_reset(ListOffsetsTarget::Earliest);
        assigned.reset_to(ListOffsetsTarget::Earliest, Offset::ZERO);
        assigned.see_leader(leader(1), at(0));
        assigned.advance(Position { offset: Offset(10), offset_epoch: Some(LeaderEpoch(1)) });
        assigned
    }

    /// The same, with a leader of epoch 2 to be asked.
    fn awaiting_validation() -> AssignedPartition {
        let mut assigned = reading();
        assigned.see_leader(leader(2), at(0));
        assert_eq!(assigned.validation(), Some((LeaderEpoch(1), LeaderEpoch(2))));
        assigned
    }

    #[test]
    fn a_position_from_a_reset_needs_no_validation() {
        let mut assigned = AssignedPartition::new(ORDERS_0);
        assigned.request_reset(ListOffsetsTarget::Latest);
        assert!(
            !assigned.reset_to(ListOffsetsTarget::Earliest, Offset::ZERO),
            "not what was asked for"
        );
        assert!(assigned.reset_to(ListOffsetsTarget::Latest, Offset(7)));
        assigned.see_leader(leader(1), at(0));
        assert_eq!(assigned.state(), FetchState::Fetching);
    }

    /// CF5.
    #[test]
    fn a_new_leader_is_asked_before_anything_is_fetched_from_it() {
        let assigned = awaiting_validation();
        assert_eq!(assigned.fetch_position(at(0)), None);
        let mut unchanged = reading();
        unchanged.see_leader(leader(1), at(0));
        assert!(unchanged.fetch_position(at(0)).is_some(), "the same leader is not asked again");
    }

    #[test]
    fn a_log_that_still_has_what_was_read_is_read_on() {
        let mut assigned = awaiting_validation();
        assert_eq!(assigned.validated(LeaderEpoch(2), end(1, 10)), Validation::Holds);
        assert_eq!(assigned.fetch_position(at(0)).unwrap().0.offset, Offset(10));
    }

    #[test]
    fn a_log_that_was_cut_takes_the_position_back_to_the_cut() {
        let mut assigned = awaiting_validation();
        assert_eq!(assigned.validated(LeaderEpoch(2), end(0, 6)), Validation::Truncated(Offset(6)));
        let position = Position { offset: Offset(6), offset_epoch: Some(LeaderEpoch(0)) };
        assert_eq!(assigned.position(), Some(position));
        assert_eq!(assigned.state(), FetchState::Fetching);
    }

    #[test]
    fn a_log_that_never_knew_the_epoch_says_nothing() {
        assert_eq!(awaiting_validation().validated(LeaderEpoch(2), None), Validation::Undefined);
    }

    #[test]
    fn the_answer_of_an_earlier_leader_is_out_of_date() {
        let mut assigned = awaiting_validation();
        assigned.see_leader(leader(3), at(0));
        assert_eq!(assigned.validated(LeaderEpoch(2), end(1, 3)), Validation::Holds);
        assert_eq!(assigned.state(), FetchState::AwaitValidation);
    }

    #[test]
    fn an_error_pauses_the_partition_until_there_is_a_new_leader() {
        let mut assigned = reading();
        assigned.failed(at(100));
        assert_eq!(assigned.fetch_position(at(99)), None);
        assert!(assigned.fetch_position(at(100)).is_some());
        assigned.see_leader(leader(2), at(50));
        assert!(assigned.can_be_asked(at(50)));
    }

    #[test]
    #[should_panic(expected = "reading goes forward")]
    fn handing_out_records_never_takes_the_position_back() {
        reading().advance(Position { offset: Offset(9), offset_epoch: None });
    }
}
