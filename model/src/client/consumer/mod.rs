//! Placeholder until this part lands.

use std::sync::Arc;

use ktrial_sim::actor::Event;

use crate::process::{Ctx, Process};

/// To come.
#[derive(Clone, Debug)]
pub struct Consumer;

/// To come.
#[derive(Clone, Debug)]
pub struct ConsumerSpec;

/// To come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConsumerTimer {}

impl Consumer {
    /// To come.
    pub fn boot(_spec: &Arc<ConsumerSpec>, _ctx: &mut Ctx<'_>) -> Self {
        Consumer
    }

    /// To come.
    pub fn handle(&mut self, _event: Event<Process>, _ctx: &mut Ctx<'_>) {}
}
