//! Each fault of the simulated disk, named by what it does to the one who relies on the disk.

use std::collections::BTreeSet;

use ktrial_sim::disk::{Disk, DiskError, DiskOptions, DiskOutcome, Entry};
use ktrial_sim::fault::FlushErrorMode;
use ktrial_sim::random::{Address, Purpose, Stream, Streams};
use ktrial_sim::time::{Duration, Instant};

const NOW: Instant = Instant::from_nanos(1_000_000_000);

fn stream(seed: u64) -> Stream {
    Streams::new(seed).stream(Address::new(Purpose::DiskDamage, 0))
}

fn disk(options: DiskOptions) -> Disk<&'static str, char> {
    Disk::new(options, &mut stream(0))
}

/// A disk with a file of five entries of 3000 bytes, flushed or not.
fn disk_with_log(flushed: bool) -> Disk<&'static str, char> {
    let mut disk = disk(DiskOptions::default());
    "abcde".chars().for_each(|entry| assert!(disk.append(NOW, "log", entry, 3000).is_ok()));
    if flushed {
        flush(&mut disk, "log").unwrap();
    }
    disk
}

fn flush(disk: &mut Disk<&'static str, char>, name: &'static str) -> Result<(), DiskError> {
    let ticket = disk.begin_flush(name)?;
    disk.complete_flush(NOW, ticket)
}

/// The file as a string: `.` for zeros, `#` for anything else that is not intact, `None` if it is not there.
fn read(disk: &Disk<&'static str, char>, name: &'static str) -> Option<String> {
    let letter = |entry| match entry {
        Entry::Intact(&letter) => letter,
        Entry::Zeroed => '.',
        Entry::Cut | Entry::Torn | Entry::Corrupt(_) => '#',
    };
    Some(disk.file(name)?.entries_from(0).map(letter).collect())
}

/// Everything `name` can be after a power loss now.
fn after_power_loss(
    disk: &Disk<&'static str, char>,
    name: &'static str,
) -> BTreeSet<Option<String>> {
    let strike = |seed| {
        let mut struck = disk.clone();
        struck.power_loss(NOW, &mut stream(seed));
        read(&struck, name)
    };
    (0..300).map(strike).collect()
}

fn exactly<const N: usize>(contents: [Option<&str>; N]) -> BTreeSet<Option<String>> {
    contents.into_iter().map(|content| content.map(str::to_owned)).collect()
}

#[test]
fn a_write_error_fails_every_change_and_changes_nothing() {
    let mut disk = disk_with_log(false);
    disk.faults.write_error = true;
    assert_eq!(disk.append(NOW, "log", 'f', 1), Err(DiskError::Io));
    assert_eq!(disk.truncate(NOW, "log", 1), Err(DiskError::Io));
    assert_eq!(disk.remove(NOW, "log"), Err(DiskError::Io));
    assert_eq!(disk.rename(NOW, "log", "old"), Err(DiskError::Io));
    assert_eq!(disk.create(NOW, "new"), Err(DiskError::Io));
    assert_eq!(disk.replace(NOW, "log", [('x', 1)]), Err(DiskError::Io));
    assert_eq!(disk.replace_unflushed(NOW, "log", [('x', 1)]), Err(DiskError::Io));
    assert_eq!(read(&disk, "log").as_deref(), Some("abcde"));
    assert_eq!(disk.files().count(), 1);
    disk.faults.write_error = false;
    assert_eq!(disk.append(NOW, "log", 'f', 1), Ok(15_000));
}

#[test]
fn a_missing_file_is_not_found() {
    let mut disk = disk(DiskOptions::default());
    assert_eq!(disk.truncate(NOW, "log", 0), Err(DiskError::NotFound));
    assert_eq!(disk.remove(NOW, "log"), Err(DiskError::NotFound));
    assert_eq!(disk.rename(NOW, "log", "old"), Err(DiskError::NotFound));
    assert_eq!(disk.rename(NOW, "log", "log"), Err(DiskError::NotFound));
    assert_eq!(disk.begin_flush("log").map(|_| ()), Err(DiskError::NotFound));
}

