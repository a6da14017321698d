//! Numbers as people read them.

/// A whole number with commas between groups of three digits: `1,204,000`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A large number in three or four digits and a letter: `950`, `1.2k`, `350k`, `15.2M`.
#[must_use]
pub(crate) fn short(number: u64) -> String {
    let (unit, letter) = match number {
        0..1_000 => return number.to_string(),
        1_000..1_000_000 => (1_000, 'k'),
        1_000_000..1_000_000_000 => (1_000_000, 'M'),
        _ => (1_000_000_000, 'G'),
    };
    let whole = number / unit;
    if whole < 100 {
        format!("{whole}.{}{letter}", number % unit * 10 / unit)
    } else {
        format!("{whole}{letter}")
    }
}

/// Nanoseconds as seconds, to the microsecond: `1.204000s`. Equal instants have equal texts of equal length up to 10 s.
#[must_use]
pub fn seconds(nanos: u64) -> String {
    format!("{}.{:06}s", nanos / 1_000_000_000, nanos % 1_000_000_000 / 1_000)
}

/// One thing or several: `1 seed`, `3 seeds`.
#[must_use]
pub(crate) fn counted(count: u64, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", grouped(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_of_three_digits() {
        let texts = [0, 999, 1_000, 1_204_000].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "1,204,000"]);
    }

    #[test]
    fn large_numbers_are_short() {
        let texts = [999, 1_000, 99_999, 350_000, 15_249_999, 7_000_000_000].map(short);
        assert_eq!(texts, ["999", "1.0k", "99.9k", "350k", "15.2M", "7.0G"]);
    }

    #[test]
    fn time_is_in_seconds_to_the_microsecond() {
        assert_eq!(seconds(1_204_000_999), "1.204000s");
        assert_eq!(seconds(0), "0.000000s");
    }

    #[test]
    fn one_is_singular() {
        assert_eq!([0, 1, 2].map(|count| counted(count, "seed")), ["0 seeds", "1 seed", "2 seeds"]);
    }
}
