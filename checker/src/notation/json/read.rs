//! A line of JSON to tokens, in one pass.

use super::{EDN, KEYWORD, PAIRS, SET, TAGGED};
use crate::notation::edn::{lexer, scalar};
use crate::notation::{Problem, Shape, Token, Tokens};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

/// Reads the value that `line` is into `tokens`.
///
/// # Errors
/// What is wrong with the line, and in which column.
pub(crate) fn read(line: &str, tokens: &mut Tokens) -> Result<(), Problem> {
    tokens.clear();
    let mut deserializer = serde_json::Deserializer::from_str(line);
    Value(tokens).deserialize(&mut deserializer)?;
    Ok(deserializer.end()?)
}

/// Any value, appended to the tokens.
struct Value<'t>(&'t mut Tokens);

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.push(Token::Null);
        Ok(())
    }

    fn visit_bool<E>(self, bool: bool) -> Result<(), E> {
        self.0.push(Token::Bool(bool));
        Ok(())
    }

    fn visit_i64<E>(self, int: i64) -> Result<(), E> {
        self.0.int(int);
        Ok(())
    }

    fn visit_u64<E>(self, int: u64) -> Result<(), E> {
        match i64::try_from(int) {
            Ok(int) => self.0.int(int),
            Err(_) => self.0.raw(&int.to_string()),
        }
        Ok(())
    }

    fn visit_f64<E: Error>(self, float: f64) -> Result<(), E> {
        self.0.raw(&serde_json::to_string(&float).map_err(E::custom)?);
        Ok(())
    }

    fn visit_str<E>(self, string: &str) -> Result<(), E> {
        self.0.string(string);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<(), A::Error> {
        Elements(self.0, Shape::List).visit_seq(elements)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let tokens = self.0;
        let Some(first) = entries.next_key::<Name<'_>>()? else {
            tokens.open(Shape::Map);
            tokens.close();
            return Ok(());
        };
        match &*first.0 {
            KEYWORD => tokens.keyword(&word::<A>(&mut entries, "a keyword", scalar::is_name)?),
            EDN => tokens.raw(&word::<A>(&mut entries, "a scalar of EDN", lexer::is_scalar)?),
            SET => entries.next_value_seed(Elements(tokens, Shape::Set))?,
            PAIRS => entries.next_value_seed(Pairs(tokens))?,
            TAGGED => entries.next_value_seed(Tagged(tokens))?,
            _ => return object(tokens, first, entries),
        }
        match entries.next_key::<Name<'_>>()? {
            None => Ok(()),
            Some(more) => Err(A::Error::custom(format!(
                "expected `{}` alone, found `{}` too",
                first.0, more.0
            ))),
        }
    }
}

fn object<'de, A: MapAccess<'de>>(
    tokens: &mut Tokens,
    first: Name<'de>,
    mut entries: A,
) -> Result<(), A::Error> {
    tokens.open(Shape::Map);
    let mut next = Some(first);
    while let Some(name) = next {
        tokens.string(&name.0);
        entries.next_value_seed(Value(tokens))?;
        next = entries.next_key()?;
    }
    tokens.close();
    Ok(())
}

/// The text of `{"$keyword":"text"}` and its like, if it is `expected`.
fn word<'de, A: MapAccess<'de>>(
    entries: &mut A,
    expected: &str,
    is_expected: fn(&str) -> bool,
) -> Result<Cow<'de, str>, A::Error> {
    let Name(text) = entries.next_value()?;
    if is_expected(&text) {
        Ok(text)
    } else {
        Err(A::Error::custom(format!("expected {expected}, found `{text}`")))
    }
}

/// The values of an array.
struct Elements<'t>(&'t mut Tokens, Shape);

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        self.0.open(self.1);
        while elements.next_element_seed(Value(self.0))?.is_some() {}
        self.0.close();
        Ok(())
    }
}

/// An array of `[key, value]`.
struct Pairs<'t>(&'t mut Tokens);

impl<'de> Visitor<'de> for Pairs<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of [key, value]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut pairs: A) -> Result<(), A::Error> {
        self.0.open(Shape::Pairs);
        while pairs.next_element_seed(Pair(self.0))?.is_some() {}
        self.0.close();
        Ok(())
    }
}

/// `[key, value]`.
struct Pair<'t>(&'t mut Tokens);

impl<'de> Visitor<'de> for Pair<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key, value]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> Result<(), A::Error> {
        for place in 0..2 {
            pair.next_element_seed(Value(self.0))?
                .ok_or_else(|| A::Error::invalid_length(place, &"[key, value]"))?;
        }
        Ok(())
    }
}

/// `["tag", value]`.
struct Tagged<'t>(&'t mut Tokens);

impl<'de> Visitor<'de> for Tagged<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[\"tag\", value]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> Result<(), A::Error> {
        let Name(tag) = pair.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &self))?;
        if !scalar::is_tag(&tag) {
            return Err(A::Error::custom(format!("expected a tag, found `{tag}`")));
        }
        self.0.tag(&tag);
        pair.next_element_seed(Value(self.0))?
            .ok_or_else(|| A::Error::invalid_length(1, &"[\"tag\", value]"))
    }
}

macro_rules! seed {
    ($visitor:ident, $method:ident) => {
        impl<'de> DeserializeSeed<'de> for $visitor<'_> {
            type Value = ();

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
                deserializer.$method(self)
            }
        }
    };
}

seed!(Value, deserialize_any);
seed!(Elements, deserialize_seq);
seed!(Pairs, deserialize_seq);
seed!(Pair, deserialize_seq);
seed!(Tagged, deserialize_seq);

/// A string, borrowed from the line if it has no escapes.
#[derive(Deserialize)]
struct Name<'l>(#[serde(borrow)] Cow<'l, str>);