#[test]
fn a_flush_error_that_keeps_pages_dirty_is_repaired_by_the_next_flush() {
    let mut disk = disk_with_log(false);
    disk.faults.flush_error = Some(FlushErrorMode::KeepsDirty);
    assert_eq!(flush(&mut disk, "log"), Err(DiskError::Io));
    assert!(after_power_loss(&disk, "log").len() > 1);
    disk.faults.flush_error = None;
    assert_eq!(flush(&mut disk, "log"), Ok(()));
    assert_eq!(after_power_loss(&disk, "log"), exactly([Some("abcde")]));
}

#[test]
fn a_flush_error_that_marks_pages_clean_loses_them_though_the_next_flush_succeeds() {
    let mut disk = disk_with_log(false);
    disk.faults.flush_error = Some(FlushErrorMode::MarksClean);
    assert_eq!(flush(&mut disk, "log"), Err(DiskError::Io));
    disk.faults.flush_error = None;
    assert_eq!(flush(&mut disk, "log"), Ok(()));
    assert_eq!(read(&disk, "log").as_deref(), Some("abcde"), "the process still reads its cache");
    assert_eq!(after_power_loss(&disk, "log"), exactly([Some(".....")]));
    let report = disk.power_loss(NOW + Duration::from_secs(3_600), &mut stream(1));
    assert!(report.outcomes.contains(&DiskOutcome::MarkedCleanLost));
    assert_eq!(read(&disk, "log").as_deref(), Some("....."));
}

#[test]
fn an_append_to_a_page_marked_clean_makes_it_writable_again() {
    let mut disk = disk_with_log(false);
    disk.faults.flush_error = Some(FlushErrorMode::MarksClean);
    assert_eq!(flush(&mut disk, "log"), Err(DiskError::Io));
    disk.faults.flush_error = None;
    disk.append(NOW, "log", 'f', 100).unwrap();
    assert_eq!(flush(&mut disk, "log"), Ok(()));
    // Pages 0 to 2 hold a, b, c, d and the first 288 bytes of e; page 3 has the rest of e and is written with f.
    assert_eq!(after_power_loss(&disk, "log"), exactly([Some("....#f")]));
}

#[test]
fn a_flush_that_succeeds_after_a_longer_one_failed_ends_the_file_within_a_lost_page() {
    let mut disk = disk(DiskOptions::default());
    disk.append(NOW, "log", 'a', 100).unwrap();
    let shorter = disk.begin_flush("log").unwrap();
    disk.append(NOW, "log", 'b', 100).unwrap();
    disk.faults.flush_error = Some(FlushErrorMode::MarksClean);
    assert_eq!(flush(&mut disk, "log"), Err(DiskError::Io));
    disk.faults.flush_error = None;
    disk.complete_flush(NOW, shorter).unwrap();
    assert_eq!(after_power_loss(&disk, "log"), exactly([Some("."), Some("..")]));
    for seed in 0..50 {
        let report = disk.clone().power_loss(NOW, &mut stream(seed));
        assert!(report.outcomes.contains(&DiskOutcome::ZeroFilledTail), "seed {seed}: {report:?}");
    }
}

#[test]
fn what_is_written_anew_over_pages_marked_clean_is_safe() {
    let mut disk = disk_with_log(false);
    disk.faults.flush_error = Some(FlushErrorMode::MarksClean);
    assert_eq!(flush(&mut disk, "log"), Err(DiskError::Io));
    disk.faults.flush_error = None;
    disk.truncate(NOW, "log", 2).unwrap();
    disk.append(NOW, "log", 'x', 9000).unwrap();
    assert_eq!(flush(&mut disk, "log"), Ok(()));
    // Page 0 holds a and the beginning of b and was not touched again.
    assert_eq!(after_power_loss(&disk, "log"), exactly([Some(".#x")]));
}

