//! One way to spoil a valid history per kind of anomaly, leaving everything else as it should be, and what must come back.

mod bounds;
mod edit;
mod ghost;
mod groups;
mod loss;
mod members;
mod order;
mod records;
mod recovery;

use super::expected::Expected;
use super::random::Random;
use super::step::Step;
use edit::Injector;
use ghost::Ghost;
use ktrial_checker::anomaly::AnomalyKind as Kind;

/// A history with an anomaly.
pub struct Spoilt {
    pub steps: Vec<Step>,
    /// What must be found now, besides what valid histories have: the injected anomaly, and others it cannot but cause.
    #[allow(dead_code, reason = "examples do not judge")]
    pub expected: Vec<Expected>,
}

/// Injects one anomaly of `kind` into valid steps; `None` if there is nothing to spoil.
pub fn inject(kind: Kind, steps: Vec<Step>, seed: u64) -> Option<Spoilt> {
    let mut injector = Injector { random: Random(seed), steps, expected: Vec::new() };
    injector.spoil(kind)?;
    Some(Spoilt { steps: injector.steps, expected: injector.expected })
}

impl Injector {
    fn spoil(&mut self, kind: Kind) -> Option<()> {
        match kind {
            Kind::Divergence => self.misread(kind, Ghost::Unknown),
            Kind::Phantom => self.misread(kind, Ghost::Nobody),
            Kind::Corrupt => self.misread(kind, Ghost::Corrupt),
            Kind::WrongPartition => self.misread(kind, Ghost::ElsewhereUnknown),
            Kind::AbortedRead => self.misread(kind, Ghost::Failed),
            Kind::Duplicate => self.write_twice(),
            Kind::AckedOffsetConflict => self.misacknowledge(),
            Kind::ReadBeforeSend => self.send_late(),
            Kind::UnstableRead => self.read_beyond_the_end(),
            Kind::OutOfOrder | Kind::LateAppend => self.swap_neighbours(kind),
            Kind::MessageKeyMoved => self.move_message_key(),
            Kind::PollSkip | Kind::InternalSkip => self.skip_in_poll(kind),
            Kind::InternalNonmonotonic => self.poll_backwards(),
            Kind::NonmonotonicPoll => self.poll_again(),
            Kind::LostWrite => self.overwrite(),
            Kind::Hole | Kind::TruncatedTail | Kind::DrainedUnseen => self.remove(kind),
            Kind::CommitBeyondDelivery => self.commit_the_future(),
            Kind::CommitBeyondProcessing => self.commit_early(),
            Kind::GroupSkip => self.leave_unprocessed(),
            Kind::GroupRedelivery => self.process_again(),
            Kind::OwnershipOverlap => self.share(),
            Kind::FencingViolation => self.commit_in_an_earlier_generation(),
            Kind::PhantomCommit => self.answer_what_nobody_committed(),
            Kind::StartBeyondCommit => self.start_ahead(),
            Kind::CommittedOffsetRegression => self.forget_commits(),
            Kind::SkippedByReset => self.join_late(),
            Kind::BackdatedAppend => self.overtake_another(),
            Kind::StaleEnd => self.end_early(),
            Kind::LogStartRegression => self.begin_lower(),
            Kind::HighWatermarkRegression => self.tell_less(),
            Kind::BoundsDisorder => self.begin_beyond_the_end(),
            Kind::ReadBeyondBound => self.tell_less_than_returned(),
            Kind::StuckPartition => self.never_answer(),
            Kind::StuckGroup => self.stand_still(),
            other => unreachable!("{other} takes a transaction"),
        }
    }
}
