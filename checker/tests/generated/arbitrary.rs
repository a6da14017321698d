//! Arbitrary tiny histories: any steps at all over two partitions, a few offsets and a few values, right or wrong.

use super::step::Step;
use ktrial_checker::history::{LogBound, PositionedBy, Value};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Up to 30 steps that make a history, most of them impossible for a real log.
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(any::<[u8; 5]>(), 0..30).prop_map(|dice| Decoder::decode(&dice))
}

/// Clients 0 and 1 produce, 2 reads, 3 is the member of a group that tells nothing of what it processes, 4 and 5 are members
/// of one that may, 6 and 7 read at rest.
const PROCESSES: u32 = 8;

#[derive(Default)]
struct Decoder {
    steps: Vec<Step>,
    sent: Vec<u64>,
    completed: BTreeSet<u64>,
    ids: u32,
    commits: Vec<u32>,
    questions: Vec<u32>,
    bound_questions: Vec<(u32, u32)>,
}

impl Decoder {
    fn decode(dice: &[[u8; 5]]) -> Vec<Step> {
        let mut decoder = Decoder::default();
        for client in 0..PROCESSES {
            let group = match client {
                4 | 5 => Some(0),
                3 => Some(1),
                _ => None,
            };
            decoder.steps.push(Step::Open { client, group });
        }
        dice.iter().for_each(|dice| decoder.step(*dice));
        decoder.steps
    }

    fn step(&mut self, dice: [u8; 5]) {
        let [what, who, key, a, b] = dice.map(u32::from);
        let (key, offset) = (key % 2, i64::from(a % 6));
        match what % 17 {
            0..3 => self.send(who % 2, key),
            3..6 => self.complete(a, b),
            6..9 => self.poll(2 + who % 6, key, offset, b),
            9 => self.steps.push(Step::Processed {
                process: 4 + who % 2,
                key,
                records: records(offset, b),
            }),
            10 => self.steps.push(Step::Assign {
                process: 2 + who % 4,
                keys: (0..2).filter(|k| a >> k & 1 == 1).collect(),
            }),
            11 => self.steps.push(Step::Position { process: 2 + who % 5, key, offset, by: by(b) }),
            12 => self.commit(4 + who % 2, key, offset),
            13 => self.answer_commit(a, b),
            14 => self.question(4 + who % 2, key, offset, b),
            15 => self.bound_question(2 + who % 2, key, offset, b),
            _ if b % 4 == 3 => self.steps.push(Step::Crash { process: who % 6 }),
            _ if b % 3 == 0 => {
                self.steps.push(Step::Dump { process: 7, key, records: records(offset, b / 3) })
            }
            _ => self.steps.push(Step::Drain { process: 6 + who % 2, key, end: offset }),
        }
    }

    fn send(&mut self, process: u32, key: u32) {
        let value = self.sent.len() as u64 + 1;
        self.sent.push(value);
        self.steps.push(Step::Send { process, key, value });
    }

    fn complete(&mut self, a: u32, b: u32) {
        let Some(value) = pick(&self.sent, a).filter(|&value| self.completed.insert(value)) else {
            return;
        };
        self.steps.push(match b % 8 {
            0 => Step::Fail { value },
            1 => Step::GiveUp { value },
            2 => Step::Ack { value, offset: None },
            _ => Step::Ack { value, offset: Some(i64::from(b / 8 % 6)) },
        });
    }

    fn poll(&mut self, process: u32, key: u32, offset: i64, b: u32) {
        let mut records = records(offset, b);
        if b % 17 == 16 {
            records.reverse();
        }
        self.steps.push(Step::Poll { process, key, records });
    }

    fn commit(&mut self, process: u32, key: u32, offset: i64) {
        self.ids += 1;
        self.commits.push(self.ids);
        self.steps.push(Step::Commit { process, group: 0, key, offset, id: self.ids });
    }

    fn answer_commit(&mut self, a: u32, b: u32) {
        let Some(id) = pick(&self.commits, a) else { return };
        self.commits.retain(|&open| open != id);
        self.steps.push(match b % 4 {
            0 => Step::CommitFailed { id },
            1 => Step::CommitUnknown { id },
            _ => Step::CommitOk { id },
        });
    }

    fn bound_question(&mut self, process: u32, key: u32, offset: i64, b: u32) {
        if b.is_multiple_of(2) {
            self.ids += 1;
            let (id, of) = (self.ids, LogBound::Latest);
            self.bound_questions.push((id, key));
            self.steps.push(Step::AskBound { process, key, of, id });
        } else if let Some((id, key)) = pick(&self.bound_questions, b / 2) {
            self.bound_questions.retain(|&(open, _)| open != id);
            self.steps.push(Step::AnswerBound { id, key, offset });
        }
    }

    fn question(&mut self, process: u32, key: u32, offset: i64, b: u32) {
        if b.is_multiple_of(3) {
            self.ids += 1;
            self.questions.push(self.ids);
            self.steps.push(Step::Ask { process, group: 0, id: self.ids });
        } else if let Some(id) = pick(&self.questions, b) {
            self.questions.retain(|&open| open != id);
            let offset = (offset > 0).then_some(offset - 1);
            self.steps.push(Step::Answer { id, key, offset });
        }
    }
}

fn pick<T: Copy>(from: &[T], which: u32) -> Option<T> {
    (!from.is_empty()).then(|| from[which as usize % from.len()])
}

fn by(dice: u32) -> PositionedBy {
    [
        PositionedBy::Committed,
        PositionedBy::ResetEarliest,
        PositionedBy::ResetLatest,
        PositionedBy::Seek,
    ][dice as usize % 4]
}

/// One to three records from `offset` on, sometimes with a gap; a value is the offset's own, another, or corrupt.
fn records(offset: i64, dice: u32) -> Vec<(i64, u64)> {
    let gap = i64::from(dice >> 7);
    let value = |place: i64| match dice / 3 % 16 {
        0 => Value::CORRUPT.0,
        shift @ 1..4 => (place as u64 + u64::from(shift)) % 8 + 1,
        _ => place as u64 + 1,
    };
    let place = |n: i64| offset + n + if n > 0 { gap } else { 0 };
    (0..=i64::from(dice % 3)).map(place).map(|place| (place, value(place))).collect()
}
