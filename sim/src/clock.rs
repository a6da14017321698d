//! A node's own clocks: a monotonic clock that may run fast or slow, and a wall clock that may also be wrong and jump.
//!
//! Actors never see the trial's time. Timers are set in local monotonic time, so a fast clock fires them early.

use crate::time::{Duration, Instant};

const MILLION: i64 = 1_000_000;

/// Both clocks of one node.
#[derive(Clone, Debug)]
pub struct NodeClock {
    /// Parts per million by which the oscillator runs fast (positive) or slow.
    drift_ppm: i32,
    /// The drift has been this one since then.
    since: Instant,
    /// What the monotonic clock showed at that moment.
    shown: Instant,
    /// Wall clock minus monotonic clock, in nanoseconds.
    wall_offset_ns: i64,
}

impl NodeClock {
    /// A clock with this drift from the start, whose wall clock is off by `wall_offset_ns` from `epoch_ms` (Unix time).
    pub fn new(epoch_ms: i64, wall_offset_ns: i64, drift_ppm: i32) -> Self {
        let wall_offset_ns = epoch_ms.saturating_mul(MILLION).saturating_add(wall_offset_ns);
        NodeClock { drift_ppm, since: Instant::START, shown: Instant::START, wall_offset_ns }
    }

    /// What the monotonic clock shows at trial time `now`.
    pub fn monotonic(&self, now: Instant) -> Instant {
        // Asked for once per event, so in 64 bits: whole millions first, then the rest.
        let elapsed = (now - self.since).as_nanos() as i64;
        let ppm = i64::from(self.drift_ppm);
        let gained = elapsed / MILLION * ppm + (elapsed % MILLION * ppm).div_euclid(MILLION);
        self.shown + Duration::from_nanos((elapsed + gained) as u64)
    }

    /// What the wall clock shows at trial time `now`, in milliseconds since the Unix epoch.
    pub fn wall_ms(&self, now: Instant) -> i64 {
        (self.monotonic(now).as_nanos() as i64)
            .saturating_add(self.wall_offset_ns)
            .div_euclid(MILLION)
    }

    /// How long a local duration takes in trial time, rounded up: a timer never fires before its time.
    pub fn to_trial_time(&self, local: Duration) -> Duration {
        if self.drift_ppm == 0 {
            return local;
        }
        let exact = local.scaled(MILLION as u64, (MILLION + i64::from(self.drift_ppm)) as u64);
        exact + Duration::from_nanos(1)
    }

    /// The oscillator changes its speed at `now`; neither clock jumps.
    ///
    /// # Panics
    /// If the clock would stand still or run backwards (drift of -1,000,000 ppm or less).
    pub fn set_drift(&mut self, now: Instant, drift_ppm: i32) {
        assert!(i64::from(drift_ppm) > -MILLION, "a monotonic clock runs forwards");
        self.shown = self.monotonic(now);
        self.since = now;
        self.drift_ppm = drift_ppm;
    }

    /// The present drift in parts per million.
    pub fn drift_ppm(&self) -> i32 {
        self.drift_ppm
    }

    /// The wall clock jumps; the monotonic clock does not notice.
    pub fn jump(&mut self, by_ms: i64) {
        self.wall_offset_ns = self.wall_offset_ns.saturating_add(by_ms.saturating_mul(MILLION));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Instant = Instant::from_nanos(1_000_000_000);

    #[test]
    fn a_jump_moves_the_wall_clock_only() {
        let mut clock = NodeClock::new(1_000, 0, 0);
        clock.jump(-5_000);
        assert_eq!(clock.wall_ms(SECOND), 1_000 - 5_000 + 1_000);
        assert_eq!(clock.monotonic(SECOND), SECOND);
    }

    #[test]
    fn a_fast_clock_shows_more_and_its_timers_are_short() {
        let clock = NodeClock::new(0, 0, 100_000);
        assert_eq!(clock.monotonic(SECOND).as_millis(), 1_100);
        assert_eq!(clock.to_trial_time(Duration::from_millis(1_100)).as_millis(), 1_000);
    }

    #[test]
    fn a_timer_never_fires_before_its_time() {
        for drift_ppm in [-999, -50, -1, 1, 7, 50, 200_000] {
            let clock = NodeClock::new(0, 0, drift_ppm);
            for nanos in (0..5_000).chain([1_000_000_007, 30_000_000_001]) {
                let local = Duration::from_nanos(nanos);
                let fires = Instant::START + clock.to_trial_time(local);
                assert!(clock.monotonic(fires) >= Instant::START + local, "{drift_ppm} ppm");
            }
        }
    }

    #[test]
    fn changing_the_drift_does_not_jump() {
        let mut clock = NodeClock::new(0, 0, 100_000);
        clock.set_drift(SECOND, -100_000);
        assert_eq!(clock.monotonic(SECOND).as_millis(), 1_100);
        assert_eq!(clock.monotonic(SECOND + Duration::from_secs(1)).as_millis(), 2_000);
    }
}
