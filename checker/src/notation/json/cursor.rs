//! A JSON text walked once from left to right, without a tree of it.
//!
//! Reading a history is dominated by its text, so the reader asks for what it expects where it expects it, and an error
//! can say so. What it does not care about is checked and passed over. Nothing here recurses, so that no input is too deep.

use super::quoted;
use crate::notation::cursor::{Walk, excerpt};
use crate::notation::{Cursor, Problem};
use std::borrow::Cow;

/// A place in a JSON text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineCursor<'l> {
    text: &'l str,
    at: usize,
}

impl<'l> LineCursor<'l> {
    /// The start of `text`.
    pub(crate) fn of(text: &'l str) -> Self {
        LineCursor { text, at: 0 }
    }

    /// The first byte of the next thing, if there is one.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        let place = self.place();
        self.text.as_bytes().get(place).copied()
    }

    /// Passes over `byte` if it comes next.
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Passes over `byte`, which must come next.
    pub(crate) fn pass(&mut self, byte: u8, what: &str) -> Walk {
        if self.take(byte) { Ok(()) } else { Err(self.expected(what)) }
    }

    /// Nothing may follow any more.
    pub(crate) fn end(&mut self) -> Walk {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.expected("the line's end")),
        }
    }

    /// A string with its quotes, and whether it has escapes, which are not checked.
    fn raw_string(&mut self, what: &str) -> Result<(&'l str, bool), Problem> {
        if self.peek() != Some(b'"') {
            return Err(self.expected(what));
        }
        let start = self.at;
        let bytes = self.text.as_bytes();
        let (mut at, mut is_escaped) = (start + 1, false);
        loop {
            match bytes.get(at) {
                Some(b'"') => {
                    self.at = at + 1;
                    return Ok((&self.text[start..self.at], is_escaped));
                }
                Some(b'\\') => (at, is_escaped) = (at + 2, true),
                Some(0..0x20) => {
                    return Err(Problem::here(at, "expected an escape, found a control character"));
                }
                Some(_) => at += 1,
                None => {
                    self.at = bytes.len();
                    return Err(self.expected("the string's end"));
                }
            }
        }
    }

    /// A number, boolean or null, as it is written.
    fn unquoted(&mut self, what: &str) -> Result<&'l str, Problem> {
        let start = self.place();
        if self.take_natural().is_some() {
            return Ok(&self.text[start..self.at]);
        }
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => {
                let in_number =
                    |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
                let rest = &self.text.as_bytes()[start..];
                self.at += rest.iter().position(|byte| !in_number(byte)).unwrap_or(rest.len());
                self.check(start, &self.text[start..self.at])
            }
            _ => self.word(what),
        }
    }

    /// Passes over a scalar.
    fn skip_scalar(&mut self) -> Walk {
        if self.peek() != Some(b'"') {
            return self.unquoted("a value").map(drop);
        }
        let at = self.at;
        let (raw, is_escaped) = self.raw_string("a value")?;
        if is_escaped { unescaped(at, raw).map(drop) } else { Ok(()) }
    }

    fn word(&mut self, what: &str) -> Result<&'l str, Problem> {
        let rest = &self.text[self.place()..];
        for word in ["null", "true", "false"] {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(word);
            }
            if !rest.is_empty() && word.starts_with(rest) {
                self.at = self.text.len();
            }
        }
        Err(self.expected(what))
    }

    /// The shapes of numbers are left to the JSON library.
    fn check(&mut self, start: usize, scalar: &'l str) -> Result<&'l str, Problem> {
        if serde_json::from_str::<serde_json::Value>(scalar).is_ok() {
            return Ok(scalar);
        }
        let (column, is_cut) = (start + 1, self.at == self.text.len());
        Err(Problem { column, text: format!("expected JSON, found `{scalar}`"), is_cut })
    }

    fn skip_nested(&mut self) -> Walk {
        let mut open = Vec::new();
        loop {
            let is_empty = match self.peek() {
                Some(bracket @ (b'{' | b'[')) => {
                    self.at += 1;
                    open.push(bracket + 2);
                    self.peek() == Some(bracket + 2)
                }
                _ => {
                    self.skip_scalar()?;
                    true
                }
            };
            if is_empty && self.close_all(&mut open)? {
                return Ok(());
            }
            if open.last() == Some(&b'}') {
                self.raw_string("a field's name")?;
                self.pass(b':', "`:`")?;
            }
        }
    }

    /// Closes what ends here. Whether that is all; if not, a comma was passed over.
    fn close_all(&mut self, open: &mut Vec<u8>) -> Result<bool, Problem> {
        while let Some(&bracket) = open.last() {
            if self.take(b',') {
                return Ok(false);
            }
            self.pass(bracket, if bracket == b'}' { "`,` or `}`" } else { "`,` or `]`" })?;
            open.pop();
        }
        Ok(true)
    }
}

