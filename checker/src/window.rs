//! The neighbourhood of an anomaly: the operations that wrote or read around its offsets, as a table of operation by offset.
//!
//! ```text
//!      op  process  what            41    42    43
//!    1202  alice    send, ok              v17
//!    1441  reader   poll            v16   v23   v24
//! ```
//! The windows of all examples are filled together in three passes, one for reads, one for the sends of what was read, one
//! for completions: O((events + records) log(windows)).

use crate::anomaly::Anomaly;
use crate::history::{
    Event, History, Key, LogBound, Offset, Offsets, OpId, Spans, Time, Value, What,
};
use crate::verdict::Property;
use std::collections::{BTreeMap, BTreeSet};

/// How many offsets are shown on each side of an anomaly's.
const SIDE: i64 = 3;

/// The most offsets of a window; an anomaly that is about many has fewer beside each.
const OFFSETS_MAX: usize = 9;

/// The most operations of a window beside those that prove the anomaly.
const OTHERS_MAX: usize = 6;

/// The operations around the offsets of one anomaly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// The offsets, a column each, ascending; none if the anomaly is about no offset.
    pub offsets: Vec<Offset>,
    /// The operations, in the order in which they began.
    pub rows: Vec<Row>,
    /// How many more operations wrote or read at these offsets. Those nearest to the anomaly have rows.
    pub others: u64,
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The operation.
    pub op: OpId,
    /// When it was invoked.
    pub invoked_at: Time,
    /// When it completed: the same for what has no duration, nothing for what never did.
    pub completed_at: Option<Time>,
    /// Whose it is.
    pub process: String,
    /// What it is: `send, ok`, `poll`, `read to end`.
    pub what: String,
    /// Whether it is one of those that prove the anomaly.
    pub proves: bool,
    /// What it wrote or read, a cell for each offset.
    pub cells: Vec<Option<Cell>>,
}

/// What an operation wrote or read at an offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// What is there.
    pub content: Content,
    /// Whether the anomaly is about this cell.
    pub conflicts: bool,
}

/// What an operation says of an offset.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Content {
    /// This record is there.
    Record(String),
    /// It was read over: there was no record.
    Passed,
    /// The log has ended.
    End,
    /// The group or the consumer goes on from here.
    Next,
}

/// The windows of anomalies that were found in `history`, in their order.
#[must_use]
pub fn windows<'a>(
    history: &History,
    anomalies: impl IntoIterator<Item = &'a Anomaly>,
) -> Vec<Window> {
    let mut panes = Panes::new(history, anomalies);
    history.events().for_each(|(op, event)| panes.look_at_read(op, event));
    panes.look_for_values();
    history.events().for_each(|(op, event)| panes.look_at_send(op, event));
    panes.windows()
}

/// A window being filled.
struct Pane {
    /// Those of the anomaly, ascending.
    about: Vec<Offset>,
    offsets: Vec<Offset>,
    /// Whether what groups do is of interest.
    of_group: bool,
    proof: BTreeSet<OpId>,
    rows: BTreeMap<OpId, Draft>,
    others: u64,
}

/// A row being filled.
#[derive(Clone)]
struct Draft {
    cells: Vec<Option<Said>>,
    /// From the nearest cell to the anomaly.
    distance: u64,
}

/// A cell before its value is told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    Record(Value),
    Passed,
    End,
    Next,
}

/// A pane and one of its columns.
type Place = (usize, usize);

/// All panes, and where an event finds them.
struct Panes<'h> {
    history: &'h History,
    panes: Vec<Pane>,
    places: BTreeMap<(Key, Offset), Vec<Place>>,
    /// Where values were read, once reads have been looked at.
    read_at: BTreeMap<(Key, Value), Vec<Place>>,
    /// What the event at hand says, with the place; empty between events.
    said: Vec<(Place, Said)>,
}

