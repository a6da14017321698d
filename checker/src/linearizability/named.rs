//! The models by name, for those who have a file and no types.

use super::check::check;
use super::forms::Readable;
use super::models::append_log::AppendLog;
use super::models::key_value::KeyValue;
use super::models::multi_register::MultiRegister;
use super::models::queue::Queue;
use super::models::register::Register;
use super::read::{Notation, read};
use super::verdict::{Budget, Verdict};
use crate::notation::ReadError;
use std::io::BufRead;

/// A model of this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ModelName {
    /// A register with compare-and-set: [`Register`].
    Register,
    /// Registers and transactions: [`MultiRegister`].
    MultiRegister,
    /// Lists under keys: [`KeyValue`].
    KeyValue,
    /// A queue: [`Queue`].
    Queue,
    /// A log: [`AppendLog`].
    Log,
}

impl ModelName {
    /// All models.
    pub const ALL: [ModelName; 5] = [
        ModelName::Register,
        ModelName::MultiRegister,
        ModelName::KeyValue,
        ModelName::Queue,
        ModelName::Log,
    ];

    /// How the command calls it: `multi-register`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ModelName::Register => "register",
            ModelName::MultiRegister => "multi-register",
            ModelName::KeyValue => "key-value",
            ModelName::Queue => "queue",
            ModelName::Log => "log",
        }
    }

    /// The model of this name. A register is known as `cas-register`, too.
    #[must_use]
    pub fn by_name(name: &str) -> Option<ModelName> {
        let name = if name == "cas-register" { "register" } else { name };
        Self::ALL.into_iter().find(|model| model.name() == name)
    }
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Operations that happened or may have happened.
    pub operations: usize,
    /// Of these, how many were never answered.
    pub unanswered: usize,
    /// Whether they are linearizable. Indices are in the order of invocations, without operations that failed; instants
    /// are places in the file, from 1.
    pub verdict: Verdict,
}

/// Judges the operations in a file, written as [the module](super#files) has it.
///
/// # Errors
///
/// If the file cannot be read, or is not a history of this model: with the line, and what was expected there.
pub fn check_named(
    model: ModelName,
    input: impl BufRead,
    notation: Notation,
    budget: Budget,
) -> Result<Outcome, ReadError> {
    match model {
        ModelName::Register => check_file::<Register<_>>(input, notation, budget),
        ModelName::MultiRegister => check_file::<MultiRegister<_, _>>(input, notation, budget),
        ModelName::KeyValue => check_file::<KeyValue<_, _>>(input, notation, budget),
        ModelName::Queue => check_file::<Queue<_>>(input, notation, budget),
        ModelName::Log => check_file::<AppendLog<_>>(input, notation, budget),
    }
}

fn check_file<M: Readable>(
    input: impl BufRead,
    notation: Notation,
    budget: Budget,
) -> Result<Outcome, ReadError> {
    let operations = read::<M>(input, notation)?;
    Ok(Outcome {
        operations: operations.len(),
        unanswered: operations.iter().filter(|operation| operation.response.is_none()).count(),
        verdict: check(&M::default(), &operations, budget),
    })
}
