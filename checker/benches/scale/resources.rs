//! What this process has used, as Linux tells it under `/proc/self`.

use std::fs;
use std::time::Duration;

/// The processor time spent so far, which other processes do not disturb as they do the wall clock.
pub fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/schedstat").expect("Linux tells it");
    let nanoseconds = stat.split(' ').next().and_then(|word| word.parse().ok());
    Duration::from_nanos(nanoseconds.expect("the first word is a number"))
}

/// Resident memory in bytes.
pub fn resident() -> u64 {
    of_status("VmRSS:")
}

/// The most resident memory in bytes since [`forget_peak`].
pub fn peak() -> u64 {
    of_status("VmHWM:")
}

/// What was resident so far does not matter any more.
pub fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").expect("Linux takes it");
}

fn of_status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells it");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes: Option<u64> =
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kilobytes.expect("a number of kilobytes") * 1024
}