impl<'h> Panes<'h> {
    fn new<'a>(history: &'h History, anomalies: impl IntoIterator<Item = &'a Anomaly>) -> Self {
        let keys: BTreeMap<String, Key> =
            history.keys().iter().map(ToString::to_string).zip((0..).map(Key)).collect();
        let (mut panes, mut places) = (Vec::new(), BTreeMap::<_, Vec<Place>>::new());
        for anomaly in anomalies {
            let pane = Pane::new(history, anomaly);
            let key = keys[&anomaly.key];
            for (column, &offset) in pane.offsets.iter().enumerate() {
                places.entry((key, offset)).or_default().push((panes.len(), column));
            }
            panes.push(pane);
        }
        Panes { history, panes, places, read_at: BTreeMap::new(), said: Vec::new() }
    }

    fn look_at_read(&mut self, op: OpId, event: &Event) {
        match event.what {
            What::Polled { poll } => self.say_records(self.history.poll(poll).records),
            What::LogDumped { key, records } => {
                self.say_records(records);
                let ends = self.history.spans(records).map(|span| span.end());
                self.say_between(key, ends.max().unwrap_or(Offset(0)), None, Said::End);
            }
            What::Drained { key, end } => self.say_between(key, end, None, Said::End),
            What::Processed { records } => self.of_groups(|panes| panes.say_records(records)),
            What::CommitInvoked { offsets, .. }
            | What::TxnOffsets { offsets, .. }
            | What::CommittedOk { offsets, .. } => {
                self.of_groups(|panes| panes.say_offsets(offsets, Said::Next));
            }
            What::ListOffsetsOk { op, offsets } if self.asks_for_end(op) => {
                self.say_offsets(offsets, Said::End);
            }
            What::Positioned { key, offset, .. } => {
                self.of_groups(|panes| panes.say(key, offset, Said::Next));
            }
            _ => {}
        }
        self.take_down(event.what.completes().unwrap_or(op));
    }

    /// Says something that only those panes hear that are about groups.
    fn of_groups(&mut self, say: impl FnOnce(&mut Self)) {
        say(self);
        let panes = &self.panes;
        self.said.retain(|((pane, _), _)| panes[*pane].of_group);
    }

    fn say(&mut self, key: Key, offset: Offset, said: Said) {
        let places = self.places.get(&(key, offset)).into_iter().flatten();
        self.said.extend(places.map(|&place| (place, said)));
    }

    fn say_offsets(&mut self, offsets: Offsets, said: Said) {
        let history = self.history;
        history.offsets(offsets).for_each(|(key, offset)| self.say(key, offset, said));
    }

    fn asks_for_end(&self, list_offsets: OpId) -> bool {
        let asked = self.history.event(list_offsets).what;
        matches!(
            asked,
            What::ListOffsetsInvoked { of: LogBound::Latest | LogBound::LastStable, .. }
        )
    }

    /// Says `said` of every offset from `from` on, up to `to` if there is one.
    fn say_between(&mut self, key: Key, from: Offset, to: Option<Offset>, said: Said) {
        let to = to.unwrap_or(Offset(i64::MAX));
        if from < to {
            let places = self.places.range((key, from)..(key, to)).flat_map(|(_, places)| places);
            self.said.extend(places.map(|&place| (place, said)));
        }
    }

    /// Says which records are there, and that there is none between two spans of one partition.
    fn say_records(&mut self, records: Spans) {
        let history = self.history;
        let mut before: Option<(Key, Offset)> = None;
        for span in history.spans(records) {
            if let Some((_, end)) = before.filter(|(key, _)| *key == span.key) {
                self.say_between(span.key, end, Some(span.base), Said::Passed);
            }
            before = Some((span.key, span.end()));
            let is_seen = self.places.range((span.key, span.base)..(span.key, span.end())).next();
            if is_seen.is_some() {
                for (offset, value) in history.records(span) {
                    self.say(span.key, offset, Said::Record(value));
                }
            }
        }
    }

    /// Gives what was said to the panes, as a row of `op`.
    fn take_down(&mut self, op: OpId) {
        self.said.sort_unstable();
        for said in self.said.chunk_by(|((one, _), _), ((other, _), _)| one == other) {
            let ((pane, _), _) = said[0];
            self.panes[pane].take_down(op, said.iter().map(|&((_, column), said)| (column, said)));
        }
        self.said.clear();
    }

    fn look_for_values(&mut self) {
        let keys: BTreeMap<Place, Key> = self
            .places
            .iter()
            .flat_map(|(&(key, _), places)| places.iter().map(move |&place| (place, key)))
            .collect();
        for (index, pane) in self.panes.iter().enumerate() {
            for (column, value) in pane.values() {
                let place = (index, column);
                self.read_at.entry((keys[&place], value)).or_default().push(place);
            }
        }
    }

    fn look_at_send(&mut self, op: OpId, event: &Event) {
        match event.what {
            What::SendInvoked { key, value } => {
                let places = self.read_at.get(&(key, value)).into_iter().flatten();
                self.said.extend(places.map(|&place| (place, Said::Record(value))));
                self.take_down(op);
            }
            What::SendOk { op: send, offset } => {
                if let What::SendInvoked { key, value } = self.history.event(send).what {
                    self.say(key, offset, Said::Record(value));
                    self.take_down(send);
                }
            }
            _ => {}
        }
    }

    fn windows(self) -> Vec<Window> {
        let completions = self.completions();
        let Panes { history, panes, .. } = self;
        panes.into_iter().map(|pane| pane.window(history, &completions)).collect()
    }

    /// The completion of each operation that has a row, if it has one.
    fn completions(&self) -> BTreeMap<OpId, Option<OpId>> {
        let rows = self.panes.iter().flat_map(|pane| pane.rows.keys());
        let mut completions: BTreeMap<_, _> = rows.map(|&op| (op, None)).collect();
        for (op, event) in self.history.events() {
            let completed = event.what.completes().and_then(|of| completions.get_mut(&of));
            if let Some(completion) = completed {
                *completion = Some(op);
            }
        }
        completions
    }
}

