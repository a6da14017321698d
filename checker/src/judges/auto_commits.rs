//! Claim: with `enable.auto.commit=true`, what a poll handed out is not committed before `poll()` is called again.
//!
//! O(events + records committed too early). `poll()` commits the position, which is where the polls before ended, and only
//! then hands out more; so while the application works on a poll's records, no commit covers them:
//!
//! ```text
//!   poll -> 4, 5      | application works |      poll ...
//!                       commit 4: fine           commit 6: fine
//!                       commit 6: commit-beyond-processing
//! ```
//! A group whose application tells what it processed is judged by that instead ([`group_commits`](super::group_commits)). A poll
//! without records need not be recorded, and commits just so: only a history that has such polls tells that none was left
//! out. The commit of a `close()` is no poll's.

use crate::anomaly::{AnomalyKind, EXAMPLES_MAX, Role};
use crate::evidence::Evidence;
use crate::evidence::sends::SlotIndex;
use crate::findings::{Findings, Proof};
use crate::history::{History, Key, Offset, Offsets, OpId, Poll, Time, What};

/// What a consumer did last.
#[derive(Clone, Default)]
struct Hand {
    poll: Option<OpId>,
    /// What it asked to be committed since.
    commits: Vec<OpId>,
}

/// Judges every commit between two polls of its process.
pub(crate) fn judge(evidence: &Evidence<'_>, findings: &mut Findings<'_>) {
    let history = evidence.history;
    if !evidence.auto_commits || !records_empty_polls(history) {
        return;
    }
    let mut hands = vec![Hand::default(); history.sessions().count()];
    for (op, event) in evidence.events_but_sends() {
        let hand = &mut hands[event.process.0 as usize];
        match event.what {
            What::CommitInvoked { group, .. } if !evidence.reports_processing(group) => {
                hand.commits.push(op);
            }
            What::Polled { poll } => {
                let before = std::mem::replace(hand, Hand { poll: Some(op), commits: Vec::new() });
                before.judge(evidence, history.poll(poll).invoked_at, findings);
            }
            _ => {}
        }
    }
}

impl Hand {
    /// The consumer calls `poll()` again.
    fn judge(&self, evidence: &Evidence<'_>, called_at: Time, findings: &mut Findings<'_>) {
        let Some(poll) = self.poll else { return };
        let is_early = |commit: &&OpId| evidence.history.event(**commit).time < called_at;
        for &commit in self.commits.iter().filter(is_early) {
            Commit { evidence, poll, commit }.judge(findings);
        }
    }
}

fn records_empty_polls(history: &History) -> bool {
    history.events().any(|(_, event)| match event.what {
        What::Polled { poll } => history.spans(history.poll(poll).records).next().is_none(),
        _ => false,
    })
}

/// A commit asked for while the application worked on what a poll had handed out.
struct Commit<'e, 'h> {
    evidence: &'e Evidence<'h>,
    poll: OpId,
    commit: OpId,
}

impl Commit<'_, '_> {
    fn judge(&self, findings: &mut Findings<'_>) {
        for (key, offset) in self.evidence.history.offsets(self.offsets()) {
            let early = self.early(key, offset);
            if !early.is_empty() {
                let weight = early.len() as u64;
                let prove = || self.prove(key, offset, &early);
                findings.report(AnomalyKind::CommitBeyondProcessing, weight, prove);
            }
        }
    }

    fn offsets(&self) -> Offsets {
        match self.evidence.history.event(self.commit).what {
            What::CommitInvoked { offsets, .. } => offsets,
            other => unreachable!("only commits are kept, not {other:?}"),
        }
    }

    /// The records of the poll that the commit covers.
    fn early(&self, of: Key, committed: Offset) -> Vec<SlotIndex> {
        let history = self.evidence.history;
        let What::Polled { poll } = history.event(self.poll).what else { return Vec::new() };
        let &Poll { records, .. } = history.poll(poll);
        let log = self.evidence.log(of);
        let spans = history.spans(records).filter(|span| span.key == of);
        let slot = |offset| log.places.at_or_above(offset);
        let covered = spans.map(|span| slot(span.base)..slot(span.end().min(committed)));
        covered.flatten().map(SlotIndex::new).collect()
    }

    fn prove(&self, key: Key, committed: Offset, early: &[SlotIndex]) -> Proof {
        let (evidence, log) = (self.evidence, self.evidence.log(key));
        let missing: Vec<_> =
            early.iter().take(EXAMPLES_MAX).map(|&slot| log.record(slot)).collect();
        let (name, first) = (evidence.key_name(key), missing[0].0);
        let explain = vec![
            format!(
                "{name} was handed out from offset {first} on by {}.",
                evidence.who_when(self.poll)
            ),
            format!(
                "It was committed up to offset {committed} by {}, before poll() was called again.",
                evidence.who_when(self.commit)
            ),
        ];
        let ops = vec![(self.poll, Role::Reader), (self.commit, Role::Committer)];
        Proof { key, offsets: vec![first, committed], ops, missing, explain }
    }
}
