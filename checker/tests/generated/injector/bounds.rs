//! What is told of a log in real time, wrongly: where it begins, where it ends, how far it may be read.

use super::super::step::{Step, Told};
use super::edit::{Injector, records};
use ktrial_checker::anomaly::{AnomalyKind as Kind, Role};
use ktrial_checker::history::LogBound;
use std::collections::BTreeSet;

impl Injector {
    /// Whoever asked where the log ends would now have been told too little.
    pub(super) fn stop_asking(&mut self) {
        self.steps.retain(|step| !matches!(step, Step::AskBound { .. } | Step::AnswerBound { .. }));
    }

    /// At the very end, somebody asks where a log ends and is told less than is known.
    pub(super) fn end_early(&mut self) -> Option<()> {
        self.forget_clocks();
        let (key, end) = self.pick_drained()?;
        let offset = end.min(self.log(key).last()?.0 + 1) - 1;
        let (at, known, role) = self.reached_beyond(key, offset - 1, None)?;
        let (process, id) = (self.processes(), u32::MAX);
        self.steps.push(Step::Open { client: 996, group: None });
        let asked = self.push(Step::AskBound { process, key, of: LogBound::Latest, id });
        self.steps.push(Step::AnswerBound { id, key, offset });
        let ops = [(at, role), (asked, Role::Reader)];
        self.expect(Kind::StaleEnd, key, &[known - 1, offset], &ops, &[])
    }

    /// What told first that a log had a record above `offset`, and how far it reached then. Appends of one process, if
    /// one is named, do not count, nor then do records that are gone.
    pub(super) fn reached_beyond(
        &self,
        of: u32,
        offset: i64,
        apart_from: Option<u32>,
    ) -> Option<(usize, i64, Role)> {
        let in_log_only = apart_from.is_some();
        let log: BTreeSet<i64> = self.log(of).into_iter().map(|record| record.0).collect();
        let counts = |at: i64| at > offset && (!in_log_only || log.contains(&at));
        self.steps.iter().enumerate().find_map(|(at, step)| match *step {
            Step::Ack { value, offset: Some(acked) } if counts(acked) => {
                let sent = self.send_step(value)?;
                let Step::Send { process, key, .. } = self.steps[sent] else { return None };
                let counts = key == of && Some(process) != apart_from;
                counts.then_some((sent, acked + 1, Role::Writer))
            }
            Step::Poll { key, ref records, .. } | Step::Dump { key, ref records, .. } if key == of => {
                let beyond = records.iter().rev().find(|record| counts(record.0));
                beyond.map(|record| (at, record.0 + 1, Role::Reader))
            }
            Step::AnswerBound { key, offset: end, id } if key == of => {
                let asks_end = |step: &Step| matches!(*step, Step::AskBound { id: asked, of: LogBound::Latest, .. } if asked == id);
                let counts = end > offset + 1 && self.steps.iter().any(asks_end);
                counts.then_some((at, end, Role::Reader))
            }
            _ => None,
        })
    }

    /// Two questions at the very end, of which the first is told that the log begins higher.
    pub(super) fn begin_lower(&mut self) -> Option<()> {
        self.forget_clocks();
        let (key, end) = self.pick_drained()?;
        let (of, process) = (LogBound::Earliest, self.processes());
        self.steps.push(Step::Open { client: 996, group: None });
        let [higher, lower] = [(u32::MAX - 1, end + 1), (u32::MAX, end)].map(|(id, offset)| {
            let asked = self.push(Step::AskBound { process, key, of, id });
            [asked, self.push(Step::AnswerBound { id, key, offset })]
        });
        let ops = [(higher[1], Role::EarlierReader), (lower[0], Role::Reader)];
        self.expect(Kind::LogStartRegression, key, &[end + 1, end], &ops, &[])
    }

    /// A response tells that the log begins beyond its high watermark.
    pub(super) fn begin_beyond_the_end(&mut self) -> Option<()> {
        // The last one: what is told later would otherwise seem to go back.
        let &at = self.find(|step| matches!(step, Step::Told { .. })).last()?;
        let Step::Told { key, ref mut told } = self.steps[at] else { unreachable!("found bounds") };
        told.start = told.high_watermark + 1;
        let offsets = [told.start, told.high_watermark];
        self.expect(Kind::BoundsDisorder, key, &offsets, &[(at - 1, Role::Reader)], &[])
    }

    /// A response without records comes after one with bounds, and tells a lower high watermark.
    pub(super) fn tell_less(&mut self) -> Option<()> {
        let all = self.find(|step| matches!(step, Step::Told { .. }));
        let at = self.pick(&all)?;
        let Step::Told { key, told } = self.steps[at] else { unreachable!("found bounds") };
        let Step::Poll { process, .. } = self.steps[at - 1] else { unreachable!("told by a poll") };
        let lower = told.high_watermark - 1;
        let poll = Step::Poll { process, key, records: vec![] };
        let told_lower = Step::Told { key, told: Told { high_watermark: lower, ..told } };
        self.steps.splice(at + 1..at + 1, [poll, told_lower]);
        let ops = [(at - 1, Role::EarlierReader), (at + 1, Role::Reader)];
        self.expect(Kind::HighWatermarkRegression, key, &[told.high_watermark, lower], &ops, &[])
    }

    /// The first bounds that a session is told are below what it got with them.
    pub(super) fn tell_less_than_returned(&mut self) -> Option<()> {
        let &at = self.find(|step| matches!(step, Step::Told { .. })).first()?;
        let last = records(&self.steps[at - 1]).last()?.0;
        let Step::Told { key, ref mut told } = self.steps[at] else { unreachable!("found bounds") };
        told.high_watermark = last;
        let ops = [(at - 1, Role::Reader)];
        self.expect(Kind::ReadBeyondBound, key, &[last, last], &ops, &[])
    }
}
