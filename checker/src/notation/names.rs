//! Which strings of `klog/1` are keywords in EDN.
//!
//! Jepsen's operations are maps of keywords, those of `klog/1` objects of plain strings. In an operation, a string stands
//! for a keyword where Jepsen would have one:
//!
//! - as the key of a map, unless the map is one of partitions: a poll's, and those of `hw`, `pos` and their like;
//! - as the `type`, `f` and `process` of an operation and the `kind` of a rebalance;
//! - as the first element of a micro-operation: `["send",0,1]`.
//!
//! A partition that Jepsen numbers is a string of digits as the key of a JSON object, where only strings can be.
//!
//! Nothing is lost: text that cannot be a keyword is a string in both notations, and a string in the place of a keyword is
//! `{"$edn":"\"text\""}`.

use super::edn::scalar;
use super::{Form, Shape, Text, Token, Tokens};

/// How the header of a file says what its partitions are called in EDN (`key_type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyType {
    /// By strings.
    #[default]
    String,
    /// By integers.
    Int,
}

/// Turns the keywords of an operation read from EDN into the strings of `klog/1`.
pub fn to_klog(op: &mut Tokens, keys: KeyType) {
    Renaming { tokens: op, to: Notation::Klog, keys }.op();
}

/// Turns the strings of an operation read from `klog/1` into EDN's keywords.
pub fn to_edn(op: &mut Tokens, keys: KeyType) {
    Renaming { tokens: op, to: Notation::Edn, keys }.op();
}

/// Functions whose value is a list of micro-operations.
const OF_MICRO_OPS: [&str; 3] = ["send", "poll", "txn"];
/// Functions whose value is a map of partitions.
const BY_PARTITION: [&str; 6] =
    ["commit", "committed", "list_offsets", "log_dump", "processed", "seek"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Notation {
    Klog,
    Edn,
}

/// What a value is, as far as keywords go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Nothing special.
    Plain,
    /// A keyword, if it is a scalar.
    Keyword,
    /// A list of micro-operations.
    MicroOps,
    /// A micro-operation.
    MicroOp,
    /// A map of partitions.
    ByPartition,
}

impl Role {
    /// The role of a map's value, by its key.
    fn of_field(name: &str) -> Role {
        match name {
            "type" | "f" | "process" | "kind" => Role::Keyword,
            "hw" | "lso" | "log_start" | "leader_epoch" | "pos" | "seek" | "drained" => {
                Role::ByPartition
            }
            _ => Role::Plain,
        }
    }

    /// The role of an operation's value.
    fn of_value(f: &str) -> Role {
        match f {
            _ if OF_MICRO_OPS.contains(&f) => Role::MicroOps,
            _ if BY_PARTITION.contains(&f) => Role::ByPartition,
            _ => Role::Plain,
        }
    }
}

struct Renaming<'t> {
    tokens: &'t mut Tokens,
    to: Notation,
    keys: KeyType,
}