#[test]
fn pages_written_back_before_the_failing_flush_are_safe() {
    let mut disk = disk_with_log(false);
    disk.faults.flush_error = Some(FlushErrorMode::MarksClean);
    let later = NOW + Duration::from_secs(3_600);
    let ticket = disk.begin_flush("log").unwrap();
    assert_eq!(disk.complete_flush(later, ticket), Err(DiskError::Io));
    disk.power_loss(later, &mut stream(1));
    assert_eq!(read(&disk, "log").as_deref(), Some("abcde"));
}

#[test]
fn a_full_disk_takes_the_part_that_fits_and_refuses_the_rest() {
    let mut disk = disk(DiskOptions { capacity_bytes: 250, ..DiskOptions::default() });
    assert_eq!(disk.append(NOW, "log", 'a', 100), Ok(0));
    assert_eq!(disk.append(NOW, "log", 'b', 200), Err(DiskError::NoSpace));
    assert_eq!(disk.file("log").unwrap().entry(1), Some(Entry::Cut));
    assert_eq!(disk.append(NOW, "log", 'c', 1), Err(DiskError::NoSpace));
    assert_eq!((disk.used_bytes(), disk.file("log").unwrap().len()), (250, 2));
    assert_eq!(disk.replace(NOW, "log", [('x', 1)]).map(|_| ()), Err(DiskError::NoSpace));
    disk.truncate(NOW, "log", 1).unwrap();
    assert_eq!(disk.append(NOW, "log", 'b', 150), Ok(100));
    assert_eq!(read(&disk, "log").as_deref(), Some("ab"));
}

#[test]
fn a_disk_that_others_filled_has_the_room_the_fault_leaves() {
    let mut disk = disk_with_log(false);
    disk.faults.capacity_bytes = disk.used_bytes() + 10;
    assert_eq!(disk.append(NOW, "log", 'f', 10), Ok(15_000));
    assert_eq!(disk.append(NOW, "log", 'g', 10), Err(DiskError::NoSpace));
    assert_eq!(disk.file("log").unwrap().len(), 6, "nothing fits, so nothing is written");
    disk.faults.capacity_bytes = u64::MAX;
    assert_eq!(disk.append(NOW, "log", 'g', 10), Ok(15_010));
}

#[test]
fn a_stalled_disk_proceeds_when_the_stall_ends_and_a_slow_one_takes_longer() {
    let mut disk =
        disk(DiskOptions { flush_jitter_mean: Duration::ZERO, ..DiskOptions::default() });
    let healthy = disk.flush_duration(NOW, 250_000, &mut stream(0));
    assert_eq!(healthy, Duration::from_millis(2), "1 ms of latency and 250 kB at 250 MB/s");
    disk.faults.slow_factor = 10;
    assert_eq!(disk.flush_duration(NOW, 250_000, &mut stream(0)), healthy * 10);
    assert_eq!(disk.write_duration(NOW), Duration::ZERO);
    disk.faults.slow_factor = 1;
    disk.faults.stalled_until = NOW + Duration::from_secs(5);
    assert_eq!(disk.flush_duration(NOW, 250_000, &mut stream(0)), Duration::from_secs(5) + healthy);
    assert_eq!(disk.write_duration(NOW), Duration::from_secs(5));
    assert_eq!(disk.write_duration(NOW + Duration::from_secs(6)), Duration::ZERO);
}

#[test]
fn rot_hits_only_sealed_entries_and_stays() {
    let mut disk = disk_with_log(true);
    disk.append(NOW, "log", 'f', 100).unwrap();
    disk.append(NOW, "spared", 'x', 100).unwrap();
    flush(&mut disk, "spared").unwrap();
    let mut rotten: Vec<_> =
        std::iter::from_fn(|| disk.rot(&mut stream(3), |name| name == "log")).collect();
    rotten.sort_unstable();
    assert_eq!(rotten, [("log", 0), ("log", 1), ("log", 2), ("log", 3), ("log", 4)]);
    assert_eq!(disk.file("log").unwrap().entry(0), Some(Entry::Corrupt(&'a')));
    assert_eq!(disk.file("log").unwrap().intact(0), None);
    flush(&mut disk, "log").unwrap();
    disk.power_loss(NOW, &mut stream(1));
    assert_eq!(read(&disk, "log").as_deref(), Some("#####f"));
    assert_eq!(read(&disk, "spared").as_deref(), Some("x"));
}

