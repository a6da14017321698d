//! Laws of the online sweep: it finds what a straightforward search over all pairs of operations finds, at the first event
//! that can tell, and so no later than the judge of whole histories could, who finds nothing that it misses.

use super::step::{Step, record};
use super::{SMALL, arbitrary, cases, generator::valid};
use ktrial_checker::anomaly::{Anomaly, AnomalyKind as Kind, Role};
use ktrial_checker::contract::Contract;
use ktrial_checker::history::{
    Event, History, Key, LogBound, Offset, OpId, ProcessId, Span, Spans, Time, Value, What,
};
use ktrial_checker::judge;
use ktrial_checker::online::{Sweep, Violation};
use ktrial_checker::verdict::Property;
use proptest::prelude::*;

/// An operation that tells its place in a log.
struct Placed {
    completed_by: OpId,
    done_at: Time,
    key: Key,
    /// 2o+1 of the (last) record at offset o, 2e of an end e.
    place: i64,
    /// The session of an append.
    appender: Option<ProcessId>,
    /// When it was invoked, if it must not lie below what was done before.
    owes_since: Option<Time>,
}

impl Placed {
    /// Whether `self` was invoked after `other` was done and lies below it. Two records cannot have one offset.
    fn is_overtaken_by(&self, other: &Placed) -> bool {
        let is_later = self.owes_since.is_some_and(|since| other.done_at < since);
        let is_below = self.place < other.place || self.place == other.place && self.place % 2 == 1;
        let is_of_another = self.appender.is_none() || self.appender != other.appender;
        is_later && is_below && is_of_another && self.key == other.key
    }
}

fn placed(history: &History, completed_by: OpId, event: &Event) -> Vec<Placed> {
    let done = |key, place, op: Option<OpId>| {
        let invoked = op.map(|op| history.event(op));
        let append = invoked.filter(|event| matches!(event.what, What::SendInvoked { .. }));
        let (done_at, owes_since) = (event.time, invoked.map(|event| event.time));
        let appender = append.map(|event| event.process);
        Placed { completed_by, done_at, key, place, appender, owes_since }
    };
    let of_record = |offset: Offset| 2 * offset.0 + 1;
    let read = |records: Spans| {
        let last = |span: &Span| Offset(span.end().0 - 1);
        history.spans(records).map(|span| done(span.key, of_record(last(span)), None)).collect()
    };
    match event.what {
        What::SendOk { op, offset } => {
            let What::SendInvoked { key, .. } = history.event(op).what else { panic!("no send") };
            offset
                .known()
                .map(|offset| done(key, of_record(offset), Some(op)))
                .into_iter()
                .collect()
        }
        What::ListOffsetsOk { op, offsets } if asks_for_the_end(history, op) => {
            let known = history.offsets(offsets).filter(|(_, end)| end.known().is_some());
            known.map(|(key, end)| done(key, 2 * end.0, Some(op))).collect()
        }
        What::Polled { poll } => read(history.poll(poll).records),
        What::LogDumped { records, .. } => read(records),
        _ => vec![],
    }
}

fn asks_for_the_end(history: &History, op: OpId) -> bool {
    matches!(history.event(op).what, What::ListOffsetsInvoked { of: LogBound::Latest, .. })
}

/// The first event that completes an operation below one that was complete before it was invoked.
fn first_by_search(history: &History) -> Option<OpId> {
    let all: Vec<Placed> =
        history.events().flat_map(|(op, event)| placed(history, op, event)).collect();
    let is_overtaken = |later: &&Placed| all.iter().any(|earlier| later.is_overtaken_by(earlier));
    all.iter().find(is_overtaken).map(|later| later.completed_by)
}

fn first_online(history: &History) -> Option<Violation> {
    Sweep::default().follow(history)
}

/// Any operations that tell places, of three sessions on two partitions; up to three at one moment.
fn tiny(dice: &[[u8; 4]]) -> History {
    let mut history = History::new();
    let keys = [history.key("t", 0), history.key("t", 1)];
    let sessions = ["a", "b", "c"].map(|name| {
        let client = history.client(name);
        history.open_session(client, None)
    });
    let (mut time, mut sends, mut questions) = (0, Vec::new(), Vec::new());
    for (value, &[what, who, place, passes]) in (0..).zip(dice) {
        time += u64::from(passes % 3 == 0);
        let (now, offset) = (Time(time), Offset(i64::from(place / 2 % 6)));
        let (process, key) = (sessions[usize::from(who % 3)], keys[usize::from(place % 2)]);
        match what % 6 {
            0 => sends.push(history.send_invoked(process, now, key, Value(value))),
            1 => {
                let asked = history.list_offsets_invoked(process, now, LogBound::Latest, keys);
                questions.push(asked);
            }
            2 => drop(history.polled(process, now, now, [(key, offset, Value(u64::from(place)))])),
            3 => questions.pop().into_iter().for_each(|op| {
                history.list_offsets_ok(op, now, keys.map(|key| (key, offset)));
            }),
            _ if sends.is_empty() => {}
            _ => {
                let op = sends.swap_remove(usize::from(who) % sends.len());
                let is_known = passes % 16 > 0;
                history.send_ok(op, now, is_known.then_some(offset));
            }
        }
    }
    history
}