impl Pane {
    fn new(history: &History, anomaly: &Anomaly) -> Self {
        let mut about: Vec<Offset> = anomaly.offsets.clone();
        about.sort_unstable();
        about.dedup();
        let proof = anomaly.ops.iter().map(|role| operation(history, role.op)).collect();
        let offsets = columns(&about);
        let of_group = anomaly.kind.property() == Property::AtLeastOnce;
        let mut pane = Pane { about, offsets, of_group, proof, rows: BTreeMap::new(), others: 0 };
        for op in pane.proof.clone() {
            pane.rows.insert(op, pane.draft());
        }
        pane
    }

    fn draft(&self) -> Draft {
        Draft { cells: vec![None; self.offsets.len()], distance: u64::MAX }
    }

    fn take_down(&mut self, op: OpId, said: impl Iterator<Item = (usize, Said)>) {
        let mut draft = self.rows.get(&op).cloned().unwrap_or_else(|| self.draft());
        for (column, said) in said {
            draft.cells[column] = Some(said);
            draft.distance = draft.distance.min(self.distance(column));
        }
        let is_new = self.rows.insert(op, draft).is_none();
        if is_new && self.rows.len() > self.proof.len() + OTHERS_MAX {
            self.drop_farthest();
        }
    }

    fn distance(&self, column: usize) -> u64 {
        let offset = self.offsets[column];
        self.about.iter().map(|about| about.0.abs_diff(offset.0)).min().unwrap_or(0)
    }

    fn drop_farthest(&mut self) {
        let others = self.rows.iter().filter(|(op, _)| !self.proof.contains(op));
        let farthest = others.map(|(op, draft)| (draft.distance, *op)).max();
        let (_, op) = farthest.expect("there are more rows than those of the proof");
        self.rows.remove(&op);
        self.others += 1;
    }

    /// The values that were read, with their columns.
    fn values(&self) -> BTreeSet<(usize, Value)> {
        let cells = self.rows.values().flat_map(|draft| draft.cells.iter().enumerate());
        cells
            .filter_map(|(column, said)| match said {
                Some(Said::Record(value)) => Some((column, *value)),
                _ => None,
            })
            .collect()
    }

    fn window(self, history: &History, completions: &BTreeMap<OpId, Option<OpId>>) -> Window {
        let row = |(&op, draft): (&OpId, &Draft)| self.row(history, op, draft, completions[&op]);
        let rows = self.rows.iter().map(row).collect();
        Window { rows, offsets: self.offsets, others: self.others }
    }

