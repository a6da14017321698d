//! A file of EDN values, read one at a time: one a line, or all in one big vector.
//!
//! Only the value that is being read is kept in memory, whatever the file's length.

use super::lexer::{Lexer, Stop};
use crate::notation::{Problem, ReadError, Tokens};
use std::io::Read;

/// How much is read at once, in bytes.
const CHUNK: usize = 1 << 16;
/// No value is longer than this, in bytes: what seems longer lacks a bracket.
const VALUE_MAX: usize = 1 << 26;

/// The values of a file.
///
/// A file that ends in the middle of a value is [`ReadError::Truncated`], unless the value began on a line after which
/// other values begin: then it lacks a bracket, and is malformed.
#[derive(Debug)]
pub struct Forms<R> {
    input: R,
    buffer: Vec<u8>,
    /// The next byte to read.
    at: usize,
    /// Where the value that was read last begins.
    start: usize,
    /// Line feeds before the buffer.
    lines: u64,
    /// Bytes before the buffer.
    discarded: u64,
    /// The input holds no more than what is in the buffer.
    is_whole: bool,
    layout: Layout,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// Nothing was read.
    Unknown,
    /// Values one after the other.
    Lines,
    /// All values in one vector, or list, that this bracket ends.
    Vector(u8),
    /// The vector is over.
    After,
}

impl<R: Read> Forms<R> {
    /// The values of `input`, which needs no buffer of its own.
    pub fn new(input: R) -> Self {
        Forms {
            input,
            buffer: Vec::new(),
            at: 0,
            start: 0,
            lines: 0,
            discarded: 0,
            is_whole: false,
            layout: Layout::Unknown,
        }
    }

    /// Reads the next value into `tokens`; `false` at the end of the file.
    ///
    /// # Errors
    /// Those of the input, and the first thing that is no EDN. There is nothing to read after an error.
    pub fn next(&mut self, tokens: &mut Tokens) -> Result<bool, ReadError> {
        loop {
            tokens.clear();
            match self.step(tokens) {
                Ok(found) => return Ok(found),
                Err(Stop::Malformed { at, problem }) => return Err(self.malformed(at, problem)),
                Err(Stop::Cut) if self.is_whole || self.buffer.len() - self.at > VALUE_MAX => {
                    return Err(self.cut());
                }
                Err(Stop::Cut) => self.fill()?,
            }
        }
    }

    /// How many bytes of the input are read.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.discarded + self.buffer.len() as u64
    }

    /// The line that the value begins on which was read last, from 1.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.line_of(self.start)
    }

    /// The error of the value that was read last, or of its token at a place, meaning nothing.
    pub(crate) fn wrong(&self, problem: Problem) -> ReadError {
        match problem.column.checked_sub(1) {
            Some(at) => self.malformed(at, problem.text),
            None => problem.at(self.line(), true),
        }
    }

    fn step(&mut self, tokens: &mut Tokens) -> Result<bool, Stop> {
        let mut lexer = Lexer::new(&self.buffer, self.at, self.is_whole);
        lexer.skip(tokens)?;
        let Some(first) = lexer.peek() else {
            let may_end = self.is_whole && !matches!(self.layout, Layout::Vector(_));
            return if may_end { Ok(false) } else { Err(Stop::Cut) };
        };
        self.layout = match (self.layout, first) {
            (Layout::Unknown, b'[') => Layout::Vector(b']'),
            (Layout::Unknown, b'(') => Layout::Vector(b')'),
            (Layout::Unknown, _) => Layout::Lines,
            (Layout::Vector(close), byte) if byte == close => Layout::After,
            (Layout::After, _) => {
                let problem = "expected nothing after the end of the vector".to_owned();
                return Err(Stop::Malformed { at: lexer.at(), problem });
            }
            (same, _) => {
                self.start = lexer.at();
                lexer.form(tokens)?;
                self.at = lexer.at();
                self.layout = same;
                return Ok(true);
            }
        };
        if self.layout != Layout::Lines {
            lexer.step();
        }
        self.at = lexer.at();
        self.step(tokens)
    }

    /// Makes room and reads on.
    fn fill(&mut self) -> Result<(), ReadError> {
        self.lines += line_feeds(&self.buffer[..self.at]);
        self.discarded += self.at as u64;
        self.buffer.drain(..self.at);
        (self.at, self.start) = (0, 0);
        let (held, more) = (self.buffer.len(), CHUNK.max(self.buffer.len()));
        self.buffer.resize(held + more, 0);
        let mut filled = held;
        while filled < self.buffer.len() && !self.is_whole {
            match self.input.read(&mut self.buffer[filled..]) {
                Ok(0) => self.is_whole = true,
                Ok(read) => filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.buffer.truncate(filled);
        Ok(())
    }

    fn malformed(&self, at: usize, problem: String) -> ReadError {
        let before = &self.buffer[..at];
        let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |feed| feed + 1);
        ReadError::Malformed { line: self.line_of(at), column: at - line_start + 1, problem }
    }

    /// The error of a value that does not end.
    fn cut(&self) -> ReadError {
        let begins_on_a_later_line =
            self.buffer[self.start..].windows(2).any(|pair| pair == b"\n{" || pair == b"\n#");
        if self.layout == Layout::Lines && begins_on_a_later_line || !self.is_whole {
            return self.malformed(
                self.start,
                "this value never ends: a bracket or a quote is missing".to_owned(),
            );
        }
        let last = self.start.max(self.at).min(self.buffer.len());
        ReadError::Truncated { line: self.line_of(last) }
    }

    fn line_of(&self, at: usize) -> u64 {
        self.lines + line_feeds(&self.buffer[..at]) + 1
    }
}

fn line_feeds(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}
