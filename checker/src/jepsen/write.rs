//! Operations as Jepsen prints them.

use super::{Function, Key, Kind, MicroOp, Names, Op, Ops, Record};
use crate::notation::{Shape, Tokens, edn};
use std::io::{self, Write};

impl Ops {
    /// Writes one operation a line. Give it a buffered writer.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_edn(&self, mut out: impl Write) -> io::Result<()> {
        let (mut tokens, mut line) = (Tokens::new(), String::new());
        for op in &self.list {
            tokens.clear();
            op.write(&self.names, &mut tokens);
            line.clear();
            edn::write(tokens.form(), &mut line);
            writeln!(out, "{line}")?;
        }
        Ok(())
    }
}

impl Op {
    /// Appends the operation as a map.
    pub(super) fn write(&self, names: &Names, out: &mut Tokens) {
        out.open(Shape::Map);
        out.keyword("index");
        out.int(self.index);
        if let Some(time) = self.time {
            out.keyword("time");
            out.int(time);
        }
        out.keyword("type");
        out.keyword(self.kind.name());
        if let Some(process) = self.process {
            out.keyword("process");
            edn::append(names.of_process(process), out);
        }
        out.keyword("f");
        out.keyword(self.f.name());
        out.keyword("value");
        self.write_value(names, out);
        self.write_more(names, out);
        out.close();
    }

    fn write_value(&self, names: &Names, out: &mut Tokens) {
        match self.f {
            Function::Assign | Function::Subscribe => write_keys(&self.keys, names, out),
            Function::Send | Function::Poll | Function::Txn => {
                out.open(Shape::List);
                self.micro_ops.iter().for_each(|micro_op| micro_op.write(self.kind, names, out));
                out.close();
            }
            Function::Crash | Function::Other => edn::append("nil", out),
        }
    }

    fn write_more(&self, names: &Names, out: &mut Tokens) {
        if !self.rebalanced.is_empty() {
            out.keyword("rebalance-log");
            out.open(Shape::List);
            out.open(Shape::Map);
            out.keyword("keys");
            write_keys(&self.rebalanced, names, out);
            out.close();
            out.close();
        }
        if let Some(error) = &self.error {
            out.keyword("error");
            edn::append(error, out);
        }
    }
}

impl MicroOp {
    fn write(&self, kind: Kind, names: &Names, out: &mut Tokens) {
        out.open(Shape::List);
        match self {
            MicroOp::Send { key, record } => {
                out.keyword("send");
                write_key(*key, names, out);
                // An invocation has the value alone, and so has a completion that tells no offset because none was told.
                match record.offset {
                    None if kind != Kind::Ok => edn::append(names.of_value(record.value), out),
                    _ => record.write(names, out),
                }
            }
            MicroOp::Poll(by_key) => {
                out.keyword("poll");
                if kind != Kind::Invoke {
                    write_records(by_key, names, out);
                }
            }
        }
        out.close();
    }
}

fn write_records(by_key: &[(Key, Vec<Record>)], names: &Names, out: &mut Tokens) {
    out.open(Shape::Map);
    for (key, records) in by_key {
        write_key(*key, names, out);
        out.open(Shape::List);
        records.iter().for_each(|record| record.write(names, out));
        out.close();
    }
    out.close();
}

impl Record {
    fn write(self, names: &Names, out: &mut Tokens) {
        out.open(Shape::List);
        match self.offset {
            Some(offset) => out.int(offset),
            None => edn::append("nil", out),
        }
        edn::append(names.of_value(self.value), out);
        out.close();
    }
}

fn write_keys(keys: &[Key], names: &Names, out: &mut Tokens) {
    out.open(Shape::List);
    keys.iter().for_each(|&key| write_key(key, names, out));
    out.close();
}

pub(super) fn write_key(key: Key, names: &Names, out: &mut Tokens) {
    edn::append(names.of_key(key), out);
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Invoke => "invoke",
            Kind::Ok => "ok",
            Kind::Fail => "fail",
            Kind::Info => "info",
        }
    }
}

impl Function {
    fn name(self) -> &'static str {
        match self {
            Function::Send => "send",
            Function::Poll => "poll",
            Function::Txn => "txn",
            Function::Assign => "assign",
            Function::Subscribe => "subscribe",
            Function::Crash => "crash",
            Function::Other => "other",
        }
    }
}
