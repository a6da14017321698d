//! Words, numbers and strings of EDN.

/// Whether `byte` may be in a symbol, a keyword, a number or a tag.
pub(super) fn is_word(byte: u8) -> bool {
    WORD[byte as usize]
}

const WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = byte >= 0x80 || (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let marks = b".*+!-_?$%&=<>/:#'|";
    let mut at = 0;
    while at < marks.len() {
        table[marks[at] as usize] = true;
        at += 1;
    }
    table
};

/// Whether `text` can be the name of a keyword.
pub(in crate::notation) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_word)
}

/// Whether `text` can be a tag: `#_`, `##` and `#'` mean something else.
pub(in crate::notation) fn is_tag(text: &str) -> bool {
    is_name(text) && !text.starts_with(['_', '#', '\''])
}

/// The integer that `text` says, if it is written the only way an integer of 64 bits can be.
pub(in crate::notation) fn int(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    match digits.as_bytes() {
        [b'0'] if digits.len() == text.len() => Some(0),
        [b'1'..=b'9', ..] => text.parse().ok(),
        _ => None,
    }
}

/// Whether `text` is a number of another kind: `1N`, `2/3`, `-1.5e-3`, `1.0M`, `007`, `0xff`, `16rff`.
pub(super) fn is_number(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, rest) = split_digits(text);
    if whole.is_empty() {
        return false;
    }
    match rest.as_bytes() {
        [] | [b'N'] => true,
        [b'/', ..] => is_digits(&rest[1..]),
        [b'x' | b'X' | b'r' | b'R', digits @ ..] => {
            !digits.is_empty() && digits.iter().all(u8::is_ascii_alphanumeric)
        }
        _ => is_fraction(rest),
    }
}

/// `.5`, `.5e10`, `e-3M`, `M`: what may come after the digits of a float.
fn is_fraction(text: &str) -> bool {
    let text = text.strip_suffix('M').unwrap_or(text);
    let text = text.strip_prefix('.').map_or(text, |fraction| split_digits(fraction).1);
    match text.strip_prefix(['e', 'E']) {
        Some(exponent) => is_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
        None => text.is_empty(),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && split_digits(text).1.is_empty()
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// A string without its escapes, or the index of the one that means nothing.
pub(super) fn unescape(text: &str) -> Result<String, (usize, String)> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        let (character, len) = escape(&rest[at + 1..]).ok_or_else(|| {
            (text.len() - rest.len() + at, "expected an escape that exists".to_owned())
        })?;
        plain.push(character);
        rest = &rest[at + 1 + len..];
    }
    plain.push_str(rest);
    Ok(plain)
}

/// The character that an escape (without its backslash) means, and the escape's length.
fn escape(text: &str) -> Option<(char, usize)> {
    let plain = |character| Some((character, 1));
    match text.as_bytes().first()? {
        b'n' => plain('\n'),
        b't' => plain('\t'),
        b'r' => plain('\r'),
        b'b' => plain('\u{8}'),
        b'f' => plain('\u{c}'),
        quoted @ (b'"' | b'\\') => plain(char::from(*quoted)),
        b'u' => unicode(text),
        b'0'..=b'7' => octal(text),
        _ => None,
    }
}

/// `u03bb`, or `ud83d\ude00` for what takes two UTF-16 units.
fn unicode(text: &str) -> Option<(char, usize)> {
    let high = utf16_unit(text)?;
    match char::from_u32(high) {
        Some(character) => Some((character, 5)),
        None => {
            let low = utf16_unit(text.get(5..)?.strip_prefix('\\')?)?;
            let units = [u16::try_from(high).ok()?, u16::try_from(low).ok()?];
            char::decode_utf16(units).next()?.ok().map(|character| (character, 11))
        }
    }
}

fn utf16_unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix('u')?.get(..4)?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(())?;
    u32::from_str_radix(digits, 16).ok()
}

fn octal(text: &str) -> Option<(char, usize)> {
    let digits = text.bytes().take(3).take_while(|digit| matches!(digit, b'0'..=b'7')).count();
    let code = u8::from_str_radix(&text[..digits], 8).ok()?;
    Some((char::from(code), digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_is_written_one_way() {
        for (text, expected) in
            [("0", Some(0)), ("-12", Some(-12)), ("9223372036854775807", Some(i64::MAX))]
        {
            assert_eq!(int(text), expected, "{text}");
        }
        for text in ["-0", "+1", "007", "1.0", "9223372036854775808", "1N", "-", ""] {
            assert_eq!(int(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_of_other_kinds_are_known() {
        for text in
            ["-0", "+1", "007", "1N", "2/3", "-1.5e-3", "1.", "1.0M", "1M", "1e5", "0xff", "16rFF"]
        {
            assert!(is_number(text), "{text}");
        }
        for text in ["", "-", "1x", "1/", "1.5e", "1.2.3", "1NM", "0x", "1e+-5"] {
            assert!(!is_number(text), "{text}");
        }
    }

    #[test]
    fn escapes_are_undone_and_unknown_ones_refused() {
        assert_eq!(unescape(r#"a\n\"\\\u03bb\ud83d\ude00\101"#).as_deref(), Ok("a\n\"\\λ😀A"));
        for (text, at) in [(r"ab\q", 2), (r"\ud83d", 0), (r"\u12", 0), (r"\777", 0)] {
            assert_eq!(unescape(text).map_err(|(at, _)| at), Err(at), "{text}");
        }
    }
}
