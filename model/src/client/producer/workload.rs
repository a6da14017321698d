//! The application that uses a producer: which record it sends when.
//!
//! The application is one thread. Its `send()` blocks while the client has neither metadata nor memory for the record, up
//! to `max.block.ms`, and nothing else is sent meanwhile. It never sends a record twice: what is in the log twice was put
//! there by the client.

use ktrial_sim::random::Stream;
use ktrial_sim::time::{Duration, Instant};

use crate::ids::{RecordId, RecordKey, TopicId};

/// What the application of a producer does.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Where it sends records to, in turn. At least one.
    pub topics: Vec<TopicId>,
    /// How many records it sends altogether.
    pub records: u64,
    /// When it sends the next one.
    pub pace: Pace,
    /// How many distinct keys there are, each as likely as the others; 0 for records without key.
    pub keys: u32,
    /// Key, value and per-record overhead of each record, in bytes.
    pub record_size_bytes: u32,
    /// It sends nothing any more from then on, by its monotonic clock.
    pub stop_at: Instant,
}

/// When an application sends its next record.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Pace {
    /// `burst` records at once, then a pause. A call that blocked for longer than the pause is not made up for.
    Interval {
        /// From burst to burst. Above zero.
        interval: Duration,
        /// Records per burst. At least 1.
        burst: u32,
    },
    /// As fast as answers come: always this many records without an answer. At least 1.
    Outstanding(u32),
}

/// A record that the application gives to the client.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct NewRecord {
    /// What it says.
    pub id: RecordId,
    /// Its key.
    pub key: Option<RecordKey>,
    /// Where it goes.
    pub topic: TopicId,
}

/// The state of the application.
#[derive(Clone, Debug)]
pub struct Application {
    stream: Stream,
    first_id: RecordId,
    sent: u64,
    next_burst_at: Instant,
    left_in_burst: u32,
}

impl Application {
    /// Nothing sent yet. `stream` is the client's workload stream, `first_id` the first of as many ids as it may need.
    ///
    /// # Panics
    /// If the workload has no topic.
    pub fn new(workload: &Workload, stream: Stream, first_id: RecordId, now: Instant) -> Self {
        assert!(!workload.topics.is_empty(), "a workload has a topic");
        Application { stream, first_id, sent: 0, next_burst_at: now, left_in_burst: 0 }
    }

    /// Whether the application is through: by number or by time.
    pub fn is_done(&self, workload: &Workload, now: Instant) -> bool {
        self.sent >= workload.records || now >= workload.stop_at
    }

    /// Whether it calls `send()` now, with `outstanding` records without an answer.
    pub fn sends(&self, workload: &Workload, outstanding: u64, now: Instant) -> bool {
        let is_its_turn = match workload.pace {
            Pace::Interval { .. } => self.left_in_burst > 0 || now >= self.next_burst_at,
            Pace::Outstanding(limit) => outstanding < u64::from(limit),
        };
        is_its_turn && !self.is_done(workload, now)
    }

    /// When it sends next if no answer comes before.
    pub fn next_send_at(&self, workload: &Workload, now: Instant) -> Instant {
        match workload.pace {
            Pace::Interval { .. } if !self.is_done(workload, now) => self.next_burst_at,
            Pace::Interval { .. } | Pace::Outstanding(_) => Instant::NEVER,
        }
    }

    /// The application calls `send()`.
    pub fn next_record(&mut self, workload: &Workload, now: Instant) -> NewRecord {
        self.keep_pace(workload, now);
        let key = (workload.keys > 0)
            .then(|| RecordKey(self.stream.below(u64::from(workload.keys)) as u32));
        let id = RecordId(self.first_id.0 + self.sent);
        let topic = workload.topics[(self.sent % workload.topics.len() as u64) as usize];
        self.sent += 1;
        NewRecord { id, key, topic }
    }

    fn keep_pace(&mut self, workload: &Workload, now: Instant) {
        if let Pace::Interval { interval, burst } = workload.pace {
            if self.left_in_burst == 0 {
                self.left_in_burst = burst;
                let on_time = self.next_burst_at + interval;
                self.next_burst_at = if on_time > now { on_time } else { now + interval };
            }
            self.left_in_burst -= 1;
        }
    }

    /// The stream for whatever else is drawn on behalf of the application.
    pub fn stream(&mut self) -> &mut Stream {
        &mut self.stream
    }
}

#[cfg(test)]
mod tests {
    use ktrial_sim::random::{Address, Purpose, Streams};

    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::START + Duration::from_millis(millis)
    }

    fn workload(pace: Pace) -> Workload {
        let topics = vec![TopicId(1), TopicId(2)];
        Workload { topics, records: 5, pace, keys: 4, record_size_bytes: 100, stop_at: at(1_000) }
    }

    fn application(workload: &Workload) -> Application {
        let stream = Streams::new(1).stream(Address::new(Purpose::Workload, 0));
        Application::new(workload, stream, RecordId(1 << 40), Instant::START)
    }

    #[test]
    fn bursts_come_at_their_interval_and_records_go_to_the_topics_in_turn() {
        let workload = workload(Pace::Interval { interval: Duration::from_millis(10), burst: 2 });
        let mut application = application(&workload);
        let mut sent = Vec::new();
        for millis in 0..30 {
            while application.sends(&workload, 0, at(millis)) {
                let record = application.next_record(&workload, at(millis));
                sent.push((millis, record.id.0 - (1 << 40), record.topic.0));
            }
        }
        assert_eq!(sent, [(0, 0, 1), (0, 1, 2), (10, 2, 1), (10, 3, 2), (20, 4, 1)]);
        assert!(application.is_done(&workload, at(20)));
    }

    #[test]
    fn a_burst_that_comes_late_is_not_made_up_for() {
        let workload = workload(Pace::Interval { interval: Duration::from_millis(10), burst: 1 });
        let mut application = application(&workload);
        application.next_record(&workload, at(0));
        assert_eq!(application.next_send_at(&workload, at(0)), at(10));
        application.next_record(&workload, at(37));
        assert_eq!(application.next_send_at(&workload, at(37)), at(47));
    }

    #[test]
    fn as_many_records_as_asked_are_outstanding() {
        let workload = workload(Pace::Outstanding(3));
        let application = application(&workload);
        assert!(application.sends(&workload, 2, at(0)));
        assert!(!application.sends(&workload, 3, at(0)));
        assert_eq!(application.next_send_at(&workload, at(0)), Instant::NEVER);
    }

    #[test]
    fn nothing_is_sent_from_the_stop_on() {
        let workload = workload(Pace::Outstanding(3));
        let application = application(&workload);
        assert!(application.sends(&workload, 0, at(999)));
        assert!(!application.sends(&workload, 0, at(1_000)));
        assert!(application.is_done(&workload, at(1_000)));
    }
}