#[test]
fn a_lost_disk_is_empty_and_its_flushes_are_void() {
    let mut disk = disk_with_log(true);
    let ticket = disk.begin_flush("log").unwrap();
    disk.lose();
    assert_eq!((disk.files().count(), disk.used_bytes()), (0, 0));
    disk.append(NOW, "log", 'a', 10).unwrap();
    assert_eq!(disk.complete_flush(NOW, ticket), Err(DiskError::Io));
    assert_eq!(disk.file("log").unwrap().flushed_entries(), 0);
}

#[test]
fn a_replacement_under_way_leaves_the_old_content_or_the_new_and_then_the_new() {
    let mut disk = disk(DiskOptions::default());
    let first = disk.replace(NOW, "checkpoint", [('a', 100), ('b', 9_000)]).unwrap();
    assert_eq!(first.bytes(), 9_100);
    assert_eq!(read(&disk, "checkpoint").as_deref(), Some("ab"));
    assert_eq!(after_power_loss(&disk, "checkpoint"), exactly([None, Some("ab")]));
    disk.complete_flush(NOW, first).unwrap();
    let second = disk.replace(NOW, "checkpoint", [('c', 9_000)]).unwrap();
    assert_eq!(after_power_loss(&disk, "checkpoint"), exactly([Some("ab"), Some("c")]));
    disk.complete_flush(NOW, second).unwrap();
    assert_eq!(after_power_loss(&disk, "checkpoint"), exactly([Some("c")]));
}

#[test]
fn a_replacement_without_a_flush_may_leave_an_empty_file() {
    let mut disk = disk(DiskOptions::default());
    let ticket = disk.replace(NOW, "epochs", [('a', 100)]).unwrap();
    disk.complete_flush(NOW, ticket).unwrap();
    disk.replace_unflushed(NOW, "epochs", [('b', 100)]).unwrap();
    let outcomes = after_power_loss(&disk, "epochs");
    assert!(
        outcomes.is_superset(&exactly([Some("a"), Some("b"), Some(""), Some(".")])),
        "{outcomes:?}"
    );
}

#[test]
fn a_flush_covers_the_size_and_the_creation_but_not_another_files_rename() {
    let mut disk = disk_with_log(true);
    assert_eq!(after_power_loss(&disk, "log"), exactly([Some("abcde")]));
    disk.append(NOW, "other", 'x', 100).unwrap();
    flush(&mut disk, "other").unwrap();
    disk.rename(NOW, "log", "old").unwrap();
    flush(&mut disk, "other").unwrap();
    assert_eq!(after_power_loss(&disk, "old"), exactly([None, Some("abcde")]));
    assert_eq!(after_power_loss(&disk, "log"), exactly([None, Some("abcde")]));
    let ticket = disk.begin_directory_flush();
    disk.complete_flush(NOW, ticket).unwrap();
    assert_eq!(after_power_loss(&disk, "old"), exactly([Some("abcde")]));
    assert_eq!(after_power_loss(&disk, "log"), exactly([None]));
}

#[test]
fn what_is_appended_while_a_flush_is_under_way_is_not_covered_by_it() {
    let mut disk = disk_with_log(false);
    let ticket = disk.begin_flush("log").unwrap();
    assert_eq!(ticket.bytes(), 15_000);
    disk.append(NOW, "log", 'f', 8_192).unwrap();
    disk.complete_flush(NOW, ticket).unwrap();
    let file = disk.file("log").unwrap();
    assert_eq!((file.flushed_entries(), file.unflushed_bytes()), (5, 8_192));
    let outcomes = after_power_loss(&disk, "log");
    assert!(outcomes.iter().flatten().all(|content| content.starts_with("abcde")));
    assert!(outcomes.contains(&Some("abcde".to_owned())));
}

