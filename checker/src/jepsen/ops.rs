//! A whole history of operations.

use super::{Function, Kind, Names, Op};
use crate::notation::convert::KlogLines;
use crate::notation::{Problem, ReadError, Tokens, edn};
use std::collections::BTreeMap;
use std::io::{BufRead, Read};

/// Operations in order, with the names they use.
#[derive(Clone, Debug, Default)]
pub struct Ops {
    /// Invocations and completions. What the nemesis does is left out.
    pub list: Vec<Op>,
    /// The names behind their numbers.
    pub names: Names,
    /// For each completion the place of its invocation, and for each invocation that of its completion.
    partner: Vec<Option<usize>>,
}

impl Ops {
    /// Reads Jepsen's history in EDN.
    ///
    /// # Errors
    /// Those of `input`, and the first value that is no EDN or no operation.
    pub fn read_edn(input: impl Read) -> Result<Ops, ReadError> {
        let (mut forms, mut tokens, mut ops) =
            (edn::Forms::new(input), Tokens::new(), Ops::default());
        while forms.next(&mut tokens)? {
            ops.read(&tokens).map_err(|problem| problem.at(forms.line(), true))?;
        }
        Ok(ops.paired())
    }

    /// Reads the operations of a `klog/1` file by another hand's words: those that
    /// [`edn_to_klog`](crate::notation::convert::edn_to_klog) writes, each whole in its line.
    ///
    /// # Errors
    /// Those of `input`, and the first line that is no JSON or no operation.
    pub fn read_klog(input: impl BufRead) -> Result<Ops, ReadError> {
        let (mut lines, mut tokens, mut ops) =
            (KlogLines::new(input), Tokens::new(), Ops::default());
        while lines.next(&mut tokens)? {
            ops.read(&tokens).map_err(|problem| problem.at(lines.number(), true))?;
        }
        Ok(ops.paired())
    }

    fn read(&mut self, tokens: &Tokens) -> Result<(), Problem> {
        let place = self.list.len() as i64;
        let op = Op::read(tokens.form(), place, &mut self.names).map_err(Problem::new)?;
        self.list.extend(op);
        Ok(())
    }

    /// Pairs each completion with the invocation that its process made last.
    fn paired(mut self) -> Ops {
        let mut open = BTreeMap::new();
        self.partner = vec![None; self.list.len()];
        for (place, op) in self.list.iter().enumerate() {
            let Some(process) = op.process else { continue };
            if op.kind == Kind::Invoke {
                open.insert(process, place);
            } else if let Some(invocation) = open.remove(&process) {
                self.partner[place] = Some(invocation);
                self.partner[invocation] = Some(place);
            }
        }
        self
    }

    /// Appends an operation whose invocation, if it is a completion, is at `invocation`.
    pub(super) fn push(&mut self, op: Op, invocation: Option<usize>) -> usize {
        let place = self.list.len();
        self.list.push(op);
        self.partner.push(invocation);
        if let Some(invocation) = invocation {
            self.partner[invocation] = Some(place);
        }
        place
    }

    /// Puts operations that were appended later than they happened where they belong, and numbers all anew.
    pub(super) fn in_order_of_time(self) -> Ops {
        let mut order: Vec<usize> = (0..self.list.len()).collect();
        order.sort_by_key(|&place| self.list[place].time);
        let mut places = vec![0; order.len()];
        order.iter().enumerate().for_each(|(new, &old)| places[old] = new);
        let renumber =
            |(new, &old): (usize, &usize)| Op { index: new as i64, ..self.list[old].clone() };
        let partner =
            order.iter().map(|&old| self.partner[old].map(|partner| places[partner])).collect();
        Ops { list: order.iter().enumerate().map(renumber).collect(), partner, names: self.names }
    }

    /// The place of the completion's invocation, or of the invocation's completion.
    #[must_use]
    pub fn partner(&self, place: usize) -> Option<usize> {
        self.partner[place]
    }
}

impl Function {
    /// Whether it may poll.
    #[must_use]
    pub fn polls(self) -> bool {
        matches!(self, Function::Poll | Function::Txn)
    }

    /// Whether it may send.
    #[must_use]
    pub fn sends(self) -> bool {
        matches!(self, Function::Send | Function::Txn)
    }

    /// Whether its value is a list of micro-operations.
    #[must_use]
    pub fn has_micro_ops(self) -> bool {
        self.polls() || self.sends()
    }
}
