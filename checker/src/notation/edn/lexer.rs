//! EDN text to tokens: one value at a time, from a buffer that may end too early.
//!
//! Everything Clojure prints of a history is taken: tagged values and records, sets, ratios, big numbers, characters,
//! symbols, `##Inf`, commas, comments, discarded forms. What JSON has no word for stays as it is written
//! ([`Token::Raw`]).

use super::scalar;
use crate::notation::{Shape, Token, Tokens};

/// Collections, tags and discards may be nested this deep: written as JSON, where a set or a map with odd keys takes
/// three levels, such a value is still within the 128 levels that JSON readers allow.
const DEPTH_MAX: u32 = 40;

/// Why a value could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The text ends in the middle of it.
    Cut,
    /// The byte at `at` is wrong.
    Malformed {
        /// Index in the text.
        at: usize,
        /// What is wrong, and what was expected.
        problem: String,
    },
}

/// Walks over the text.
pub(super) struct Lexer<'b> {
    bytes: &'b [u8],
    at: usize,
    /// Nothing comes after the text, so that a number or a word may end with it.
    is_whole: bool,
    depth: u32,
}

impl<'b> Lexer<'b> {
    pub(super) fn new(bytes: &'b [u8], at: usize, is_whole: bool) -> Self {
        Lexer { bytes, at, is_whole, depth: 0 }
    }

    /// Where the next byte is.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next byte, if there is one.
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Steps over the next byte.
    pub(super) fn step(&mut self) {
        self.at += 1;
    }

