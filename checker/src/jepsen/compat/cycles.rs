//! `G0`, `G1c` and their variants: operations that depend on each other in a circle, as Elle finds and names them.
//!
//! In each strongly connected component, that a level of isolation cannot hold (`PL-1-cycle-exists` and its like) is told by
//! linear means; then the shortest cycle of each kind is looked for, unless one was found that implies it.

use super::analysis::Analysis;
use super::case::{Case, Field};
use super::dependencies::graph;
use crate::graph::{Budget, CycleKind, Graph, Relation, Relations, components, shortest_cycle};
use crate::jepsen::{Key, MicroOp, Value};
use std::collections::BTreeMap;

const WW: Relations = Relations::of(&[Relation::WriteWrite]);
const WR: Relations = Relations::of(&[Relation::WriteRead]);
const REALTIME: Relations = Relations::of(&[Relation::Realtime]);
const WW_WR: Relations = Relations::of(&[Relation::WriteWrite, Relation::WriteRead]);
const WW_REALTIME: Relations = Relations::of(&[Relation::WriteWrite, Relation::Realtime]);
const ALL: Relations =
    Relations::of(&[Relation::WriteWrite, Relation::WriteRead, Relation::Realtime]);

/// Edges that all searches together look at, at most.
const BUDGET: Budget = Budget(200_000_000);

/// A kind of cycle.
struct Cycle {
    name: &'static str,
    kind: CycleKind,
    /// If one of these was found in a component, this one is there too and not looked for.
    implied_by: &'static [&'static str],
}

const CYCLES: [Cycle; 4] = [
    Cycle { name: "G0", kind: CycleKind { allowed: WW, required: [WW, WW] }, implied_by: &[] },
    Cycle {
        name: "G1c",
        kind: CycleKind { allowed: WW_WR, required: [WR, WW_WR] },
        implied_by: &["G0"],
    },
    Cycle {
        name: "G0-realtime",
        kind: CycleKind { allowed: WW_REALTIME, required: [WW, REALTIME] },
        implied_by: &["G0"],
    },
    Cycle {
        name: "G1c-realtime",
        kind: CycleKind { allowed: ALL, required: [WR, REALTIME] },
        implied_by: &["G0", "G1c", "G0-realtime"],
    },
];

/// A level of isolation, by Adya's name, that no cycle of such edges may exist under.
struct Level {
    error: &'static str,
    /// The level's usual name.
    not: &'static str,
    allowed: Relations,
    implied_by: &'static [&'static str],
}

const PL_1: &str = "PL-1-cycle-exists";
const PL_2: &str = "PL-2-cycle-exists";
const STRONG_PL_1: &str = "strong-PL-1-cycle-exists";
const STRONG_PL_2: &str = "strong-PL-2-cycle-exists";

const LEVELS: [Level; 4] = [
    Level { error: PL_1, not: "read-uncommitted", allowed: WW, implied_by: &[] },
    Level { error: PL_2, not: "read-committed", allowed: WW_WR, implied_by: &[PL_1] },
    Level {
        error: STRONG_PL_1,
        not: "strong-read-uncommitted",
        allowed: WW_REALTIME,
        implied_by: &[PL_1],
    },
    Level {
        error: STRONG_PL_2,
        not: "strong-read-committed",
        allowed: ALL,
        implied_by: &[PL_1, PL_2, STRONG_PL_1],
    },
];

/// Errors by their names.
type Errors = BTreeMap<&'static str, Vec<Case>>;

/// All cycles, at most one of each kind in each component.
pub(super) fn cases(analysis: &Analysis<'_>, ww_deps: bool) -> Errors {
    let graph = graph(analysis, ww_deps);
    let mut errors = Errors::new();
    if graph.has_no_edge() && !analysis.ops.list.is_empty() {
        errors.insert("empty-transaction-graph", vec![Case::new(vec![])]);
    }
    let mut search = Search { analysis, graph: &graph, budget: BUDGET, errors };
    for component in components(&graph, ALL) {
        search.levels(&component);
        search.cycles(&component);
    }
    search.errors
}

struct Search<'s> {
    analysis: &'s Analysis<'s>,
    graph: &'s Graph,
    budget: Budget,
    errors: Errors,
}

