//! Tokens to a line of JSON.

use super::{EDN, KEYWORD, PAIRS, SET, TAGGED};
use crate::notation::{Form, Shape, Token};
use std::fmt::Write;

/// Appends the value to `out`.
pub fn write(form: Form<'_>, out: &mut String) {
    Writer { out }.form(form);
}

struct Writer<'o> {
    out: &'o mut String,
}

impl Writer<'_> {
    fn form(&mut self, form: Form<'_>) {
        match form.token() {
            Token::Null => self.out.push_str("null"),
            Token::Bool(bool) => self.out.push_str(if bool { "true" } else { "false" }),
            Token::Int(int) => write!(self.out, "{int}").expect("a string takes everything"),
            Token::Raw(text) => self.raw(form.resolve(text)),
            Token::Str(text) => self.string(form.resolve(text)),
            Token::Keyword(text) => self.word(KEYWORD, form.resolve(text)),
            Token::Tag(text) => self.tagged(form.resolve(text), form.after_tag()),
            Token::Open(Shape::List, _) => self.list(form),
            Token::Open(Shape::Set, _) => self.wrapped(SET, |writer| writer.list(form)),
            Token::Open(..) if is_object(form) => self.object(form),
            Token::Open(Shape::Map | Shape::Pairs, _) => {
                self.wrapped(PAIRS, |writer| writer.pairs(form));
            }
            Token::Close => unreachable!("no value begins with its end"),
        }
    }

    fn list(&mut self, form: Form<'_>) {
        self.between('[', ']', form.parts(), Self::form);
    }

    fn object(&mut self, form: Form<'_>) {
        self.between('{', '}', form.entries().into_iter().flatten(), |writer, (key, value)| {
            writer.form(key);
            writer.out.push(':');
            writer.form(value);
        });
    }

    fn pairs(&mut self, form: Form<'_>) {
        self.between('[', ']', form.entries().into_iter().flatten(), |writer, (key, value)| {
            writer.between('[', ']', [key, value], Self::form);
        });
    }

    fn tagged(&mut self, tag: &str, value: Form<'_>) {
        self.wrapped(TAGGED, |writer| {
            writer.out.push('[');
            writer.string(tag);
            writer.out.push(',');
            writer.form(value);
            writer.out.push(']');
        });
    }

    fn between<T>(
        &mut self,
        open: char,
        close: char,
        parts: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.out.push(open);
        for (number, part) in parts.into_iter().enumerate() {
            if number > 0 {
                self.out.push(',');
            }
            write(self, part);
        }
        self.out.push(close);
    }

    /// A number that JSON writes the same way, or else a word of its own.
    fn raw(&mut self, text: &str) {
        if is_number(text) { self.out.push_str(text) } else { self.word(EDN, text) }
    }

    fn word(&mut self, word: &str, text: &str) {
        self.wrapped(word, |writer| writer.string(text));
    }

    fn wrapped(&mut self, word: &str, write: impl FnOnce(&mut Self)) {
        self.out.push('{');
        self.string(word);
        self.out.push(':');
        write(self);
        self.out.push('}');
    }

    fn string(&mut self, string: &str) {
        if string.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
            self.out.push('"');
            self.out.push_str(string);
            self.out.push('"');
        } else {
            self.out.push_str(&quoted(string));
        }
    }
}

/// Whether it is a map whose keys are strings, none of which would be taken for a word of ours.
pub(in crate::notation) fn is_object(form: Form<'_>) -> bool {
    let is_plain = |key: Form<'_>| matches!(key.token(), Token::Str(text) if !form.resolve(text).starts_with('$'));
    matches!(form.token(), Token::Open(Shape::Map, _))
        && form.entries().into_iter().flatten().all(|(key, _)| is_plain(key))
}

/// A string as JSON writes it.
pub(in crate::notation) fn quoted(string: &str) -> String {
    serde_json::to_string(string).expect("a string is always JSON")
}

/// Whether reading `text` as JSON and writing it again gives the same text.
pub(in crate::notation) fn is_number(text: &str) -> bool {
    let number: Result<serde_json::Number, _> = serde_json::from_str(text);
    number.is_ok_and(|number| number.to_string() == text)
}
