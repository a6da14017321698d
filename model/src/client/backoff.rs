//! Pauses that grow with every failure in a row. As Kafka's `ExponentialBackoff` (KIP-144, KIP-580, KIP-601).

use ktrial_sim::random::Stream;
use ktrial_sim::time::Duration;

/// Jitter of 20 % either way, in thousandths (`RETRY_BACKOFF_JITTER`, `RECONNECT_BACKOFF_JITTER`).
const JITTER_PER_MILLE: (u64, u64) = (800, 1_200);

/// A pause that doubles from `initial` to `max`.
#[derive(Copy, Clone, Debug)]
pub struct ExponentialBackoff {
    initial: Duration,
    max: Duration,
}

impl ExponentialBackoff {
    /// Doubling from `initial_ms` to `max_ms`, as configuration keys have them. If the maximum is not above the initial
    /// pause, every pause is the initial one.
    pub fn from_millis(initial_ms: u64, max_ms: u64) -> Self {
        ExponentialBackoff {
            initial: Duration::from_millis(initial_ms),
            max: Duration::from_millis(max_ms),
        }
    }

    /// The pause after `failures` failures in a row; no failure pauses as one does.
    pub fn after(self, failures: u32, stream: &mut Stream) -> Duration {
        if self.max <= self.initial {
            return self.initial;
        }
        let doublings = failures.saturating_sub(1).min(62);
        let term = (self.initial * (1 << doublings)).min(self.max);
        let (least, most) = JITTER_PER_MILLE;
        term.scaled(stream.between(least, most), 1_000).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use ktrial_sim::random::{Address, Purpose, Streams};

    use super::*;

    fn stream() -> Stream {
        Streams::new(1).stream(Address::new(Purpose::Actor, 0))
    }

    fn around(pause: Duration, expected_ms: u64) -> bool {
        (expected_ms * 8 / 10..=expected_ms * 12 / 10).contains(&pause.as_millis())
    }

    #[test]
    fn the_pause_doubles_until_the_maximum() {
        let (backoff, mut stream) = (ExponentialBackoff::from_millis(100, 1_000), stream());
        for (failures, expected_ms) in [(0, 100), (1, 100), (2, 200), (3, 400), (4, 800)] {
            let pause = backoff.after(failures, &mut stream);
            assert!(around(pause, expected_ms), "{pause} after {failures}");
        }
        for failures in [5, 64, u32::MAX] {
            let pause = backoff.after(failures, &mut stream);
            assert!(
                around(pause, 1_000) && pause <= Duration::from_secs(1),
                "{pause} after {failures}"
            );
        }
    }

    #[test]
    fn a_maximum_that_is_not_above_the_first_pause_makes_every_pause_the_first() {
        let (backoff, mut stream) = (ExponentialBackoff::from_millis(500, 100), stream());
        assert_eq!(backoff.after(1, &mut stream), Duration::from_millis(500));
        assert_eq!(backoff.after(9, &mut stream), Duration::from_millis(500));
    }

    #[test]
    fn pauses_are_jittered() {
        let (backoff, mut stream) = (ExponentialBackoff::from_millis(100, 1_000), stream());
        assert_ne!(backoff.after(1, &mut stream), backoff.after(1, &mut stream));
    }
}