impl<'l> Cursor for LineCursor<'l> {
    type Text = Cow<'l, str>;

    fn place(&mut self) -> usize {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.as_bytes().get(self.at) {
            self.at += 1;
        }
        self.at
    }

    fn expected(&mut self, what: &str) -> Problem {
        let at = self.place();
        let rest = &self.text[at..];
        let found = if rest.is_empty() { "the line's end".to_owned() } else { excerpt(rest) };
        Problem {
            column: at + 1,
            text: format!("expected {what}, found {found}"),
            is_cut: rest.is_empty(),
        }
    }

    fn is_null(&mut self) -> bool {
        self.peek() == Some(b'n')
    }

    fn is_list(&mut self) -> bool {
        self.peek() == Some(b'[')
    }

    fn is_map(&mut self) -> bool {
        self.peek() == Some(b'{')
    }

    fn object(&mut self, what: &str, mut entry: impl FnMut(&mut Self, &str) -> Walk) -> Walk {
        self.pass(b'{', what)?;
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            let name = self.string("a field's name")?;
            self.pass(b':', "`:`")?;
            entry(self, &name)?;
            if !self.take(b',') {
                return self.pass(b'}', "`,` or `}`");
            }
        }
    }

    fn array(&mut self, what: &str, mut element: impl FnMut(&mut Self) -> Walk) -> Walk {
        self.pass(b'[', what)?;
        if self.take(b']') {
            return Ok(());
        }
        loop {
            element(self)?;
            if !self.take(b',') {
                return self.pass(b']', "`,` or `]`");
            }
        }
    }

    fn enter(&mut self, what: &str) -> Walk {
        self.pass(b'[', what)
    }

    fn another(&mut self) -> bool {
        self.take(b',')
    }

    fn leave(&mut self) -> Walk {
        self.pass(b']', "`]`")
    }

    fn string(&mut self, what: &str) -> Result<Cow<'l, str>, Problem> {
        let (raw, is_escaped) = self.raw_string(what)?;
        match is_escaped {
            true => unescaped(self.at - raw.len(), raw).map(Cow::Owned),
            false => Ok(Cow::Borrowed(&raw[1..raw.len() - 1])),
        }
    }

    fn name(&mut self, what: &str) -> Result<Cow<'l, str>, Problem> {
        match self.peek() {
            Some(b'0'..=b'9') => self.scalar(what),
            _ => self.string(what),
        }
    }

    fn take_natural(&mut self) -> Option<u64> {
        const DIGITS_MAX: usize = 18;
        let start = self.place();
        let rest = &self.text.as_bytes()[start..];
        let mut number = 0;
        for (len, byte) in rest.iter().enumerate().take(DIGITS_MAX + 1) {
            match byte {
                b'0'..=b'9' => number = number * 10 + u64::from(byte - b'0'),
                b'.' | b'e' | b'E' => return None,
                _ if len == 0 || (rest[0] == b'0' && len > 1) => return None,
                _ => {
                    self.at += len;
                    return Some(number);
                }
            }
        }
        None
    }

    fn integer(&mut self, what: &str) -> Result<i64, Problem> {
        let start = self.place();
        let is_negative = self.take(b'-');
        let digits = self.at;
        let mut number: i64 = 0;
        while let Some(digit @ b'0'..=b'9') = self.text.as_bytes().get(self.at) {
            self.at += 1;
            number = number.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
        }
        let is_integer = digits < self.at && number < i64::MAX;
        if !is_integer || matches!(self.text.as_bytes().get(self.at), Some(b'.' | b'e' | b'E')) {
            let is_cut = self.at == self.text.len() && digits == self.at;
            self.at = if is_cut { self.at } else { start };
            return Err(self.expected(what));
        }
        Ok(if is_negative { -number } else { number })
    }

    fn scalar(&mut self, what: &str) -> Result<Cow<'l, str>, Problem> {
        if self.peek() == Some(b'"') {
            let at = self.at;
            let (raw, is_escaped) = self.raw_string(what)?;
            return if is_escaped {
                Ok(quoted(&unescaped(at, raw)?).into())
            } else {
                Ok(raw.into())
            };
        }
        self.unquoted(what).map(Cow::Borrowed)
    }

    fn skip(&mut self) -> Walk {
        match self.peek() {
            Some(b'{' | b'[') => self.skip_nested(),
            _ => self.skip_scalar(),
        }
    }

    fn skip_unread(&mut self) -> Walk {
        if !matches!(self.peek(), Some(b'{' | b'[')) {
            return self.skip_scalar();
        }
        let mut depth = 0_usize;
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => {
                    self.raw_string("a string")?;
                    continue;
                }
                Some(b'{' | b'[') => depth += 1,
                Some(b'}' | b']') => depth -= 1,
                Some(_) => {}
                None => return Err(self.expected("`]` or `}`")),
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
    }
}

