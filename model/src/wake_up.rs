//! One timer for everything a process of one kind waits for.
//!
//! Deadlines of requests and batches move back with every answer. A timer that is too early costs one look at the clock
//! when it fires; setting it anew each time would cost more. So it is only ever moved forward in time order.

use ktrial_sim::actor::Actor;
use ktrial_sim::context::{Context, TimerId};
use ktrial_sim::time::Instant;

/// One such timer.
#[derive(Clone, Default, Debug)]
pub struct WakeUp {
    armed: Option<(Instant, TimerId)>,
}

impl WakeUp {
    /// Makes sure that `timer` fires at `due` at the latest. It may fire earlier.
    pub fn no_later_than<A: Actor>(
        &mut self,
        due: Instant,
        timer: A::Timer,
        ctx: &mut Context<'_, A>,
    ) {
        if due == Instant::NEVER || self.armed.is_some_and(|(armed_for, _)| armed_for <= due) {
            return;
        }
        if let Some((_, id)) = self.armed.take() {
            ctx.cancel_timer(id);
        }
        self.armed = Some((due, ctx.set_timer(due.since(ctx.now()), timer)));
    }

    /// The timer fired. It may be one that was given up but had fired already while the process stood still; then the one
    /// that took its place is given up, too, lest there be two from now on.
    pub fn fired<A: Actor>(&mut self, ctx: &mut Context<'_, A>) {
        if let Some((_, id)) = self.armed.take() {
            ctx.cancel_timer(id);
        }
    }
}
