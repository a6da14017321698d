//! Laws of the simulated disk, against a naive reference that keeps every file as a plain `Vec`.
//!
//! The reference tracks two things per file: what the process must see, and what must survive a power loss because a flush
//! that began after it was written has completed. Everything else may be lost, but never invented.

use std::collections::{BTreeMap, BTreeSet};

use ktrial_sim::disk::{
    Disk, DiskError, DiskOptions, DiskOutcome, Entry, FlushTicket, PowerLossReport,
};
use ktrial_sim::fault::FlushErrorMode;
use ktrial_sim::random::{Address, Purpose, Stream, Streams};
use ktrial_sim::time::{Duration, Instant};
use proptest::prelude::*;

type Name = u8;
type Value = u32;

/// One thing a process does, on one of a few files.
#[derive(Clone, Debug)]
enum Step {
    Append(Name, u32),
    Truncate(Name, usize),
    Replace(Name, usize),
    ReplaceUnflushed(Name, usize),
    Remove(Name),
    Rename(Name, Name),
    BeginFlush(Name),
    CompleteFlush(usize),
    FailFlush(usize, FlushErrorMode),
    Wait(u64),
}

fn name() -> impl Strategy<Value = Name> {
    0..3u8
}

/// Steps that change what files hold, but not their names.
fn content_step() -> BoxedStrategy<Step> {
    let bytes = prop_oneof![1..200u32, 1..2_000u32, 4_096..20_000u32];
    prop_oneof![
        20 => (name(), bytes).prop_map(|(name, bytes)| Step::Append(name, bytes)),
        2 => (name(), 0..20usize).prop_map(|(name, keep)| Step::Truncate(name, keep)),
        3 => name().prop_map(Step::BeginFlush),
        3 => (0..3usize).prop_map(Step::CompleteFlush),
        1 => (0..3usize).prop_map(|which| Step::FailFlush(which, FlushErrorMode::KeepsDirty)),
        3 => (0..20_000u64).prop_map(Step::Wait),
    ]
    .boxed()
}

fn any_step() -> BoxedStrategy<Step> {
    prop_oneof![
        12 => content_step(),
        1 => (name(), 0..4usize).prop_map(|(name, len)| Step::Replace(name, len)),
        1 => (name(), 0..4usize).prop_map(|(name, len)| Step::ReplaceUnflushed(name, len)),
        1 => name().prop_map(Step::Remove),
        1 => (name(), name()).prop_map(|(from, to)| Step::Rename(from, to)),
    ]
    .boxed()
}

/// Also flushes after which the disk pretends.
fn deceived_step() -> BoxedStrategy<Step> {
    prop_oneof![
        10 => any_step(),
        1 => (0..3usize).prop_map(|which| Step::FailFlush(which, FlushErrorMode::MarksClean)),
    ]
    .boxed()
}

/// A disk and its reference, in step.
#[derive(Clone)]
struct Twin {
    now: Instant,
    disk: Disk<Name, Value>,
    /// What the process must see: values and sizes.
    seen: BTreeMap<Name, Vec<(Value, u32)>>,
    /// What must survive, if no name was changed: this many entries from the first.
    certain: BTreeMap<Name, usize>,
    /// Every value that was ever at this place.
    history: BTreeMap<(Name, usize), BTreeSet<Value>>,
    /// Flushes under way, with how many of the entries they cover have not been truncated since.
    flushes: Vec<(Name, usize, FlushTicket<Name>)>,
    next_value: Value,
}

fn stream(seed: u64) -> Stream {
    Streams::new(seed).stream(Address::new(Purpose::DiskDamage, 0))
}

impl Twin {
    fn new(seed: u64) -> Self {
        Twin {
            now: Instant::START,
            disk: Disk::new(DiskOptions::default(), &mut stream(seed)),
            seen: BTreeMap::new(),
            certain: BTreeMap::new(),
            history: BTreeMap::new(),
            flushes: Vec::new(),
            next_value: 0,
        }
    }

    fn run(seed: u64, steps: &[Step]) -> Self {
        let mut twin = Twin::new(seed);
        steps.iter().for_each(|step| twin.step(step));
        twin
    }