/// The characters of a string with escapes, which is at `at`.
fn unescaped(at: usize, raw: &str) -> Result<String, Problem> {
    serde_json::from_str(raw)
        .map_err(|_| Problem::here(at, "expected a string, found one with a bad escape"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let scalar = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            (-1e9..1e9).prop_map(|number: f64| number.into()),
            ".{0,8}".prop_map(Into::into),
        ];
        scalar.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                proptest::collection::btree_map(".{0,4}", inner, 0..4)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn skip(text: &str) -> Result<(), Problem> {
        let mut cursor = LineCursor::of(text);
        cursor.skip()?;
        cursor.end()
    }

    proptest! {
        #[test]
        fn what_json_is_is_agreed_with_the_library(value in json(), damage: prop::sample::Index, byte in " -~") {
            let text = value.to_string();
            prop_assert!(skip(&text).is_ok(), "{}", text);
            let at = damage.index(text.len());
            if text.is_char_boundary(at) && text.is_char_boundary(at + 1) {
                let damaged = format!("{}{byte}{}", &text[..at], &text[at + 1..]);
                let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&damaged).is_ok();
                // Names of skipped fields may have bad escapes, and numbers be out of range: no matter to anyone.
                prop_assert!(skip(&damaged).is_ok() == is_json || damaged.contains(['\\', 'e', 'E']), "{}", damaged);
            }
        }

        #[test]
        fn a_cut_text_is_told_from_a_wrong_one(value in json(), cut: prop::sample::Index) {
            let text = format!("[{value}]");
            let mut cut = 1 + cut.index(text.len() - 1);
            while !text.is_char_boundary(cut) {
                cut += 1;
            }
            match skip(&text[..cut]) {
                Ok(()) => prop_assert_eq!(cut, text.len()),
                Err(problem) => prop_assert!(problem.is_cut, "{}: {}", &text[..cut], problem.text),
            }
        }

        #[test]
        fn integers_are_read_exactly(number in i64::MIN + 2..i64::MAX) {
            let read = LineCursor::of(&number.to_string()).integer("a number").ok();
            prop_assert_eq!(read, Some(number));
        }
    }

    #[test]
    fn numbers_that_are_no_integers_are_named() {
        let errors: Vec<String> = ["1.5", "99999999999999999999", "\"7\"", "-", "", "[1, 2]"]
            .map(|text| LineCursor::of(text).integer("an offset").unwrap_err().text)
            .into();
        insta::assert_snapshot!(errors.join("\n"), @r#"
        expected an offset, found `1.5`
        expected an offset, found `99999999999999999999`
        expected an offset, found `"7"`
        expected an offset, found the line's end
        expected an offset, found the line's end
        expected an offset, found `[1`
        "#);
    }

    #[test]
    fn the_deepest_text_is_passed_over() {
        let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        assert!(skip(&deep).is_ok());
    }
}
