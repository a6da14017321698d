//! How a search ends, and how far it came if it does not.

use super::space::Configuration;

/// How a search ended.
#[derive(Debug)]
pub(super) enum End {
    /// At the end of the history, by this way.
    Linearized(u32),
    /// At a response that no configuration explains.
    Stuck {
        event: u32,
        /// The states in which the system can be there.
        states: Vec<u32>,
    },
}

/// The configuration that came furthest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Furthest {
    pub(super) event: u32,
    pub(super) trail: Option<u32>,
}

impl Furthest {
    pub(super) fn reach<S>(&mut self, here: &Configuration<S>) {
        if self.trail.is_none() || here.event > self.event {
            *self = Furthest { event: here.event, trail: Some(here.trail) };
        }
    }
}
