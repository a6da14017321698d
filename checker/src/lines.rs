//! A text file read line by line into one buffer, so that it takes the memory of its longest line.

use crate::notation::ReadError;
use std::io::{BufRead, Read};

/// The most bytes of a line: there are no longer ones but in files that have no lines.
const LINE_MAX: u64 = 1 << 26;

/// The lines of a file.
pub(crate) struct Lines<R> {
    input: R,
    buffer: Vec<u8>,
    number: u64,
}

/// One line, without its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'l> {
    /// Its text.
    pub(crate) text: &'l str,
    /// Its number, from 1.
    pub(crate) number: u64,
    /// Whether it was ended by a line feed: the last line of a file whose writer was killed is not.
    pub(crate) is_whole: bool,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn of(input: R) -> Self {
        Lines { input, buffer: Vec::new(), number: 0 }
    }

    /// The next line, if there is one.
    pub(crate) fn next(&mut self) -> Result<Option<Line<'_>>, ReadError> {
        self.buffer.clear();
        let bytes = self.input.by_ref().take(LINE_MAX).read_until(b'\n', &mut self.buffer)?;
        self.number += 1;
        if bytes == 0 {
            return Ok(None);
        }
        let (number, is_whole) = (self.number, self.buffer.last() == Some(&b'\n'));
        if bytes as u64 == LINE_MAX && !is_whole {
            let problem =
                format!("expected lines of less than {LINE_MAX} bytes, found a longer one");
            return Err(ReadError::Malformed { line: number, column: 0, problem });
        }
        match std::str::from_utf8(&self.buffer) {
            Ok(text) => Ok(Some(Line { text: text.trim_end(), number, is_whole })),
            Err(cut) if cut.error_len().is_none() && !is_whole => {
                Err(ReadError::Truncated { line: number })
            }
            Err(error) => {
                let problem = "expected UTF-8 text, found other bytes".to_owned();
                Err(ReadError::Malformed { line: number, column: error.valid_up_to() + 1, problem })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_and_the_last_may_be_cut() {
        let mut lines = Lines::of(&b"one\r\n\ntwo"[..]);
        let mut read = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            read.push((line.number, line.text.to_owned(), line.is_whole));
        }
        let one = |number, text: &str, is_whole| (number, text.to_owned(), is_whole);
        assert_eq!(read, [one(1, "one", true), one(2, "", true), one(3, "two", false)]);
    }

    #[test]
    fn a_file_without_lines_is_not_taken_into_memory() {
        let endless = std::io::BufReader::new(std::io::repeat(b'x'));
        assert_eq!(
            Lines::of(endless).next().unwrap_err().to_string(),
            "line 1: expected lines of less than 67108864 bytes, found a longer one"
        );
    }

    #[test]
    fn other_bytes_than_text_are_an_error_and_a_cut_letter_is_a_cut_line() {
        let error = |bytes: &[u8]| Lines::of(bytes).next().unwrap_err().to_string();
        assert_eq!(
            error(b"\xc3\xa4b\xffc\n"),
            "line 1, column 4: expected UTF-8 text, found other bytes"
        );
        assert_eq!(error(b"ab\xc3"), "line 1: the file ends in the middle of this line");
    }
}
