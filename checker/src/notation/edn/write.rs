//! Tokens to EDN text, all on one line.

use crate::notation::{Form, Shape, Token};
use std::fmt::Write;

/// Appends the value to `out`, as Clojure would print it.
pub fn write(form: Form<'_>, out: &mut String) {
    Writer { out }.form(form);
}

struct Writer<'o> {
    out: &'o mut String,
}

impl Writer<'_> {
    fn form(&mut self, form: Form<'_>) {
        match form.token() {
            Token::Null => self.out.push_str("nil"),
            Token::Bool(bool) => self.out.push_str(if bool { "true" } else { "false" }),
            Token::Int(int) => write!(self.out, "{int}").expect("a string takes everything"),
            Token::Raw(text) => self.out.push_str(form.resolve(text)),
            Token::Str(text) => self.string(form.resolve(text)),
            Token::Keyword(text) => {
                self.out.push(':');
                self.out.push_str(form.resolve(text));
            }
            Token::Tag(text) => {
                self.out.push('#');
                self.out.push_str(form.resolve(text));
                self.out.push(' ');
                self.form(form.after_tag());
            }
            Token::Open(shape, _) => self.collection(form, shape),
            Token::Close => unreachable!("no value begins with its end"),
        }
    }

    fn collection(&mut self, form: Form<'_>, shape: Shape) {
        let (open, close) = match shape {
            Shape::List => ("[", ']'),
            Shape::Set => ("#{", '}'),
            Shape::Map | Shape::Pairs => ("{", '}'),
        };
        self.out.push_str(open);
        let is_map = matches!(shape, Shape::Map | Shape::Pairs);
        for (number, part) in form.parts().enumerate() {
            match number {
                0 => {}
                _ if is_map && number % 2 == 0 => self.out.push_str(", "),
                _ => self.out.push(' '),
            }
            self.form(part);
        }
        self.out.push(close);
    }

    fn string(&mut self, string: &str) {
        self.out.push('"');
        write_escaped(string, self.out);
        self.out.push('"');
    }
}

fn write_escaped(string: &str, out: &mut String) {
    for character in string.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            plain => out.push(plain),
        }
    }
}