    fn step(&mut self, step: &Step) {
        let now = self.now;
        match *step {
            Step::Append(name, bytes) => self.append(name, bytes),
            Step::Truncate(name, keep) => self.truncate(name, keep),
            Step::Replace(name, len) => {
                let content = self.draw_content(len);
                let ticket = self.disk.replace(now, name, content.clone()).unwrap();
                self.disk.complete_flush(now, ticket).unwrap();
                self.seen.insert(name, content);
            }
            Step::ReplaceUnflushed(name, len) => {
                let content = self.draw_content(len);
                self.disk.replace_unflushed(now, name, content.clone()).unwrap();
                self.seen.insert(name, content);
            }
            Step::Remove(name) => {
                let removed = self.disk.remove(now, name).is_ok();
                assert_eq!(removed, self.seen.remove(&name).is_some());
            }
            Step::Rename(from, to) => {
                let renamed = self.disk.rename(now, from, to).is_ok();
                let content = self.seen.remove(&from);
                assert_eq!(renamed, content.is_some());
                self.seen.extend(content.map(|content| (to, content)));
            }
            Step::BeginFlush(name) => {
                if let Ok(ticket) = self.disk.begin_flush(name) {
                    self.flushes.push((name, self.seen[&name].len(), ticket));
                }
            }
            Step::CompleteFlush(which) => self.complete_flush(which),
            Step::FailFlush(which, mode) => self.fail_flush(which, mode),
            Step::Wait(millis) => self.now = now + Duration::from_millis(millis),
        }
    }

    fn append(&mut self, name: Name, bytes: u32) {
        let entries = self.seen.entry(name).or_default();
        let position: u64 = entries.iter().map(|&(_, bytes)| u64::from(bytes)).sum();
        assert_eq!(self.disk.append(self.now, name, self.next_value, bytes), Ok(position));
        self.history.entry((name, entries.len())).or_default().insert(self.next_value);
        entries.push((self.next_value, bytes));
        self.next_value += 1;
    }

    fn truncate(&mut self, name: Name, keep: usize) {
        let truncated = self.disk.truncate(self.now, name, keep).is_ok();
        assert_eq!(truncated, self.seen.contains_key(&name));
        self.seen.entry(name).and_modify(|entries| entries.truncate(keep));
        self.certain.entry(name).and_modify(|certain| *certain = keep.min(*certain));
        for (flushed, len, _) in &mut self.flushes {
            *len = if *flushed == name { keep.min(*len) } else { *len };
        }
    }

    fn complete_flush(&mut self, which: usize) {
        if which < self.flushes.len() {
            let (name, len, ticket) = self.flushes.remove(which);
            self.disk.complete_flush(self.now, ticket).unwrap();
            let certain = self.certain.entry(name).or_default();
            *certain = len.max(*certain);
        }
    }

    fn fail_flush(&mut self, which: usize, mode: FlushErrorMode) {
        if which < self.flushes.len() {
            let (_, _, ticket) = self.flushes.remove(which);
            self.disk.faults.flush_error = Some(mode);
            assert_eq!(self.disk.complete_flush(self.now, ticket), Err(DiskError::Io));
            self.disk.faults.flush_error = None;
        }
    }

    fn draw_content(&mut self, len: usize) -> Vec<(Value, u32)> {
        let first = self.next_value;
        self.next_value += len as Value;
        (first..self.next_value).map(|value| (value, 100 + value % 5_000)).collect()
    }

    fn power_loss(&mut self, seed: u64) -> PowerLossReport {
        self.disk.power_loss(self.now, &mut stream(seed))
    }
}

/// Everything a process can read.
fn view(disk: &Disk<Name, Value>) -> BTreeMap<Name, Vec<String>> {
    let read = |entry: Entry<'_, Value>| format!("{entry:?}");
    disk.files().map(|(name, file)| (name, file.entries_from(0).map(read).collect())).collect()
}

fn intact(content: &[(Value, u32)]) -> Vec<String> {
    content.iter().map(|&(value, _)| format!("Intact({value})")).collect()
}