impl Search<'_> {
    fn levels(&mut self, component: &[u32]) {
        let mut found = Vec::new();
        let graph = self.graph.within(component);
        for level in LEVELS {
            if level.implied_by.iter().any(|implying| found.contains(implying)) {
                continue;
            }
            let inner = components(&graph, level.allowed).into_iter().min_by_key(Vec::len);
            if let Some(inner) = inner {
                found.push(level.error);
                let place = |&inner: &u32| component[inner as usize] as usize;
                let index = |inner: &u32| self.analysis.ops.list[place(inner)].index;
                let case = Case::new(vec![
                    ("not", Field::Word(level.not)),
                    ("scc-size", Field::Int(inner.len() as i64)),
                    ("scc", Field::Ints(inner.iter().map(index).collect())),
                ]);
                self.errors.entry(level.error).or_default().push(case);
            }
        }
    }

    fn cycles(&mut self, component: &[u32]) {
        let mut found = Vec::new();
        for cycle in CYCLES {
            if cycle.implied_by.iter().any(|implying| found.contains(implying)) {
                continue;
            }
            if let Some(vertices) =
                shortest_cycle(self.graph, component, cycle.kind, &mut self.budget)
            {
                found.push(cycle.name);
                let case = self.case(&cycle, vertices);
                self.errors.entry(cycle.name).or_default().push(case);
            }
        }
    }

    fn case(&self, cycle: &Cycle, vertices: Vec<u32>) -> Case {
        let mut places: Vec<usize> = vertices.into_iter().map(|vertex| vertex as usize).collect();
        places.push(places[0]);
        let steps = places.windows(2).map(|pair| self.step(cycle.kind, pair[0], pair[1])).collect();
        Case::new(vec![
            ("type", Field::Word(cycle.name)),
            ("cycle", Field::Ops(places)),
            ("steps", Field::Cases(steps)),
        ])
    }

    /// Why `second` depends on `first`: a read if that is what the cycle is about, else a write, else the clock.
    fn step(&self, kind: CycleKind, first: usize, second: usize) -> Case {
        let read = || self.write_read(first, second).filter(|_| kind.allowed.meets(WR));
        let written = || self.write_write(first, second).filter(|_| kind.allowed.meets(WW));
        read()
            .or_else(written)
            .unwrap_or_else(|| Case::new(vec![("type", Field::Word("realtime"))]))
    }

    fn write_write(&self, first: usize, second: usize) -> Option<Case> {
        let mut values = self.analysis.writes[second]
            .iter()
            .flat_map(|(key, values)| values.iter().map(move |&value| (*key, value)));
        values.find_map(|(key, value)| {
            let before = self.analysis.order(key).previous(value)?;
            (self.analysis.writer_of[before.0 as usize] == Some(first)).then(|| {
                Case::new(vec![
                    ("type", Field::Word("ww")),
                    ("key", Field::Key(key)),
                    ("value", Field::Value(before)),
                    ("value'", Field::Value(value)),
                    ("a-mop-index", Field::Int(self.sent_by_step(first, before))),
                    ("b-mop-index", Field::Int(self.sent_by_step(second, value))),
                ])
            })
        })
    }

    fn write_read(&self, first: usize, second: usize) -> Option<Case> {
        let mut values = self.analysis.reads[second]
            .iter()
            .flat_map(|(key, values)| values.iter().map(move |&value| (*key, value)));
        values.find(|(_, value)| self.analysis.writer_of[value.0 as usize] == Some(first)).map(
            |(key, value)| {
                Case::new(vec![
                    ("type", Field::Word("wr")),
                    ("key", Field::Key(key)),
                    ("value", Field::Value(value)),
                    ("a-mop-index", Field::Int(self.sent_by_step(first, value))),
                    ("b-mop-index", Field::Int(self.polled_by_step(second, key, value))),
                ])
            },
        )
    }

    fn sent_by_step(&self, place: usize, value: Value) -> i64 {
        self.step_of(
            place,
            |step| matches!(step, MicroOp::Send { record, .. } if record.value == value),
        )
    }

    fn polled_by_step(&self, place: usize, key: Key, value: Value) -> i64 {
        self.step_of(place, |step| match step {
            MicroOp::Poll(by_key) => {
                let mut of_key = by_key.iter().filter(|(other, _)| *other == key);
                of_key.any(|(_, records)| records.iter().any(|record| record.value == value))
            }
            MicroOp::Send { .. } => false,
        })
    }

    fn step_of(&self, place: usize, is_it: impl FnMut(&MicroOp) -> bool) -> i64 {
        let steps = &self.analysis.ops.list[place].micro_ops;
        steps.iter().position(is_it).expect("the operation has the value") as i64
    }
}
