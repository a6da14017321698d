//! A value among tokens, and the ways into it.

use super::{FormCursor, Shape, Text, Token, Tokens};

/// A value: a scalar, or a collection with all that is in it, with the tags before it.
#[derive(Clone, Copy, Debug)]
pub struct Form<'t> {
    tokens: &'t Tokens,
    at: usize,
}

impl<'t> Form<'t> {
    pub(super) fn new(tokens: &'t Tokens, at: usize) -> Self {
        Form { tokens, at }
    }

    /// Where the value begins in the row.
    pub(crate) fn index(self) -> usize {
        self.at
    }

    /// A way over the value, from its first token on.
    pub(crate) fn cursor(self) -> FormCursor<'t> {
        FormCursor::new(self.tokens, self.at)
    }

    /// The characters of a token's text.
    pub(super) fn resolve(self, text: Text) -> &'t str {
        self.tokens.text(text)
    }

    /// The first token: the scalar, the beginning of the collection, or a tag.
    #[must_use]
    pub fn token(self) -> Token {
        self.tokens.row()[self.at]
    }

    /// The tag, if there is one, without its `#`.
    #[must_use]
    pub fn tag(self) -> Option<&'t str> {
        match self.token() {
            Token::Tag(tag) => Some(self.resolve(tag)),
            _ => None,
        }
    }

    /// The value without its tags.
    #[must_use]
    pub fn untagged(self) -> Self {
        match self.token() {
            Token::Tag(_) => self.after_tag().untagged(),
            _ => self,
        }
    }

    /// The value after the first token, which is a tag.
    pub(super) fn after_tag(self) -> Self {
        Form { at: self.at + 1, ..self }
    }

    /// Whether it is `null` or `nil`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.token() == Token::Null
    }

    /// The truth value, if it is one.
    #[must_use]
    pub fn bool(self) -> Option<bool> {
        match self.token() {
            Token::Bool(bool) => Some(bool),
            _ => None,
        }
    }

    /// The integer, if it is one.
    #[must_use]
    pub fn int(self) -> Option<i64> {
        match self.token() {
            Token::Int(int) => Some(int),
            _ => None,
        }
    }

    /// The characters of a string or a keyword: JSON has only strings where EDN has keywords.
    #[must_use]
    pub fn text(self) -> Option<&'t str> {
        match self.token() {
            Token::Str(text) | Token::Keyword(text) => Some(self.resolve(text)),
            _ => None,
        }
    }

    /// The characters of a scalar that is no integer, string or keyword, as EDN writes it.
    #[must_use]
    pub fn raw(self) -> Option<&'t str> {
        match self.token() {
            Token::Raw(text) => Some(self.resolve(text)),
            _ => None,
        }
    }

    /// The elements, if it is a list.
    #[must_use]
    pub fn list(self) -> Option<Forms<'t>> {
        matches!(self.token(), Token::Open(Shape::List, _)).then(|| self.parts())
    }

    /// The elements, if it is a set.
    #[must_use]
    pub fn set(self) -> Option<Forms<'t>> {
        matches!(self.token(), Token::Open(Shape::Set, _)).then(|| self.parts())
    }

    /// Keys and values, if it is a map.
    #[must_use]
    pub fn entries(self) -> Option<Entries<'t>> {
        matches!(self.token(), Token::Open(Shape::Map | Shape::Pairs, _))
            .then(|| Entries { parts: self.parts() })
    }

    /// The value of a map's entry with this string or keyword as its key.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Form<'t>> {
        self.entries()?.find(|(entry, _)| entry.text() == Some(key)).map(|(_, value)| value)
    }

    /// All that is directly in a collection; nothing in a scalar.
    #[must_use]
    pub fn parts(self) -> Forms<'t> {
        match self.token() {
            Token::Open(_, end) => {
                Forms { tokens: self.tokens, at: self.at + 1, end: end as usize }
            }
            _ => Forms { tokens: self.tokens, at: self.at, end: self.at },
        }
    }

    /// The value that follows in the same collection.
    pub(super) fn next(self) -> Option<Self> {
        let at = self.end();
        let is_value = self.tokens.row().get(at).is_some_and(|&token| token != Token::Close);
        is_value.then_some(Form { at, ..self })
    }

    /// The index after the value's last token.
    pub(super) fn end(self) -> usize {
        match self.token() {
            Token::Tag(_) => self.after_tag().end(),
            Token::Open(_, end) => end as usize + 1,
            _ => self.at + 1,
        }
    }

    /// Whether both are the same data. Maps and sets are compared in the order they are written in.
    #[must_use]
    pub fn same_as(self, other: Form<'_>) -> bool {
        let (these, others) = (self.at..self.end(), other.at..other.end());
        these.len() == others.len()
            && these.zip(others).all(|(this, that)| {
                Form { at: this, ..self }.same_token(Form { at: that, ..other })
            })
    }

    fn same_token(self, other: Form<'_>) -> bool {
        match (self.token(), other.token()) {
            (Token::Str(a), Token::Str(b))
            | (Token::Keyword(a), Token::Keyword(b))
            | (Token::Raw(a), Token::Raw(b))
            | (Token::Tag(a), Token::Tag(b)) => self.resolve(a) == other.resolve(b),
            (Token::Open(a, _), Token::Open(b, _)) => a.as_edn() == b.as_edn(),
            (this, that) => this == that,
        }
    }
}

impl Shape {
    /// EDN writes every map alike.
    pub(super) fn as_edn(self) -> Shape {
        if self == Shape::Pairs { Shape::Map } else { self }
    }
}

/// Values one after the other.
#[derive(Clone, Debug)]
pub struct Forms<'t> {
    tokens: &'t Tokens,
    at: usize,
    end: usize,
}

impl<'t> Iterator for Forms<'t> {
    type Item = Form<'t>;

    fn next(&mut self) -> Option<Form<'t>> {
        if self.at >= self.end {
            return None;
        }
        let form = Form { tokens: self.tokens, at: self.at };
        self.at = form.end();
        Some(form)
    }
}

/// Keys with their values.
#[derive(Clone, Debug)]
pub struct Entries<'t> {
    parts: Forms<'t>,
}

impl<'t> Iterator for Entries<'t> {
    type Item = (Form<'t>, Form<'t>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.parts.next()?;
        Some((key, self.parts.next().expect("readers refuse a key without a value")))
    }
}