proptest! {
    #[test]
    fn the_process_sees_what_it_did(steps in prop::collection::vec(deceived_step(), 0..150)) {
        let twin = Twin::run(1, &steps);
        let seen: BTreeMap<_, _> = twin.seen.iter().map(|(&name, content)| (name, intact(content))).collect();
        prop_assert_eq!(view(&twin.disk), seen);
        let sizes = twin.seen.values().flatten().map(|&(_, bytes)| u64::from(bytes));
        prop_assert_eq!(twin.disk.used_bytes(), sizes.sum::<u64>());
    }

    #[test]
    fn what_was_flushed_survives_a_power_loss(
        steps in prop::collection::vec(content_step(), 0..150),
        seed: u64,
    ) {
        let mut twin = Twin::run(seed, &steps);
        twin.power_loss(seed);
        for (&name, &certain) in &twin.certain {
            let file = twin.disk.file(name).expect("a flushed file exists");
            for (index, (value, _)) in twin.seen[&name][..certain].iter().enumerate() {
                prop_assert_eq!(file.entry(index), Some(Entry::Intact(value)), "entry {} of {}", index, name);
            }
        }
    }

    #[test]
    fn a_power_loss_invents_nothing(steps in prop::collection::vec(content_step(), 0..150), seed: u64) {
        let mut twin = Twin::run(seed, &steps);
        twin.power_loss(seed);
        for (name, file) in twin.disk.files() {
            for index in 0..file.len() {
                if let Some(Entry::Intact(value)) = file.entry(index) {
                    prop_assert!(twin.history[&(name, index)].contains(value));
                }
            }
        }
    }

    #[test]
    fn no_content_comes_back_under_two_names(steps in prop::collection::vec(deceived_step(), 0..150), seed: u64) {
        let mut twin = Twin::run(seed, &steps);
        let report = twin.power_loss(seed);
        let values: Vec<Value> = twin.disk.files().flat_map(|(_, file)| {
            (0..file.len()).filter_map(|index| file.intact(index).copied()).collect::<Vec<_>>()
        }).collect();
        let distinct: BTreeSet<Value> = values.iter().copied().collect();
        prop_assert_eq!(values.len(), distinct.len());
        let sizes: u64 = twin.disk.files().map(|(_, file)| file.bytes()).sum();
        prop_assert_eq!(twin.disk.used_bytes(), sizes);
        let damaged = twin.disk.files().flat_map(|(_, file)| file.entries_from(0))
            .filter(|entry| !matches!(entry, Entry::Intact(_))).count();
        prop_assert_eq!(report.entries_damaged, damaged as u64);
    }

    #[test]
    fn the_disk_after_a_power_loss_is_durable(steps in prop::collection::vec(deceived_step(), 0..100), seed: u64) {
        let mut twin = Twin::run(seed, &steps);
        twin.power_loss(seed);
        let (once, bytes) = (view(&twin.disk), twin.disk.used_bytes());
        let again = twin.power_loss(seed.wrapping_add(1));
        prop_assert_eq!(view(&twin.disk), once);
        prop_assert_eq!(twin.disk.used_bytes(), bytes);
        prop_assert_eq!(again.entries_lost, 0);
    }

    #[test]
    fn write_back_makes_everything_durable_in_the_end(steps in prop::collection::vec(any_step(), 0..100), seed: u64) {
        let mut twin = Twin::run(seed, &steps);
        let before = view(&twin.disk);
        twin.now += Duration::from_secs(3_600);
        twin.power_loss(seed);
        prop_assert_eq!(view(&twin.disk), before);
    }

    #[test]
    fn the_same_seed_does_the_same_damage_to_a_fork(
        steps in prop::collection::vec(deceived_step(), 0..100),
        more in prop::collection::vec(any_step(), 0..50),
        seed: u64,
    ) {
        let mut original = Twin::run(seed, &steps);
        let mut fork = original.clone();
        let mut changed = original.clone();
        more.iter().for_each(|step| changed.step(step));
        changed.power_loss(seed);
        prop_assert_eq!(original.power_loss(seed), fork.power_loss(seed));
        prop_assert_eq!(view(&original.disk), view(&fork.disk));
    }
}

#[test]
fn every_kind_of_damage_happens() {
    let mut happened = BTreeSet::new();
    for seed in 0..400 {
        let mut twin = Twin::new(seed);
        (0..40).for_each(|i| twin.step(&Step::Append(i % 2, 900)));
        twin.step(&Step::Append(2, 900));
        for step in
            [Step::BeginFlush(0), Step::CompleteFlush(0), Step::Truncate(0, 5), Step::Replace(1, 3)]
        {
            twin.step(&step);
        }
        twin.step(&Step::BeginFlush(2));
        twin.step(&Step::CompleteFlush(0));
        twin.step(&Step::Remove(2));
        twin.step(&Step::ReplaceUnflushed(1, 3));
        (0..40).for_each(|_| twin.step(&Step::Append(3, 900)));
        (0..40).for_each(|_| twin.step(&Step::Append(1, 900)));
        happened.extend(twin.power_loss(seed).outcomes);
    }
    let all = [
        DiskOutcome::EverythingKept,
        DiskOutcome::NothingKept,
        DiskOutcome::PageDropped,
        DiskOutcome::TornPage,
        DiskOutcome::GarbagePage,
        DiskOutcome::ZeroFilledTail,
        DiskOutcome::SuffixLost,
        DiskOutcome::TruncateUndone,
        DiskOutcome::CreateUndone,
        DiskOutcome::RemoveUndone,
        DiskOutcome::RenameUndone,
    ];
    assert_eq!(happened, BTreeSet::from(all));
}
