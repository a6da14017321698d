//! Which broker coordinates the group. As Kafka's `AbstractCoordinator`, without heartbeats: there are no members.

use ktrial_sim::random::Stream;
use ktrial_sim::time::Instant;

use crate::client::backoff::ExponentialBackoff;
use crate::client::connections::Destination;
use crate::error_code::ErrorCode;
use crate::ids::BrokerId;

/// The coordinator, known or to be looked up.
#[derive(Clone, Debug)]
pub struct CoordinatorLookup {
    coordinator: Option<BrokerId>,
    backoff: ExponentialBackoff,
    is_in_flight: bool,
    /// Errors in a row.
    failures: u32,
    retry_at: Instant,
}

impl CoordinatorLookup {
    /// Not known yet. `backoff` is that of `retry.backoff.ms`.
    pub fn new(backoff: ExponentialBackoff) -> Self {
        CoordinatorLookup {
            coordinator: None,
            backoff,
            is_in_flight: false,
            failures: 0,
            retry_at: Instant::START,
        }
    }

    /// The coordinator, if known.
    pub fn known(&self) -> Option<Destination> {
        self.coordinator.map(Destination::Coordinator)
    }

    /// When to look it up; never while it is known or being looked up.
    pub fn next_lookup_at(&self) -> Instant {
        if self.coordinator.is_some() || self.is_in_flight { Instant::NEVER } else { self.retry_at }
    }

    /// A lookup is on its way.
    pub fn lookup_sent(&mut self) {
        self.is_in_flight = true;
    }

    /// A lookup was answered.
    pub fn found(
        &mut self,
        error: ErrorCode,
        coordinator: Option<BrokerId>,
        now: Instant,
        stream: &mut Stream,
    ) {
        match coordinator.filter(|_| error == ErrorCode::None) {
            Some(_) => {
                self.is_in_flight = false;
                self.failures = 0;
                self.coordinator = coordinator;
            }
            None => self.lookup_failed(now, stream),
        }
    }

    /// A lookup failed.
    pub fn lookup_failed(&mut self, now: Instant, stream: &mut Stream) {
        self.is_in_flight = false;
        self.failures += 1;
        self.retry_at = now + self.backoff.after(self.failures, stream);
    }

    /// The broker is not, or perhaps not, the coordinator any more (`markCoordinatorUnknown`). Whether it was thought to be.
    pub fn is_lost(&mut self, destination: Destination) -> bool {
        let was_known = self.known() == Some(destination);
        if was_known {
            self.coordinator = None;
        }
        was_known
    }
}
