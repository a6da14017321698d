//! Sentences broken into lines.

/// `text` in lines of at most `width` columns, the first after `first` and the others after as many spaces. A word longer than
/// a line has a line of its own.
pub(crate) fn wrapped(text: &str, first: &str, width: u16) -> String {
    let indent = " ".repeat(first.chars().count());
    let mut lines = vec![first.to_owned()];
    let mut empty = true;
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        let length = line.chars().count() + usize::from(!empty) + word.chars().count();
        if !empty && length > usize::from(width) {
            lines.push(format!("{indent}{word}"));
            continue;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn lines_are_no_longer_than_the_width_and_lose_no_word() {
        let text = "the leader acknowledged what nobody else had";
        assert_eq!(
            wrapped(text, "- ", 20),
            "- the leader\n  acknowledged what\n  nobody else had\n"
        );
        assert_eq!(wrapped(text, "- ", 100), "- the leader acknowledged what nobody else had\n");
    }

    #[test]
    fn a_word_longer_than_a_line_stays_whole() {
        assert_eq!(wrapped("a longer-than-that b", "", 5), "a\nlonger-than-that\nb\n");
    }
}
