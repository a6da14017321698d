//! One operation at a time in each process, as Jepsen has it.
//!
//! ```text
//!   producer 0   invoke a ──────────── ok a              0   invoke a ──────────── ok a
//!                     invoke b ── ok b          ──►      5        invoke b ── ok b
//! ```
//! A producer of ours has many sends in flight. Sends that would overlap something else of their process move to further
//! processes, the lowest that is free, so that what a process polls stays in it.

use super::{Function, Kind, Ops, Process};
use std::collections::{BTreeMap, BTreeSet};

impl Ops {
    /// The same operations with at most one at a time in each process. O(n log n).
    #[must_use]
    pub fn one_at_a_time(mut self) -> Ops {
        let lanes = self.lanes();
        let mut next = 0;
        let mut moved: BTreeMap<(Process, usize), Process> = BTreeMap::new();
        for (op, lane) in self.list.iter_mut().zip(lanes).filter(|(_, lane)| *lane > 0) {
            let Some(process) = op.process else { continue };
            let names = &mut self.names;
            op.process =
                Some(*moved.entry((process, lane)).or_insert_with(|| names.new_process(&mut next)));
        }
        self
    }

    /// For each operation, 0 if it may stay in its process, or the number of the further process it needs.
    fn lanes(&self) -> Vec<usize> {
        let mixed = self.processes_that_do_not_only_send();
        let mut busy: BTreeMap<Process, Vec<bool>> = BTreeMap::new();
        let mut lanes = vec![0; self.list.len()];
        for (place, op) in self.list.iter().enumerate() {
            let Some(process) = op.process else { continue };
            let busy = busy.entry(process).or_default();
            let may_move = op.f == Function::Send;
            let lowest = usize::from(may_move && mixed.contains(&process));
            lanes[place] = match (op.kind, self.partner(place)) {
                (Kind::Invoke, _) if may_move => (lowest..)
                    .find(|&lane| busy.get(lane) != Some(&true))
                    .expect("there is no last lane"),
                (Kind::Invoke, _) | (_, None) => 0,
                (_, Some(invocation)) => lanes[invocation],
            };
            let lane = lanes[place];
            busy.resize(busy.len().max(lane + 1), false);
            // A process of Jepsen's that does not know what came of its operation does nothing any more.
            busy[lane] = matches!(op.kind, Kind::Invoke | Kind::Info);
        }
        lanes
    }

    fn processes_that_do_not_only_send(&self) -> BTreeSet<Process> {
        self.list.iter().filter(|op| op.f != Function::Send).filter_map(|op| op.process).collect()
    }
}
