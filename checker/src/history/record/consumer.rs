//! What consumers do: assignments and rebalances, positions, polls, commits.

use super::super::{
    Generation, GroupId, History, Key, Offset, OpId, Poll, PollId, PositionedBy, ProcessId,
    RebalanceKind, Spans, Time, Value, What,
};

impl History {
    /// A `poll()` called at `invoked_at` hands records to the application, each partition's in the order handed out.
    /// A poll without records need not be recorded.
    pub fn polled(
        &mut self,
        process: ProcessId,
        invoked_at: Time,
        time: Time,
        records: impl IntoIterator<Item = (Key, Offset, Value)>,
    ) -> OpId {
        let records = self.push_spans(records);
        let poll = PollId(self.polls.push(Poll { invoked_at, records }));
        let processes = self.polled_last.len().max(process.0 as usize + 1);
        self.polled_last.resize(processes, Spans::default());
        self.polled_last[process.0 as usize] = records;
        self.push(process, time, What::Polled { poll })
    }

    /// The application finishes processing records that were polled. What it polled last and processes whole, as most do,
    /// takes no further memory.
    pub fn processed(
        &mut self,
        process: ProcessId,
        time: Time,
        records: impl IntoIterator<Item = (Key, Offset, Value)>,
    ) -> OpId {
        let polled = self.polled_last.get(process.0 as usize).copied().unwrap_or_default();
        let records = self.same_or_push_spans(polled, records);
        self.push(process, time, What::Processed { records })
    }

    /// The process reads exactly `keys` from now on. Partitions it read before keep their position; for the others,
    /// and for every jump, say [`positioned`](Self::positioned) when the position is known.
    pub fn assigned(
        &mut self,
        process: ProcessId,
        time: Time,
        keys: impl IntoIterator<Item = Key>,
    ) {
        let keys = self.push_keys(keys);
        self.push(process, time, What::Assigned { keys });
    }

    /// The process subscribes to `keys`; its group decides which of them it reads. Say every
    /// [`rebalanced`](Self::rebalanced) of the process from now on, or none.
    pub fn subscribed(
        &mut self,
        process: ProcessId,
        time: Time,
        keys: impl IntoIterator<Item = Key>,
    ) {
        let keys = self.push_keys(keys);
        self.push(process, time, What::Subscribed { keys });
    }

    /// A rebalance gives partitions to the process or takes them. One that happens inside a poll is told before it.
    pub fn rebalanced(
        &mut self,
        process: ProcessId,
        time: Time,
        kind: RebalanceKind,
        generation: Option<Generation>,
        keys: impl IntoIterator<Item = Key>,
    ) {
        let (generation, keys) = (generation.unwrap_or(Generation::NONE), self.push_keys(keys));
        self.push(process, time, What::Rebalanced { kind, generation, keys });
    }

    /// The process is a member of this generation from now on.
    pub fn joined(&mut self, process: ProcessId, time: Time, generation: Generation) {
        self.push(process, time, What::Joined { generation });
    }

    /// The process will read `key` from `offset` on.
    pub fn positioned(
        &mut self,
        process: ProcessId,
        time: Time,
        key: Key,
        offset: Offset,
        by: PositionedBy,
    ) {
        self.push(process, time, What::Positioned { key, offset, by });
    }

    /// Where the consumer stands (the next offsets to read) after the poll or transaction that was just completed.
    pub fn positions_told(&mut self, op: OpId, offsets: impl IntoIterator<Item = (Key, Offset)>) {
        let offsets = self.push_offsets(offsets);
        self.tell_of(op, What::PositionsTold { op, offsets });
    }

    /// The process asks for offsets (the next to read) to be committed.
    pub fn commit_invoked(
        &mut self,
        process: ProcessId,
        time: Time,
        group: GroupId,
        offsets: impl IntoIterator<Item = (Key, Offset)>,
    ) -> OpId {
        let offsets = self.push_offsets(offsets);
        self.push(process, time, What::CommitInvoked { group, offsets })
    }

    /// A commit happened.
    pub fn commit_ok(&mut self, op: OpId, time: Time) {
        let process = self.committer(op);
        self.push(process, time, What::CommitOk { op });
    }

    /// A commit certainly did not happen.
    pub fn commit_failed(&mut self, op: OpId, time: Time) {
        let process = self.committer(op);
        self.push(process, time, What::CommitFailed { op });
    }

    /// A commit may or may not have happened.
    pub fn commit_unknown(&mut self, op: OpId, time: Time) {
        let process = self.committer(op);
        self.push(process, time, What::CommitUnknown { op });
    }

    /// The process asks for its group's committed offsets.
    pub fn committed_invoked(&mut self, process: ProcessId, time: Time, group: GroupId) -> OpId {
        self.push(process, time, What::CommittedInvoked { group })
    }

    /// The group's committed offsets arrive; `None` where nothing is committed. Name every partition asked for.
    pub fn committed_ok(
        &mut self,
        op: OpId,
        time: Time,
        offsets: impl IntoIterator<Item = (Key, Option<Offset>)>,
    ) {
        let asked = self.event(op);
        assert!(
            matches!(asked.what, What::CommittedInvoked { .. }),
            "{op:?} asked for no committed offsets"
        );
        let process = asked.process;
        let offsets =
            self.push_offsets(offsets.into_iter().map(|(key, o)| (key, o.unwrap_or(Offset::NONE))));
        self.push(process, time, What::CommittedOk { op, offsets });
    }

    fn committer(&self, op: OpId) -> ProcessId {
        let commit = self.event(op);
        assert!(matches!(commit.what, What::CommitInvoked { .. }), "{op:?} is no commit");
        commit.process
    }
}