#[test]
fn a_truncation_comes_undone_until_it_is_flushed() {
    let mut disk = disk_with_log(true);
    disk.truncate(NOW, "log", 2).unwrap();
    disk.append(NOW, "log", 'x', 100).unwrap();
    let outcomes = after_power_loss(&disk, "log");
    assert!(
        outcomes.is_superset(&exactly([Some("abcde"), Some("abx"), Some("ab")])),
        "{outcomes:?}"
    );
    flush(&mut disk, "log").unwrap();
    assert_eq!(after_power_loss(&disk, "log"), exactly([Some("abx")]));
}

#[test]
fn a_flush_that_spans_a_truncation_makes_durable_what_it_began_with() {
    let mut disk = disk_with_log(false);
    let ticket = disk.begin_flush("log").unwrap();
    disk.truncate(NOW, "log", 2).unwrap();
    disk.complete_flush(NOW, ticket).unwrap();
    assert_eq!(after_power_loss(&disk, "log"), exactly([Some("abcde"), Some("ab")]));
}

#[test]
fn a_hole_in_the_middle_is_possible() {
    let outcomes = after_power_loss(&disk_with_log(false), "log");
    let has_hole = |content: &String| {
        content.starts_with('a') && content.ends_with('e') && content.contains(['.', '#'])
    };
    assert!(outcomes.iter().flatten().any(has_hole), "{outcomes:?}");
}

#[test]
fn a_file_renamed_while_it_is_flushed_is_flushed() {
    let mut disk = disk_with_log(false);
    let ticket = disk.begin_flush("log").unwrap();
    disk.rename(NOW, "log", "old").unwrap();
    disk.complete_flush(NOW, ticket).unwrap();
    assert_eq!(after_power_loss(&disk, "old"), exactly([None, Some("abcde")]));
    assert_eq!(after_power_loss(&disk, "log"), exactly([None, Some("abcde")]));
}

#[test]
fn a_flush_from_before_a_power_loss_is_void() {
    let mut disk = disk_with_log(true);
    let ticket = disk.begin_flush("log").unwrap();
    disk.power_loss(NOW, &mut stream(1));
    assert_eq!(disk.complete_flush(NOW, ticket), Err(DiskError::Io));
}

#[test]
fn the_worst_power_loss_takes_the_unflushed_suffix_and_damages_nothing() {
    let mut disk = disk_with_log(true);
    disk.append(NOW, "log", 'f', 10_000).unwrap();
    let reports = (0..100).map(|seed| disk.clone().power_loss(NOW, &mut stream(seed)));
    let worst = reports.filter(|report| report.outcomes.contains(&DiskOutcome::NothingKept));
    let worst: BTreeSet<_> = worst
        .map(|report| (report.outcomes, report.entries_lost, report.entries_damaged))
        .collect();
    let outcomes = BTreeSet::from([DiskOutcome::NothingKept, DiskOutcome::SuffixLost]);
    assert_eq!(worst, BTreeSet::from([(outcomes, 1, 0)]));
}

#[test]
fn a_page_is_reported_lost_only_if_an_entry_is_damaged() {
    let holes = [
        DiskOutcome::PageDropped,
        DiskOutcome::TornPage,
        DiskOutcome::GarbagePage,
        DiskOutcome::ZeroFilledTail,
    ];
    for seed in 0..300 {
        let mut disk = disk_with_log(false);
        let report = disk.power_loss(NOW, &mut stream(seed));
        let is_reported = holes.iter().any(|hole| report.outcomes.contains(hole));
        let is_cut =
            disk.file("log").is_some_and(|log| log.entries_from(0).last() == Some(Entry::Cut));
        assert!(!is_reported || report.entries_damaged > 0, "seed {seed}: {report:?}");
        assert!(
            is_reported || report.entries_damaged == u64::from(is_cut),
            "seed {seed}: {report:?}"
        );
    }
}
