//! Commits of positions, one after the other. As the commit half of Kafka's `ConsumerCoordinator`.
//!
//! ```text
//!   commitSync   waits for the outcome; retries what is retriable until default.api.timeout.ms
//!   auto-commit  every auto.commit.interval.ms from within poll(): what earlier polls handed out; no retry, but the next
//!                one comes after retry.backoff.ms instead
//! ```
//!
//! A commit that is not acknowledged may still take effect, unless the coordinator was certain to have done nothing.

use ktrial_sim::random::Stream;
use ktrial_sim::time::{Duration, Instant};

use crate::client::backoff::ExponentialBackoff;
use crate::config::ConsumerConfig;
use crate::error_code::ErrorCode;
use crate::ids::{LeaderEpoch, Offset, TopicPartition};

/// Numbers the commits of one process.
pub type CommitId = u32;

/// An offset to commit, with the epoch of the record before it.
pub type CommitOffset = (TopicPartition, Offset, Option<LeaderEpoch>);

/// How the application commits.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum CommitKind {
    /// `commitSync()`: the application waits.
    Sync,
    /// Within `poll()`: the application does not notice.
    Auto,
}

/// A commit under way.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Its number.
    pub id: CommitId,
    /// What it commits.
    pub offsets: Vec<CommitOffset>,
    kind: CommitKind,
    /// It is given up then.
    deadline: Instant,
    failures: u32,
    /// Not sent again before.
    retry_at: Instant,
    is_in_flight: bool,
    is_perhaps_applied: bool,
}

/// A commit has ended.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct CommitEnd {
    /// Which.
    pub id: CommitId,
    /// How it was made.
    pub kind: CommitKind,
    /// [`ErrorCode::None`], why it was refused, or `None` if it may have taken effect or not.
    pub error: Option<ErrorCode>,
}

/// Makes the commits of a consumer.
#[derive(Clone, Debug)]
pub struct Committer {
    timeout: Duration,
    backoff: ExponentialBackoff,
    auto_commit_interval: Option<Duration>,
    next_auto_commit_at: Instant,
    next_id: CommitId,
    under_way: Vec<Commit>,
}

impl Committer {
    /// Nothing under way. The first automatic commit is due an interval from now.
    pub fn new(config: &ConsumerConfig, backoff: ExponentialBackoff, now: Instant) -> Self {
        let interval = Duration::from_millis(config.auto_commit_interval_ms);
        Committer {
            timeout: Duration::from_millis(config.default_api_timeout_ms),
            backoff,
            auto_commit_interval: config.enable_auto_commit.then_some(interval),
            next_auto_commit_at: now + interval,
            next_id: 0,
            under_way: Vec::new(),
        }
    }

    /// Whether the consumer commits by itself.
    pub fn is_automatic(&self) -> bool {
        self.auto_commit_interval.is_some()
    }

    /// Begins to commit. Nothing to commit is no commit.
    pub fn begin(
        &mut self,
        kind: CommitKind,
        offsets: Vec<CommitOffset>,
        now: Instant,
    ) -> Option<CommitId> {
        if offsets.is_empty() {
            return None;
        }
        let id = self.next_id;
        self.next_id += 1;
        self.under_way.push(Commit {
            id,
            offsets,
            kind,
            deadline: now + self.timeout,
            failures: 0,
            retry_at: now,
            is_in_flight: false,
            is_perhaps_applied: false,
        });
        Some(id)
    }

    /// When `poll()` is to commit; never while an automatic commit is under way.
    pub fn auto_commit_at(&self) -> Instant {
        let is_under_way = self.under_way.iter().any(|commit| commit.kind == CommitKind::Auto);
        if self.is_automatic() && !is_under_way { self.next_auto_commit_at } else { Instant::NEVER }
    }

    /// `poll()` looks whether a commit is due: the next one is an interval later.
    pub fn auto_commits_now(&mut self, now: Instant) -> bool {
        let is_due = now >= self.auto_commit_at();
        if let Some(interval) = self.auto_commit_interval.filter(|_| is_due) {
            self.next_auto_commit_at = now + interval;
        }
        is_due
    }

    /// The oldest commit, if it is to be sent now. They go out one by one, so that none overtakes another (C4).
    pub fn next_to_send(&mut self, now: Instant) -> Option<&mut Commit> {
        self.under_way.first_mut().filter(|commit| !commit.is_in_flight && now >= commit.retry_at)
    }

    /// A commit was answered.
    pub fn answered(
        &mut self,
        id: CommitId,
        error: ErrorCode,
        now: Instant,
        stream: &mut Stream,
    ) -> Option<CommitEnd> {
        let commit = self.under_way.iter_mut().find(|commit| commit.id == id)?;
        commit.is_in_flight = false;
        if error == ErrorCode::None {
            return Some(self.end(id, Some(error)));
        }
        commit.failures += 1;
        commit.is_perhaps_applied |= error != ErrorCode::CoordinatorLoadInProgress;
        let outcome = if commit.is_perhaps_applied { None } else { Some(error) };
        let pause = self.backoff.after(commit.failures, stream);
        if commit.kind == CommitKind::Sync && error.is_retriable() && now + pause < commit.deadline
        {
            commit.retry_at = now + pause;
            return None;
        }
        self.next_auto_commit_at = self.next_auto_commit_at.min(now + pause);
        Some(self.end(id, outcome))
    }