    fn row(&self, history: &History, op: OpId, draft: &Draft, completion: Option<OpId>) -> Row {
        let event = history.event(op);
        let completion = completion.map(|completion| history.event(completion));
        let proves = self.proof.contains(&op);
        let cell = |(offset, said): (&Offset, &Option<Said>)| {
            let content = said.as_ref()?.told(history);
            Some(Cell { content, conflicts: proves && self.about.contains(offset) })
        };
        Row {
            op,
            invoked_at: match event.what {
                What::Polled { poll } => history.poll(poll).invoked_at,
                _ => event.time,
            },
            completed_at: match completion {
                Some(completion) => Some(completion.time),
                None => (!event.what.is_invocation()).then_some(event.time),
            },
            process: history.process_name(event.process),
            what: told(event.what, completion.map(|completion| completion.what)),
            proves,
            cells: self.offsets.iter().zip(&draft.cells).map(cell).collect(),
        }
    }
}

impl Said {
    fn told(self, history: &History) -> Content {
        match self {
            Said::Record(value) => Content::Record(history.value_name(value).to_string()),
            Said::Passed => Content::Passed,
            Said::End => Content::End,
            Said::Next => Content::Next,
        }
    }
}

/// The operation that an event belongs to.
fn operation(history: &History, event: OpId) -> OpId {
    let of = history.event(event).what.tells_of().unwrap_or(event);
    history.event(of).what.completes().unwrap_or(of)
}

/// The offsets around those an anomaly is about: fewer beside each the more there are.
fn columns(about: &[Offset]) -> Vec<Offset> {
    let around = |side: i64| -> BTreeSet<Offset> {
        let of = |offset: &Offset| (offset.0 - side).max(0)..=offset.0 + side;
        about.iter().flat_map(of).map(Offset).collect()
    };
    let sides = (0..=SIDE).rev().map(around);
    let fitting = sides.into_iter().find(|offsets| offsets.len() <= OFFSETS_MAX);
    fitting.unwrap_or_else(|| around(0)).into_iter().take(OFFSETS_MAX).collect()
}

/// What an operation is, with its outcome.
fn told(what: What, completion: Option<What>) -> String {
    let outcome = match completion {
        _ if !what.is_invocation() => return name(what).to_owned(),
        None => "open",
        Some(What::SendFailed { .. } | What::CommitFailed { .. }) => "failed",
        Some(What::SendUnknown { .. } | What::CommitUnknown { .. } | What::TxnUnknown { .. }) => {
            "unknown"
        }
        Some(What::TxnAborted { .. }) => "aborted",
        Some(_) => "ok",
    };
    format!("{}, {outcome}", name(what))
}