/// The completions of the operations that came too late, as the judge has it, if they name the place that it means: an
/// append may be read elsewhere.
fn judged_too_late(history: &History) -> Vec<OpId> {
    let judgement = judge(history, &Contract::default());
    let late = |kind, role, place: fn(Offset) -> i64| {
        let found = judgement.anomalies.get(&kind).into_iter().flat_map(|found| &found.examples);
        let op =
            move |example: &Anomaly| example.ops.iter().find(|op| op.role == role).map(|op| op.op);
        let late = found.filter_map(move |example| Some((op(example)?, place(example.offsets[1]))));
        late.collect::<Vec<_>>()
    };
    let appends = late(Kind::BackdatedAppend, Role::Overtaker, |offset| 2 * offset.0 + 1);
    let ends = late(Kind::StaleEnd, Role::Reader, |end| 2 * end.0);
    let is_late =
        |op, placed: &Placed| appends.iter().chain(&ends).any(|late| *late == (op, placed.place));
    let completed = |(event, told): (OpId, &Event)| {
        let op = told.what.completes()?;
        placed(history, event, told).iter().any(|placed| is_late(op, placed)).then_some(event)
    };
    history.events().filter_map(completed).collect()
}

proptest! {
    #![proptest_config(cases(10_000))]

    #[test]
    fn finds_what_a_search_over_all_pairs_finds_when_it_can_be_told(
        dice in proptest::collection::vec(any::<[u8; 4]>(), 0..40)
    ) {
        let history = tiny(&dice);
        let found = first_online(&history);
        prop_assert_eq!(found.map(|found| found.completed_by), first_by_search(&history));
    }

    #[test]
    fn misses_nothing_that_the_judge_finds_of_placed_operations(steps in arbitrary::steps()) {
        let history = record(&steps, SMALL.partitions);
        let found = first_online(&history).map(|found| found.completed_by);
        prop_assert_eq!(found, first_by_search(&history));
        for event in judged_too_late(&history) {
            prop_assert!(found.is_some_and(|found| found <= event), "{found:?} of {event:?}");
        }
    }

    #[test]
    fn finds_nothing_in_a_valid_history(seed: u64) {
        let mut steps = valid(seed, SMALL);
        steps.retain(|step| !matches!(step, Step::Clocks { .. }));
        prop_assert_eq!(first_online(&record(&steps, SMALL.partitions)), None);
    }

    #[test]
    fn fed_in_pieces_and_forked_it_finds_the_same(
        dice in proptest::collection::vec(any::<[u8; 4]>(), 0..40), piece in 1_usize..9
    ) {
        let (mut sweep, mut found) = (Sweep::default(), None);
        for end in (piece..dice.len()).step_by(piece) {
            let mut fork = sweep.clone();
            let of_fork = fork.follow(&tiny(&dice[..end]));
            let of_sweep = sweep.follow(&tiny(&dice[..end]));
            prop_assert_eq!(of_fork, of_sweep);
            found = found.or(of_sweep);
        }
        found = found.or(sweep.follow(&tiny(&dice)));
        prop_assert_eq!(found, first_online(&tiny(&dice)));
    }

    #[test]
    fn what_it_finds_the_judge_finds_too_or_else_that_a_record_is_lost_or_removed(steps in arbitrary::steps()) {
        let history = record(&steps, SMALL.partitions);
        let Some(found) = first_online(&history) else { return Ok(()) };
        let judgement = judge(&history, &Contract::default());
        let is_broken = |kind: &Kind| {
            let of_the_log = [Property::Linearizability, Property::PartitionOrder, Property::AckedDurability];
            kind.breaks_its_property() && of_the_log.contains(&kind.property())
        };
        let is_known = judgement.anomalies.keys().any(is_broken) || !judgement.excused.is_empty();
        prop_assert!(is_known, "{}", found.sentence(&history));
    }
}