impl Renaming<'_> {
    fn op(&mut self) {
        let op = self.tokens.form().untagged();
        let of_value = op.get("f").and_then(Form::text).map_or(Role::Plain, Role::of_value);
        let at = op.index();
        match self.tokens.row()[at] {
            Token::Open(Shape::Map | Shape::Pairs, _) => self.map_of_keywords(at, of_value),
            _ => self.value(at, Role::Plain),
        }
    }

    fn value(&mut self, at: usize, role: Role) {
        match self.tokens.row()[at] {
            Token::Tag(_) => self.value(at + 1, role),
            Token::Open(Shape::Map | Shape::Pairs, _) if role == Role::ByPartition => {
                self.map_of_partitions(at)
            }
            Token::Open(Shape::Map | Shape::Pairs, _) => self.map_of_keywords(at, Role::Plain),
            Token::Open(Shape::List, _) if role == Role::MicroOps => self.each(at, Role::MicroOp),
            Token::Open(Shape::List, _) if role == Role::MicroOp => self.micro_op(at),
            Token::Open(..) => self.each(at, Role::Plain),
            token if role == Role::Keyword => self.keyword(at, token),
            _ => {}
        }
    }

    fn each(&mut self, at: usize, role: Role) {
        if role != Role::Plain || self.holds_a_map(at) {
            self.every(at, |renaming, _, part| renaming.value(part, role));
        }
    }

    /// Only a map has something to rename where nothing special is expected: lists of records, the bulk, do not.
    fn holds_a_map(&self, at: usize) -> bool {
        let Token::Open(_, end) = self.tokens.row()[at] else { return false };
        let is_map = |token: &Token| matches!(token, Token::Open(Shape::Map | Shape::Pairs, _));
        self.tokens.row()[at + 1..end as usize].iter().any(is_map)
    }

    /// Does something to every part of a collection, by its number and its index.
    fn every(&mut self, at: usize, mut act: impl FnMut(&mut Self, usize, usize)) {
        let mut part = self.tokens.form_at(at).parts().next().map(Form::index);
        for number in 0.. {
            let Some(here) = part else { return };
            act(self, number, here);
            part = self.tokens.form_at(here).next().map(Form::index);
        }
    }

    /// Does something to every key of a map.
    fn every_key(&mut self, at: usize, act: fn(&mut Self, usize)) {
        self.every(at, |renaming, number, part| {
            if number % 2 == 0 {
                act(renaming, part);
            }
        });
    }

    fn micro_op(&mut self, at: usize) {
        let is_poll = self.tokens.form_at(at + 1).text() == Some("poll");
        self.every(at, |renaming, number, part| {
            renaming.value(
                part,
                match number {
                    0 => Role::Keyword,
                    1 if is_poll => Role::ByPartition,
                    _ => Role::Plain,
                },
            );
        });
    }

    fn keyword(&mut self, at: usize, token: Token) {
        match (self.to, token) {
            (Notation::Klog, Token::Keyword(text)) => self.tokens.replace(at, Token::Str(text)),
            (Notation::Klog, Token::Str(text)) if self.is_name(text) => {
                let quoted = format!("\"{}\"", self.tokens.text(text));
                let quoted = self.tokens.keep(&quoted);
                self.tokens.replace(at, Token::Raw(quoted));
            }
            (Notation::Edn, Token::Str(text)) if self.is_name(text) => {
                self.tokens.replace(at, Token::Keyword(text));
            }
            _ => {}
        }
    }

    fn map_of_keywords(&mut self, at: usize, of_value: Role) {
        let mut role = Role::Plain;
        self.every(at, |renaming, number, part| match number % 2 {
            0 => {
                role = match renaming.tokens.form_at(part).text() {
                    Some("value") => of_value,
                    Some(name) => Role::of_field(name),
                    None => Role::Plain,
                }
            }
            _ => renaming.value(part, role),
        });
        match (self.to, self.shape(at)) {
            (Notation::Klog, Shape::Map) => self.keywords_to_strings(at),
            (Notation::Klog, _) => {}
            (Notation::Edn, Shape::Map) if self.all(at, Self::is_named_string) => {
                self.every_key(at, Self::rename_keyword);
            }
            (Notation::Edn, _) => self.tokens.reshape(at, Shape::Map),
        }
    }

    fn keywords_to_strings(&mut self, at: usize) {
        if self.all(at, Self::is_plain_keyword) {
            self.every_key(at, Self::rename_keyword);
        } else if !self.all(at, Self::is_string) || self.all(at, Self::is_named_string) {
            self.tokens.reshape(at, Shape::Pairs);
        }
    }

    fn rename_keyword(&mut self, at: usize) {
        self.keyword(at, self.tokens.row()[at]);
    }

    fn map_of_partitions(&mut self, at: usize) {
        self.every(at, |renaming, number, part| {
            if number % 2 == 1 {
                renaming.value(part, Role::Plain);
            }
        });
        match (self.to, self.shape(at)) {
            (Notation::Klog, _) if self.all(at, Self::is_partition) => {
                self.every_key(at, Self::int_to_string)
            }
            (Notation::Klog, _) => self.tokens.reshape(at, Shape::Pairs),
            (Notation::Edn, Shape::Map) if self.keys == KeyType::Int => {
                self.every_key(at, Self::string_to_int)
            }
            (Notation::Edn, _) => self.tokens.reshape(at, Shape::Map),
        }
    }

    fn int_to_string(&mut self, at: usize) {
        if let Token::Int(int) = self.tokens.row()[at] {
            let digits = self.tokens.keep(&int.to_string());
            self.tokens.replace(at, Token::Str(digits));
        }
    }

    fn string_to_int(&mut self, at: usize) {
        if let Some(int) = self.tokens.form_at(at).text().and_then(scalar::int) {
            self.tokens.replace(at, Token::Int(int));
        }
    }

    fn shape(&self, at: usize) -> Shape {
        match self.tokens.row()[at] {
            Token::Open(shape, _) => shape,
            _ => unreachable!("only maps come here"),
        }
    }

    /// Whether all keys of a map are so.
    fn all(&self, at: usize, is: fn(&Self, Token) -> bool) -> bool {
        self.tokens
            .form_at(at)
            .entries()
            .into_iter()
            .flatten()
            .all(|(key, _)| is(self, key.token()))
    }

    /// A keyword that no object's key would be mistaken for a word like `$set` by.
    fn is_plain_keyword(&self, key: Token) -> bool {
        matches!(key, Token::Keyword(text) if !self.tokens.text(text).starts_with('$'))
    }

    fn is_string(&self, key: Token) -> bool {
        matches!(key, Token::Str(_))
    }

    fn is_named_string(&self, key: Token) -> bool {
        matches!(key, Token::Str(text) if self.is_name(text))
    }

    /// What names a partition and can be told from every other name when it is a string.
    fn is_partition(&self, key: Token) -> bool {
        match key {
            Token::Int(_) => self.keys == KeyType::Int,
            Token::Str(text) => {
                let text = self.tokens.text(text);
                !text.starts_with('$')
                    && (self.keys == KeyType::String || scalar::int(text).is_none())
            }
            _ => false,
        }
    }

    fn is_name(&self, text: Text) -> bool {
        scalar::is_name(self.tokens.text(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notation::{edn, json};

    /// EDN as `klog/1` has it.
    fn klog(text: &str) -> String {
        let mut tokens = Tokens::new();
        assert!(edn::Forms::new(text.as_bytes()).next(&mut tokens).unwrap());
        to_klog(&mut tokens, KeyType::Int);
        let mut line = String::new();
        json::write(tokens.form(), &mut line);
        line
    }

    /// ... and back.
    fn edn(line: &str) -> String {
        let mut tokens = Tokens::new();
        json::read(line, &mut tokens).unwrap();
        to_edn(&mut tokens, KeyType::Int);
        let mut text = String::new();
        edn::write(tokens.form(), &mut text);
        text
    }

    #[test]
    fn an_operation_reads_as_klog_would_have_it() {
        let op = r#"{:type :ok, :f :poll, :process 3, :value [[:poll {0 [[5 1]]}] [:send 0 [7 2]]], :rebalance-log [{:keys [0]}]}"#;
        let line = r#"{"type":"ok","f":"poll","process":3,"value":[["poll",{"0":[[5,1]]}],["send",0,[7,2]]],"rebalance-log":[{"keys":[0]}]}"#;
        assert_eq!(klog(op), line);
        assert_eq!(edn(line), op);
    }

    #[test]
    fn what_is_unusual_survives() {
        for (op, line) in [
            (r#"{:type "ok"}"#, r#"{"type":{"$edn":"\"ok\""}}"#),
            (r#"{"type" :ok}"#, r#"{"$map":[["type","ok"]]}"#),
            (r#"{"a b" 1}"#, r#"{"a b":1}"#),
            (r#"{:$set 1}"#, r#"{"$map":[[{"$keyword":"$set"},1]]}"#),
            (
                r#"{:f :poll, :value [[:poll {"0" []}]]}"#,
                r#"{"f":"poll","value":[["poll",{"$map":[["0",[]]]}]]}"#,
            ),
            (
                r#"{:error #{1/3 :x \a}}"#,
                r#"{"error":{"$set":[{"$edn":"1/3"},{"$keyword":"x"},{"$edn":"\\a"}]}}"#,
            ),
            (
                r#"#jepsen.history.Op {:time 1.5}"#,
                r#"{"$tagged":["jepsen.history.Op",{"time":1.5}]}"#,
            ),
        ] {
            assert_eq!(klog(op), line);
            assert_eq!(edn(line), op);
        }
    }
}