/// What an event is, in a word or two; completions have the name of what they complete.
fn name(what: What) -> &'static str {
    match what {
        What::SendInvoked { .. }
        | What::SendOk { .. }
        | What::SendFailed { .. }
        | What::SendUnknown { .. } => "send",
        What::ProducerInitialized { .. } => "init producer",
        What::TxnBegun
        | What::TxnCommitted { .. }
        | What::TxnAborted { .. }
        | What::TxnUnknown { .. } => "transaction",
        What::TxnOffsets { .. } => "offsets in transaction",
        What::Polled { .. } => "poll",
        What::Processed { .. } => "processed",
        What::Assigned { .. } => "assigned",
        What::Subscribed { .. } => "subscribed",
        What::Rebalanced { .. } => "rebalanced",
        What::Joined { .. } => "joined",
        What::Positioned { .. } => "positioned",
        What::CommitInvoked { .. }
        | What::CommitOk { .. }
        | What::CommitFailed { .. }
        | What::CommitUnknown { .. } => "commit",
        What::CommittedInvoked { .. } | What::CommittedOk { .. } => "ask for committed",
        What::ListOffsetsInvoked { .. } | What::ListOffsetsOk { .. } => "list offsets",
        What::BoundsTold { .. } => "bounds",
        What::PositionsTold { .. } => "positions",
        What::Crashed => "crash",
        What::Closed => "close",
        What::Healed => "healed",
        What::Drained { .. } => "read to end",
        What::LogDumped { .. } | What::LogAnnotated { .. } => "log at rest",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anomaly::AnomalyKind;
    use crate::contract::Contract;

    /// Alice's record is acknowledged at 1; a reader and the final read find Bob's there; a crowd reads around it.
    fn overwritten(readers: u64) -> (History, Vec<Anomaly>) {
        let mut history = History::new();
        let key = history.key("orders", 0);
        let mut open = |name: &str| {
            let client = history.client(name);
            history.open_session(client, None)
        };
        let [alice, bob, reader] = ["alice", "bob", "reader"].map(&mut open);
        let mut send = |process, value, at, offset| {
            let send = history.send_invoked(process, Time(at), key, Value(value));
            match offset {
                Some(offset) => history.send_ok(send, Time(at + 5), Some(Offset(offset))),
                None => history.send_unknown(send, Time(at + 5)),
            }
        };
        send(bob, 20, 10, Some(0));
        send(alice, 17, 20, Some(1));
        send(bob, 23, 30, None);
        send(bob, 24, 40, Some(2));
        let log = [(0, 20), (1, 23), (2, 24), (4, 26)];
        let records = log.map(|(offset, value)| (key, Offset(offset), Value(value)));
        history.polled(reader, Time(90), Time(95), records);
        history.drained(reader, Time(95), key, Offset(5));
        for time in 100..100 + readers {
            let tail = records[2..].iter().copied();
            history.polled(alice, Time(time), Time(time), tail);
        }
        let mut judgement = crate::judge(&history, &Contract::default());
        let lost = judgement.anomalies.remove(&AnomalyKind::LostWrite).expect("v17 is lost");
        (history, lost.examples)
    }

    fn printed(window: &Window) -> String {
        let mut text = format!("{:?}\n", window.offsets.iter().map(|it| it.0).collect::<Vec<_>>());
        for row in &window.rows {
            let cell = |cell: &Option<Cell>| match cell {
                None => ".".to_owned(),
                Some(Cell { content, conflicts }) => {
                    let mark = if *conflicts { "!" } else { "" };
                    format!("{content:?}{mark}")
                }
            };
            let cells: Vec<_> = row.cells.iter().map(cell).collect();
            let (process, what) = (&row.process, &row.what);
            text += &format!("{} {process} {what}: {}\n", row.op.0, cells.join(" "));
        }
        text + &format!("{} more", window.others)
    }

    #[test]
    fn a_window_shows_who_wrote_and_read_what_around_the_anomaly() {
        let (history, lost) = overwritten(0);
        insta::assert_snapshot!(printed(&windows(&history, &lost)[0]), @r#"
    [0, 1, 2, 3, 4]
    0 bob send, ok: Record("v20") . . . .
    2 alice send, ok: . Record("v17")! . . .
    4 bob send, unknown: . Record("v23")! . . .
    6 bob send, ok: . . Record("v24") . .
    8 reader poll: Record("v20") Record("v23") Record("v24") Passed Record("v26")
    9 reader read to end: . . . . .
    0 more
    "#);
    }

    #[test]
    fn a_window_is_small_however_many_read_there() {
        let (history, lost) = overwritten(500);
        let window = &windows(&history, &lost)[0];
        let others = window.rows.iter().filter(|row| !row.proves).count();
        assert_eq!((others, window.others), (OTHERS_MAX, 497));
        assert!(window.rows.iter().any(|row| row.what == "send, unknown"), "distance counts");
    }

    #[test]
    fn columns_are_the_offsets_and_what_lies_beside_them() {
        let around = |about: &[i64]| -> Vec<i64> {
            let about: Vec<_> = about.iter().copied().map(Offset).collect();
            columns(&about).into_iter().map(|offset| offset.0).collect()
        };
        assert!(around(&[]).is_empty());
        assert_eq!(around(&[1]), [0, 1, 2, 3, 4]);
        assert_eq!(around(&[10, 12]), [7, 8, 9, 10, 11, 12, 13, 14, 15]);
        assert_eq!(around(&[10, 90]), [9, 10, 11, 89, 90, 91]);
        let many: Vec<i64> = (0..20).map(|n| 10 * n).collect();
        assert_eq!(around(&many), many[..9]);
    }
}
