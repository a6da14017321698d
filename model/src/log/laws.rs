//! Laws of a log, whatever happens to it: a model test against a plain list of records, and power losses.

use ktrial_sim::disk::File;
use proptest::prelude::*;

use super::test_host::{PARTITION, TestHost, batch, config, log_of, open, segments_of};
use super::{FetchIsolation, Host, LogConfig, UnifiedLog};
use crate::file::{FileEntry, FileName};
use crate::ids::{LeaderEpoch, Offset};

#[derive(Clone, Debug)]
enum Step {
    Append(u64),
    NewEpoch,
    Truncate(u64),
    Flush,
    Settle,
}

/// Segments of a few batches, so that logs have many.
fn small_segments() -> LogConfig {
    LogConfig { segment_bytes: 700, ..config() }
}

fn segment_size((name, file): (FileName, &File<FileEntry>)) -> Option<u64> {
    name.segment_base(PARTITION).map(|_| file.bytes())
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1u64..4).prop_map(Step::Append),
        1 => Just(Step::NewEpoch),
        1 => (0u64..30).prop_map(Step::Truncate),
        1 => Just(Step::Flush),
        1 => Just(Step::Settle),
    ];
    prop::collection::vec(step, 0..40)
}

/// The log next to a plain list of its records' epochs, and the batches' ends.
struct Twin {
    log: UnifiedLog,
    epochs: Vec<u32>,
    ends: Vec<u64>,
    epoch: u32,
}

impl Twin {
    fn new(host: &mut TestHost) -> Self {
        let mut log = open(small_segments(), host);
        host.settle(&mut log);
        Twin { log, epochs: Vec::new(), ends: Vec::new(), epoch: 0 }
    }

    fn take(&mut self, step: &Step, host: &mut TestHost) {
        match *step {
            Step::Append(count) => {
                self.log.append_as_leader(&batch(count), LeaderEpoch(self.epoch), host).unwrap();
                self.epochs.extend((0..count).map(|_| self.epoch));
                self.ends.push(self.epochs.len() as u64);
            }
            Step::NewEpoch => self.epoch += 1,
            Step::Truncate(target) => {
                self.log.truncate_to(Offset(target), host).unwrap();
                if target < self.epochs.len() as u64 {
                    self.ends.retain(|&end| end <= target);
                    self.epochs.truncate(self.ends.last().map_or(0, |&end| end as usize));
                }
            }
            Step::Flush => drop(self.log.flush(host)),
            Step::Settle => host.settle(&mut self.log),
        }
    }
}

proptest! {
    /// Whatever is appended, cut and flushed: W7, W8, and a read of every offset finds the record.
    #[test]
    fn the_log_is_the_list_of_its_records(steps in steps()) {
        let host = &mut TestHost::new(7);
        let mut twin = Twin::new(host);
        for step in &steps {
            twin.take(step, host);
            let log = &twin.log;
            prop_assert_eq!(log.log_end_offset().0, twin.epochs.len() as u64);
            prop_assert!(log.recovery_point() <= log.log_end_offset());
            let derived: Vec<u32> = {
                let mut derived = twin.epochs.clone();
                derived.dedup();
                derived
            };
            let cached: Vec<u32> = log.epochs().starts().iter().map(|start| start.epoch.0).collect();
            prop_assert_eq!(cached, derived, "W8");
            for (offset, &epoch) in twin.epochs.iter().enumerate() {
                let read = log.read(Offset(offset as u64), 0, true, FetchIsolation::LogEnd, host).unwrap();
                prop_assert!(read[0].base_offset.0 <= offset as u64 && (offset as u64) < read[0].next_offset().0);
                prop_assert_eq!(read[0].leader_epoch.0, epoch);
            }
            let size: u64 = host.disk.files().filter_map(segment_size).sum();
            prop_assert_eq!(log.available_bytes(Offset(0), FetchIsolation::LogEnd, host), size);
        }
    }

    /// Truncating twice is truncating to the smaller offset, and truncating again changes nothing.
    #[test]
    fn truncations_compose(lengths in prop::collection::vec(1u64..4, 0..12), a in 0u64..30, b in 0u64..30) {
        let mut host = TestHost::new(3);
        let log = log_of(&lengths, segments_of(3), &mut host);
        let cut = |targets: &[u64]| {
            let (mut log, mut host) = (log.clone(), host.clone());
            for &target in targets {
                log.truncate_to(Offset(target), &mut host).unwrap();
            }
            (log.log_end_offset(), host.segment_bases(PARTITION), log.epochs().starts().to_vec())
        };
        prop_assert_eq!(cut(&[a, b]), cut(&[a.min(b)]));
        prop_assert_eq!(cut(&[a, a]), cut(&[a]));
    }

    /// What a flush has covered survives a power loss, whatever else is lost, and what is left is a prefix (W16).
    #[test]
    fn recovery_yields_a_prefix_that_reaches_the_recovery_point(
        steps in steps(), seed in any::<u64>(), pause_millis in 0u64..60_000,
    ) {
        let host = &mut TestHost::new(seed);
        let mut twin = Twin::new(host);
        for step in &steps {
            twin.take(step, host);
            if matches!(step, Step::Truncate(_)) {
                host.settle(&mut twin.log); // A cut that is not durable yet may be undone, see the next law.
            }
        }
        let recovery_point = twin.log.recovery_point();
        host.pass(pause_millis);
        host.power_loss();
        let log = open(small_segments(), host);
        prop_assert!(log.log_end_offset() >= recovery_point);
        prop_assert!(log.log_end_offset() <= twin.log.log_end_offset());
        let starts = log.epochs().starts();
        prop_assert!(starts.iter().all(|start| start.start_offset < log.log_end_offset()));
        for offset in 0..log.log_end_offset().0 {
            let read = log.read(Offset(offset), 0, true, FetchIsolation::LogEnd, host).unwrap();
            prop_assert_eq!(read[0].leader_epoch.0, twin.epochs[offset as usize]);
            let floor = starts.iter().rfind(|start| start.start_offset.0 <= offset);
            prop_assert_eq!(floor.map(|start| start.epoch.0), Some(twin.epochs[offset as usize]), "W8");
        }
    }

    /// A power loss in the middle of anything, cuts included, leaves a log whose every batch reads, whose offsets have
    /// no gap, and to which can be appended.
    #[test]
    fn recovery_always_yields_a_readable_log(steps in steps(), seed in any::<u64>(), pause_millis in 0u64..60_000) {
        let host = &mut TestHost::new(seed);
        let mut twin = Twin::new(host);
        steps.iter().for_each(|step| twin.take(step, host));
        host.pass(pause_millis);
        host.power_loss();
        let mut log = open(small_segments(), host);
        log.append_as_leader(&batch(1), LeaderEpoch(twin.epoch + 1), host).unwrap();
        let mut next = Offset::ZERO;
        while next < log.log_end_offset() {
            let read = log.read(next, 0, true, FetchIsolation::LogEnd, host).unwrap();
            prop_assert_eq!(read[0].base_offset, next);
            next = read[0].next_offset();
        }
    }
}
