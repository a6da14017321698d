//! A [`Cursor`] over the tokens of a value.
//!
//! A keyword is as good as a string here, and a number as good as its digits where a map's key names something, for
//! `klog/1` knows strings alone.

use super::cursor::{Walk, excerpt};
use super::{Cursor, Problem, Shape, Token, Tokens, edn, json};
use std::borrow::Cow;

/// A place in a value that was read whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FormCursor<'t> {
    tokens: &'t Tokens,
    at: usize,
}

impl<'t> FormCursor<'t> {
    pub(super) fn new(tokens: &'t Tokens, at: usize) -> Self {
        FormCursor { tokens, at }
    }

    fn token(&self) -> Option<Token> {
        self.tokens.row().get(self.at).copied()
    }

    fn step(&mut self) {
        self.at += 1;
    }

    fn take_close(&mut self) -> bool {
        let is_over = !self.another();
        self.at += usize::from(is_over);
        is_over
    }

    fn open(&mut self, what: &str, is_expected: impl FnOnce(Shape) -> bool) -> Walk {
        match self.token() {
            Some(Token::Open(shape, _)) if is_expected(shape) => {
                self.step();
                Ok(())
            }
            _ => Err(self.expected(what)),
        }
    }

    fn field_name(&mut self) -> Result<Cow<'t, str>, Problem> {
        let name = match self.token() {
            Some(Token::Str(text) | Token::Keyword(text) | Token::Raw(text)) => {
                Cow::Borrowed(self.tokens.text(text))
            }
            Some(Token::Int(int)) => Cow::Owned(int.to_string()),
            _ => return Err(self.expected("a field's name")),
        };
        self.step();
        Ok(name)
    }
}

impl<'t> Cursor for FormCursor<'t> {
    type Text = Cow<'t, str>;

    fn place(&mut self) -> usize {
        self.tokens.place(self.at)
    }

    fn expected(&mut self, what: &str) -> Problem {
        let found = match self.token() {
            None | Some(Token::Close) => "the end".to_owned(),
            Some(_) => {
                let mut text = String::new();
                edn::write(self.tokens.form_at(self.at), &mut text);
                excerpt(&text)
            }
        };
        Problem::here(self.place(), format!("expected {what}, found {found}"))
    }

    fn is_null(&mut self) -> bool {
        self.token() == Some(Token::Null)
    }

    fn is_list(&mut self) -> bool {
        matches!(self.token(), Some(Token::Open(Shape::List, _)))
    }

    fn is_map(&mut self) -> bool {
        matches!(self.token(), Some(Token::Open(Shape::Map | Shape::Pairs, _)))
    }

    fn object(&mut self, what: &str, mut entry: impl FnMut(&mut Self, &str) -> Walk) -> Walk {
        self.open(what, |shape| matches!(shape, Shape::Map | Shape::Pairs))?;
        while !self.take_close() {
            let name = self.field_name()?;
            entry(self, &name)?;
        }
        Ok(())
    }

    fn array(&mut self, what: &str, mut element: impl FnMut(&mut Self) -> Walk) -> Walk {
        self.enter(what)?;
        while !self.take_close() {
            element(self)?;
        }
        Ok(())
    }

    fn enter(&mut self, what: &str) -> Walk {
        self.open(what, |shape| shape == Shape::List)
    }

    fn another(&mut self) -> bool {
        self.token() != Some(Token::Close)
    }

    fn leave(&mut self) -> Walk {
        if self.take_close() { Ok(()) } else { Err(self.expected("`]`")) }
    }

    fn string(&mut self, what: &str) -> Result<Cow<'t, str>, Problem> {
        match self.token() {
            Some(Token::Str(text) | Token::Keyword(text)) => {
                self.step();
                Ok(Cow::Borrowed(self.tokens.text(text)))
            }
            _ => Err(self.expected(what)),
        }
    }

    fn name(&mut self, what: &str) -> Result<Cow<'t, str>, Problem> {
        match self.token() {
            Some(Token::Int(0..)) => self.field_name(),
            _ => self.string(what),
        }
    }

    fn take_natural(&mut self) -> Option<u64> {
        match self.token() {
            Some(Token::Int(int @ 0..1_000_000_000_000_000_000)) => {
                self.step();
                Some(int as u64)
            }
            _ => None,
        }
    }

    fn integer(&mut self, what: &str) -> Result<i64, Problem> {
        match self.token() {
            Some(Token::Int(int)) => {
                self.step();
                Ok(int)
            }
            _ => Err(self.expected(what)),
        }
    }

    fn scalar(&mut self, what: &str) -> Result<Cow<'t, str>, Problem> {
        let scalar = match self.token() {
            Some(Token::Null) => Cow::Borrowed("null"),
            Some(Token::Bool(bool)) => Cow::Borrowed(if bool { "true" } else { "false" }),
            Some(Token::Int(int)) => Cow::Owned(int.to_string()),
            Some(Token::Str(text) | Token::Keyword(text)) => {
                Cow::Owned(json::quoted(self.tokens.text(text)))
            }
            Some(Token::Raw(text)) if json::is_number(self.tokens.text(text)) => {
                Cow::Borrowed(self.tokens.text(text))
            }
            _ => return Err(self.expected(what)),
        };
        self.step();
        Ok(scalar)
    }

    fn skip(&mut self) -> Walk {
        self.at = self.tokens.form_at(self.at).end();
        Ok(())
    }

    fn skip_unread(&mut self) -> Walk {
        self.skip()
    }
}