    /// Ends a commit whose time is over. A request in flight is not called back.
    pub fn expire(&mut self, now: Instant) -> Option<CommitEnd> {
        let commit = self.under_way.iter().find(|commit| commit.deadline <= now)?;
        let may_be_applied = commit.is_in_flight || commit.is_perhaps_applied;
        let (id, outcome) =
            (commit.id, if may_be_applied { None } else { Some(ErrorCode::RequestTimedOut) });
        Some(self.end(id, outcome))
    }

    /// When something is due that no answer brings.
    pub fn next_deadline(&self) -> Instant {
        let due = self.under_way.iter().map(|commit| {
            if commit.is_in_flight { commit.deadline } else { commit.deadline.min(commit.retry_at) }
        });
        due.min().unwrap_or(Instant::NEVER)
    }

    fn end(&mut self, id: CommitId, error: Option<ErrorCode>) -> CommitEnd {
        let index = self
            .under_way
            .iter()
            .position(|commit| commit.id == id)
            .expect("the commit is under way");
        let commit = self.under_way.remove(index);
        CommitEnd { id, kind: commit.kind, error }
    }
}

impl Commit {
    /// A request is on its way.
    pub fn sent(&mut self) {
        self.is_in_flight = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::scripted::{ORDERS_0, at, stream};
    use crate::config::Config;

    fn committer(pairs: &[(&str, &str)]) -> Committer {
        let defaults = [("group.id", "readers"), ("default.api.timeout.ms", "1000")];
        let (config, _) =
            ConsumerConfig::from_pairs(defaults.iter().chain(pairs).copied()).unwrap();
        Committer::new(&config, ExponentialBackoff::from_millis(100, 100), at(0))
    }

    fn offsets(offset: u64) -> Vec<CommitOffset> {
        vec![(ORDERS_0, Offset(offset), None)]
    }

    fn send(committer: &mut Committer, now: Instant) -> Option<CommitId> {
        let commit = committer.next_to_send(now)?;
        commit.sent();
        Some(commit.id)
    }

    fn ended(kind: CommitKind, error: Option<ErrorCode>) -> Option<CommitEnd> {
        Some(CommitEnd { id: 0, kind, error })
    }

    #[test]
    fn commits_are_sent_one_after_the_other() {
        let mut committer = committer(&[]);
        committer.begin(CommitKind::Auto, offsets(1), at(0));
        committer.begin(CommitKind::Sync, offsets(2), at(0));
        assert_eq!(send(&mut committer, at(0)), Some(0));
        assert_eq!(send(&mut committer, at(0)), None);
        let end = committer.answered(0, ErrorCode::None, at(1), &mut stream());
        assert_eq!(end, ended(CommitKind::Auto, Some(ErrorCode::None)));
        assert_eq!(send(&mut committer, at(1)), Some(1));
    }

    /// C4.
    #[test]
    fn a_sync_commit_is_retried_until_its_time_is_over() {
        let mut committer = committer(&[]);
        committer.begin(CommitKind::Sync, offsets(1), at(0));
        let mut end = None;
        for millis in (0..1_000).step_by(100) {
            assert_eq!(send(&mut committer, at(millis)), Some(0));
            end = committer.answered(
                0,
                ErrorCode::CoordinatorLoadInProgress,
                at(millis),
                &mut stream(),
            );
            assert_eq!(end.is_some(), millis == 900, "at {millis}");
        }
        assert_eq!(end, ended(CommitKind::Sync, Some(ErrorCode::CoordinatorLoadInProgress)));
    }

    #[test]
    fn an_automatic_commit_is_not_retried_but_the_next_one_comes_sooner() {
        let mut committer = committer(&[("enable.auto.commit", "true")]);
        assert!(!committer.auto_commits_now(at(4_999)));
        assert!(committer.auto_commits_now(at(5_000)));
        committer.begin(CommitKind::Auto, offsets(1), at(5_000));
        assert_eq!(committer.auto_commit_at(), Instant::NEVER, "one at a time");
        send(&mut committer, at(5_000));
        let end = committer.answered(0, ErrorCode::NotCoordinator, at(5_010), &mut stream());
        assert_eq!(end, ended(CommitKind::Auto, None));
        assert_eq!(committer.auto_commit_at(), at(5_110));
    }

    #[test]
    fn an_error_that_cannot_be_retried_ends_a_commit() {
        let mut committer = committer(&[]);
        committer.begin(CommitKind::Sync, offsets(1), at(0));
        send(&mut committer, at(0));
        let end = committer.answered(0, ErrorCode::UnknownServerError, at(1), &mut stream());
        assert_eq!(end, ended(CommitKind::Sync, None));
    }

    #[test]
    fn a_commit_expires_unknown_if_a_request_is_in_flight_and_with_an_error_if_none_ever_was() {
        let mut waiting = committer(&[]);
        waiting.begin(CommitKind::Sync, offsets(1), at(0));
        assert_eq!(waiting.expire(at(999)), None);
        assert_eq!(
            waiting.expire(at(1_000)),
            ended(CommitKind::Sync, Some(ErrorCode::RequestTimedOut))
        );
        let mut in_flight = committer(&[]);
        in_flight.begin(CommitKind::Sync, offsets(1), at(0));
        send(&mut in_flight, at(0));
        assert_eq!(in_flight.expire(at(1_000)), ended(CommitKind::Sync, None));
        assert_eq!(
            in_flight.answered(0, ErrorCode::None, at(1_001), &mut stream()),
            None,
            "too late"
        );
    }

    #[test]
    fn nothing_to_commit_is_no_commit() {
        assert_eq!(committer(&[]).begin(CommitKind::Sync, Vec::new(), at(0)), None);
    }
}
