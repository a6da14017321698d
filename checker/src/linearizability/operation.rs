//! The calls of a history: who asked what, when, and what came back.

use std::fmt;
use std::sync::Arc;

/// A client, as the history calls it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Process {
    /// By number.
    Number(u64),
    /// By name.
    Name(Arc<str>),
}

impl From<u64> for Process {
    fn from(number: u64) -> Self {
        Process::Number(number)
    }
}

impl From<&str> for Process {
    fn from(name: &str) -> Self {
        Process::Name(name.into())
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Process::Number(number) => number.fmt(f),
            Process::Name(name) => name.fmt(f),
        }
    }
}

/// A call of a client, from its invocation to its response.
///
/// Instants are positions in one total order: event numbers, or times. An invocation and a response at the same instant
/// count as overlapping, because a clock cannot tell which came first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation<I, O> {
    /// The client, for people to read: two calls of one process are ordered by their instants like any others.
    pub process: Process,
    /// When the client asked.
    pub invoked: u64,
    /// What it asked.
    pub input: I,
    /// What it was told; `None` if it never learnt (a crash, a timeout): the call took effect at any moment after its
    /// invocation, or never.
    pub response: Option<Response<O>>,
}

/// What a client was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response<O> {
    /// When; not before the invocation.
    pub returned: u64,
    /// What.
    pub output: O,
}

impl<I, O> Operation<I, O> {
    /// A call that was answered.
    ///
    /// # Panics
    ///
    /// If it returned before it was invoked.
    pub fn completed(
        process: impl Into<Process>,
        invoked: u64,
        input: I,
        returned: u64,
        output: O,
    ) -> Self {
        let mut operation = Operation::crashed(process, invoked, input);
        operation.complete(returned, output);
        operation
    }

    /// Gives a call its answer.
    ///
    /// # Panics
    ///
    /// If it returned before it was invoked.
    pub fn complete(&mut self, returned: u64, output: O) {
        let invoked = self.invoked;
        assert!(
            invoked <= returned,
            "a call returned at {returned}, before it was invoked at {invoked}"
        );
        self.response = Some(Response { returned, output });
    }

    /// A call whose outcome nobody knows.
    pub fn crashed(process: impl Into<Process>, invoked: u64, input: I) -> Self {
        Operation { process: process.into(), invoked, input, response: None }
    }

    /// When it returned, if it did.
    pub fn returned(&self) -> Option<u64> {
        self.response.as_ref().map(|response| response.returned)
    }

    /// What the client was told, if it was.
    pub fn output(&self) -> Option<&O> {
        self.response.as_ref().map(|response| &response.output)
    }
}
