//! Placeholder until this part lands.

use std::sync::Arc;

use ktrial_sim::actor::Event;

use crate::process::{Ctx, Process};

/// To come.
#[derive(Clone, Debug)]
pub struct Producer;

/// To come.
#[derive(Clone, Debug)]
pub struct ProducerSpec;

/// To come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProducerTimer {}

impl Producer {
    /// To come.
    pub fn boot(_spec: &Arc<ProducerSpec>, _ctx: &mut Ctx<'_>) -> Self {
        Producer
    }

    /// To come.
    pub fn handle(&mut self, _event: Event<Process>, _ctx: &mut Ctx<'_>) {}
}
