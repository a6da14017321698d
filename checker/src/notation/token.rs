//! A value as a flat row of tokens: what JSON and EDN have in common.
//!
//! ```text
//!   {:f :send, :value [[:send 0 nil]]}   ──►   Open(Map) Keyword(f) Keyword(send) Keyword(value)
//!                                                Open(List) Open(List) Keyword(send) Int(0) Null Close Close Close
//! ```
//! One [`Tokens`] serves a whole file, value after value, and so allocates almost nothing.

use super::Form;

/// A piece of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// `null`, `nil`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// Another scalar as EDN writes it: a float, a ratio, a big number, a character, a symbol.
    Raw(Text),
    /// A string.
    Str(Text),
    /// A keyword, without its colon.
    Keyword(Text),
    /// The tag of the value that follows, without its `#`.
    Tag(Text),
    /// A collection begins, whose [`Close`](Token::Close) is the token at this index.
    Open(Shape, u32),
    /// A collection ends.
    Close,
}

/// A kind of collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An array, a vector, a list in parentheses.
    List,
    /// A set.
    Set,
    /// A map: keys and values take turns.
    Map,
    /// A map that JSON cannot write as an object, because of its keys.
    Pairs,
}

/// Text of a token; [`Tokens::text`] resolves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    start: u32,
    len: u32,
}

/// One value as a row of tokens.
#[derive(Clone, Debug, Default)]
pub struct Tokens {
    row: Vec<Token>,
    /// Where each token begins in what was read, in bytes, or 0 if nobody told.
    places: Vec<u32>,
    /// Where the next token begins.
    place: u32,
    texts: String,
    open: Vec<u32>,
}

impl Tokens {
    /// No tokens yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the value, for the next one.
    pub fn clear(&mut self) {
        self.row.clear();
        self.places.clear();
        self.place = 0;
        self.texts.clear();
        self.open.clear();
    }

    /// The tokens in order.
    #[must_use]
    pub fn row(&self) -> &[Token] {
        &self.row
    }

    /// The next token begins at this byte.
    pub(super) fn begins_at(&mut self, place: usize) {
        self.place = small(place);
    }

    /// Where the token at `index` begins, in bytes; the last one's place, if there is none.
    pub(super) fn place(&self, index: usize) -> usize {
        self.places.get(index).or(self.places.last()).map_or(0, |&place| place as usize)
    }

    /// The value. Panics if there is none, or none that is complete.
    #[must_use]
    pub fn form(&self) -> Form<'_> {
        assert!(
            !self.row.is_empty() && self.open.is_empty(),
            "a value is complete when it is read"
        );
        Form::new(self, 0)
    }

    /// The value that begins at `index`.
    pub(super) fn form_at(&self, index: usize) -> Form<'_> {
        Form::new(self, index)
    }

    /// The characters of a token's text.
    #[must_use]
    pub fn text(&self, text: Text) -> &str {
        &self.texts[text.start as usize..(text.start + text.len) as usize]
    }

    /// Appends a token without text; [`open`](Self::open) and [`close`](Self::close) do for collections.
    pub fn push(&mut self, token: Token) {
        debug_assert!(!matches!(token, Token::Open(..) | Token::Close));
        self.put(token);
    }

    /// Appends an integer.
    pub fn int(&mut self, int: i64) {
        self.put(Token::Int(int));
    }

    /// Appends a string.
    pub fn string(&mut self, string: &str) {
        let text = self.keep(string);
        self.put(Token::Str(text));
    }

    /// Appends a keyword, given without its colon.
    pub fn keyword(&mut self, name: &str) {
        let text = self.keep(name);
        self.put(Token::Keyword(text));
    }

    /// Appends another scalar, as EDN writes it.
    pub fn raw(&mut self, scalar: &str) {
        let text = self.keep(scalar);
        self.put(Token::Raw(text));
    }

    /// Appends a tag, given without its `#`, of the value that comes next.
    pub fn tag(&mut self, tag: &str) {
        let text = self.keep(tag);
        self.put(Token::Tag(text));
    }

    /// Begins a collection.
    pub fn open(&mut self, shape: Shape) {
        self.open.push(self.index());
        self.put(Token::Open(shape, 0));
    }

    /// Ends the collection that was begun last. Panics if none is open.
    pub fn close(&mut self) {
        let open = self.open.pop().expect("a collection is open");
        let end = self.index();
        if let Token::Open(_, at) = &mut self.row[open as usize] {
            *at = end;
        }
        self.put(Token::Close);
    }

    /// Puts a tag before the value. Panics if a collection is open.
    pub(super) fn tag_all(&mut self, tag: &str) {
        assert!(self.open.is_empty(), "a value is tagged when it is complete");
        let text = self.keep(tag);
        for token in &mut self.row {
            if let Token::Open(_, end) = token {
                *end += 1;
            }
        }
        self.row.insert(0, Token::Tag(text));
        self.places.insert(0, self.place(0) as u32);
    }

    /// Turns every keyword, and every scalar that is a map's key, into a string, for readers who know JSON alone.
    pub(crate) fn plain(&mut self) {
        for at in 0..self.row.len() {
            match self.row[at] {
                Token::Keyword(text) => self.row[at] = Token::Str(text),
                Token::Open(Shape::Map | Shape::Pairs, _) => self.plain_keys(at),
                _ => {}
            }
        }
    }

    fn plain_keys(&mut self, map: usize) {
        self.reshape(map, Shape::Map);
        let mut next = self.form_at(map).parts().next().map(Form::index);
        while let Some(at) = next {
            next = self.form_at(at).next().and_then(Form::next).map(Form::index);
            self.row[at] = match self.row[at] {
                Token::Int(int) => Token::Str(self.keep(&int.to_string())),
                Token::Raw(text) => Token::Str(text),
                other => other,
            };
        }
    }

    /// Takes back everything from `index` on: a value that does not count after all.
    pub(super) fn truncate(&mut self, index: usize) {
        self.row.truncate(index);
        self.places.truncate(index);
    }

    /// Puts another token in a token's place.
    pub(crate) fn replace(&mut self, index: usize, token: Token) {
        self.row[index] = token;
    }

    /// Makes the collection that begins at `index` one of another shape.
    pub(super) fn reshape(&mut self, index: usize, to: Shape) {
        if let Token::Open(shape, _) = &mut self.row[index] {
            *shape = to;
        }
    }

    /// Keeps text for a token.
    pub(crate) fn keep(&mut self, text: &str) -> Text {
        let start = self.texts.len();
        self.texts.push_str(text);
        Text { start: small(start), len: small(text.len()) }
    }

    fn put(&mut self, token: Token) {
        self.row.push(token);
        self.places.push(self.place);
    }

    fn index(&self) -> u32 {
        small(self.row.len())
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).expect("a value takes less than 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_takes_16_bytes() {
        assert_eq!(size_of::<Token>(), 16);
    }

    #[test]
    fn an_opening_token_knows_its_closing_one() {
        let mut tokens = Tokens::new();
        tokens.open(Shape::List);
        tokens.open(Shape::Map);
        tokens.close();
        tokens.int(7);
        tokens.close();
        assert_eq!(tokens.row()[0], Token::Open(Shape::List, 4));
        assert_eq!(tokens.row()[1], Token::Open(Shape::Map, 2));
    }
}