    /// Goes on to the next value or closing bracket: over space, commas, comments and discarded values.
    pub(super) fn skip(&mut self, tokens: &mut Tokens) -> Result<(), Stop> {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b',' | b'\n' | b'\r' | b'\t' | 0x0c => self.step(),
                b';' => self.comment(),
                b'#' if self.after()? == b'_' => self.discard(tokens)?,
                _ => break,
            }
        }
        Ok(())
    }

    fn comment(&mut self) {
        let rest = &self.bytes[self.at..];
        self.at += rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
    }

    fn discard(&mut self, tokens: &mut Tokens) -> Result<(), Stop> {
        self.at += 2;
        let kept = tokens.row().len();
        self.form(tokens)?;
        tokens.truncate(kept);
        Ok(())
    }

    /// Reads the next value.
    pub(super) fn form(&mut self, tokens: &mut Tokens) -> Result<(), Stop> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.malformed(format!("more than {DEPTH_MAX} values inside each other")));
        }
        self.skip(tokens)?;
        self.form_here(tokens)?;
        self.depth -= 1;
        Ok(())
    }

    fn form_here(&mut self, tokens: &mut Tokens) -> Result<(), Stop> {
        tokens.begins_at(self.at);
        match self.peek().ok_or(Stop::Cut)? {
            b'{' => self.map(tokens),
            b'[' => self.collection(Shape::List, b']', tokens).map(drop),
            b'(' => self.collection(Shape::List, b')', tokens).map(drop),
            b'"' => self.string(tokens),
            b':' => self.keyword(tokens),
            b'#' => self.dispatch(tokens),
            b'\\' => self.character(tokens),
            b'0'..=b'9' => self.number(tokens),
            b'+' | b'-' if self.after().is_ok_and(|next| next.is_ascii_digit()) => {
                self.number(tokens)
            }
            byte if scalar::is_word(byte) => self.symbol(tokens),
            _ => Err(self.malformed("expected a value")),
        }
    }

    fn map(&mut self, tokens: &mut Tokens) -> Result<(), Stop> {
        match self.collection(Shape::Map, b'}', tokens)? % 2 {
            0 => Ok(()),
            _ => Err(self.malformed_before("expected a value for the map's last key, found `}`")),
        }
    }

    /// Reads a collection and tells how many values are in it.
    fn collection(&mut self, shape: Shape, close: u8, tokens: &mut Tokens) -> Result<usize, Stop> {
        self.step();
        tokens.open(shape);
        let mut count = 0;
        loop {
            self.skip(tokens)?;
            match self.peek().ok_or(Stop::Cut)? {
                byte if byte == close => break,
                byte @ (b']' | b')' | b'}') => return Err(self.wrong_bracket(close, byte)),
                _ => self.form(tokens)?,
            }
            count += 1;
        }
        tokens.begins_at(self.at);
        tokens.close();
        self.step();
        Ok(count)
    }

    fn wrong_bracket(&self, close: u8, found: u8) -> Stop {
        self.malformed(format!(
            "expected a value or `{}`, found `{}`",
            char::from(close),
            char::from(found)
        ))
    }

    /// What begins with `#`.
    fn dispatch(&mut self, tokens: &mut Tokens) -> Result<(), Stop> {
        match self.after()? {
            b'{' => {
                self.step();
                self.collection(Shape::Set, b'}', tokens).map(drop)
            }
            b'"' => self.pattern(tokens),
            b'#' | b'\'' => self.raw_word(2, tokens),
            _ => self.tagged(tokens),
        }
    }

    fn tagged(&mut self, tokens: &mut Tokens) -> Result<(), Stop> {
        self.step();
        let tag = self.word()?;
        if tag.is_empty() {
            return Err(self.lacking("expected a tag after `#`"));
        }
        tokens.tag(tag);
        self.form(tokens)
    }

    fn keyword(&mut self, tokens: &mut Tokens) -> Result<(), Stop> {
        self.step();
        match self.word()? {
            "" => Err(self.lacking("expected the name of a keyword after `:`")),
            name => {
                tokens.keyword(name);
                Ok(())
            }
        }
    }

    fn symbol(&mut self, tokens: &mut Tokens) -> Result<(), Stop> {
        match self.word()? {
            "nil" => tokens.push(Token::Null),
            "true" => tokens.push(Token::Bool(true)),
            "false" => tokens.push(Token::Bool(false)),
            symbol => tokens.raw(symbol),
        }
        Ok(())
    }

    fn number(&mut self, tokens: &mut Tokens) -> Result<(), Stop> {
        if let Some(natural) = self.take_natural() {
            tokens.int(natural);
            return Ok(());
        }
        let start = self.at;
        let text = self.word()?;
        match scalar::int(text) {
            Some(int) => tokens.int(int),
            None if scalar::is_number(text) => tokens.raw(text),
            None if self.peek().is_none() => return Err(Stop::Cut),
            None => {
                let problem = format!("expected a number, found `{text}`");
                return Err(Stop::Malformed { at: start, problem });
            }
        }
        Ok(())
    }

    /// Most numbers are short and have digits only.
    fn take_natural(&mut self) -> Option<i64> {
        const DIGITS_MAX: usize = 18;
        let rest = &self.bytes[self.at..];
        let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let is_one = !scalar::is_word(*rest.get(len)?) && (1..=DIGITS_MAX).contains(&len);
        if !is_one || (rest[0] == b'0' && len > 1) {
            return None;
        }
        self.at += len;
        Some(rest[..len].iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
    }

    /// `\a`, `\newline`, `\u03bb`, and `\(`, which no word could hold.
    fn character(&mut self, tokens: &mut Tokens) -> Result<(), Stop> {
        let start = self.at;
        self.step();
        let first = self.peek().ok_or(Stop::Cut)?;
        self.at += utf8_len(first);
        self.word()?;
        let text = self.utf8(start, self.at)?;
        tokens.raw(text);
        Ok(())
    }

    /// `##Inf`, `#'var`: kept as they are.
    fn raw_word(&mut self, sign: usize, tokens: &mut Tokens) -> Result<(), Stop> {
        let start = self.at;
        self.at += sign;
        if self.word()?.is_empty() {
            return Err(self.lacking("expected a name"));
        }
        let text = self.utf8(start, self.at)?;
        tokens.raw(text);
        Ok(())
    }

    /// `#"regular expression"`, kept as it is.
    fn pattern(&mut self, tokens: &mut Tokens) -> Result<(), Stop> {
        let start = self.at;
        self.at += 2;
        self.find_quote()?;
        self.step();
        let text = self.utf8(start, self.at)?;
        tokens.raw(text);
        Ok(())
    }

    fn string(&mut self, tokens: &mut Tokens) -> Result<(), Stop> {
        self.step();
        let start = self.at;
        let has_escapes = self.find_quote()?;
        let text = self.utf8(start, self.at)?;
        if has_escapes {
            let unescaped = scalar::unescape(text)
                .map_err(|(at, problem)| Stop::Malformed { at: start + at, problem })?;
            tokens.string(&unescaped);
        } else {
            tokens.string(text);
        }
        self.step();
        Ok(())
    }

    /// Goes on to the quote that ends a string, and tells whether there is an escape before it.
    fn find_quote(&mut self) -> Result<bool, Stop> {
        let mut has_escapes = false;
        loop {
            let rest = self.bytes.get(self.at..).ok_or(Stop::Cut)?;
            let next = rest.iter().position(|&byte| matches!(byte, b'"' | b'\\'));
            self.at += next.ok_or(Stop::Cut)?;
            if self.bytes[self.at] == b'"' {
                return Ok(has_escapes);
            }
            has_escapes = true;
            self.at += 2;
        }
    }

    /// The longest word from here on, possibly empty.
    fn word(&mut self) -> Result<&'b str, Stop> {
        let start = self.at;
        let rest = self.bytes.get(start..).ok_or(Stop::Cut)?;
        let len = rest.iter().position(|&byte| !scalar::is_word(byte));
        if len.is_none() && !self.is_whole {
            return Err(Stop::Cut);
        }
        self.at += len.unwrap_or(rest.len());
        self.utf8(start, self.at)
    }

    fn utf8(&self, start: usize, end: usize) -> Result<&'b str, Stop> {
        let bytes = self.bytes.get(start..end).ok_or(Stop::Cut)?;
        str::from_utf8(bytes).map_err(|error| match error.error_len() {
            None if end == self.bytes.len() => Stop::Cut,
            _ => {
                let problem = "expected text in UTF-8".to_owned();
                Stop::Malformed { at: start + error.valid_up_to(), problem }
            }
        })
    }

    /// The byte after the next one.
    fn after(&self) -> Result<u8, Stop> {
        self.bytes.get(self.at + 1).copied().ok_or(Stop::Cut)
    }

    /// Something should be here; at the end of the text it may just not have been written.
    fn lacking(&self, problem: &str) -> Stop {
        if self.peek().is_none() { Stop::Cut } else { self.malformed(problem) }
    }

    fn malformed(&self, problem: impl Into<String>) -> Stop {
        Stop::Malformed { at: self.at, problem: problem.into() }
    }

    fn malformed_before(&self, problem: &str) -> Stop {
        Stop::Malformed { at: self.at - 1, problem: problem.to_owned() }
    }
}

/// How many bytes a character takes that begins with `first`.
fn utf8_len(first: u8) -> usize {
    match first {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    }
}
/// Whether `text` is exactly one scalar, so that it can be written as it is.
pub(in crate::notation) fn is_scalar(text: &str) -> bool {
    let mut tokens = Tokens::new();
    let mut lexer = Lexer::new(text.as_bytes(), 0, true);
    lexer.form(&mut tokens).is_ok()
        && lexer.at() == text.len()
        && !text.starts_with([' ', ',', '\n', '\r', '\t', ';'])
        && matches!(tokens.row(), [token] if !matches!(token, Token::Tag(_)))
        && !text.starts_with("#_")
}
