//! Lengths of simulated time as people write them: a number and a unit, `500ms`, `2s`, `1.204s`.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Units from the longest to the shortest, with their nanoseconds.
const UNITS: [(&str, u64); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// A length of simulated time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration {
    /// The length in nanoseconds.
    pub nanos: u64,
}

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self { nanos: 0 };

    /// A length of `seconds` seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self { nanos: seconds * 1_000_000_000 }
    }

    /// A length of `millis` milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self { nanos: millis * 1_000_000 }
    }

    /// The length in whole milliseconds.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.nanos / 1_000_000
    }

    /// A length of `micros` microseconds.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self { nanos: micros * 1_000 }
    }
}

impl fmt::Display for Duration {
    /// Writes the longest unit that needs no fraction, so that reading it back gives the same length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole =
            UNITS.iter().find(|(_, nanos)| self.nanos.is_multiple_of(*nanos) && self.nanos > 0);
        let (unit, nanos) = whole.unwrap_or(&("s", 1_000_000_000));
        write!(f, "{}{unit}", self.nanos / nanos)
    }
}

/// The text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a duration such as `500ms`, `2s` or `1m`, found `{0}`")]
pub struct DurationError(String);

impl FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let wrong = || DurationError(text.to_owned());
        let unit = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let (number, unit) = text.split_at(unit);
        let (_, nanos) =
            UNITS.iter().find(|(name, _)| *name == unit.trim_start()).ok_or_else(wrong)?;
        scaled(number, *nanos).map(|nanos| Self { nanos }).ok_or_else(wrong)
    }
}

/// The decimal `number` times `scale`; none when it is no number, too large or not whole.
fn scaled(number: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let divisor = 10u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let parts = fraction.parse::<u64>().ok()?.checked_mul(scale)?;
    let whole = whole.parse::<u64>().ok()?.checked_mul(scale)?;
    if parts.is_multiple_of(divisor) { whole.checked_add(parts / divisor) } else { None }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^[0-9]+(\\.[0-9]+)? *(h|m|s|ms|us|ns)$",
            "description": "A length of simulated time: a number and a unit, `500ms`, `2s`, `1.204s`."
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_every_unit() {
        let nanos = |text: &str| text.parse::<Duration>().map(|duration| duration.nanos);
        assert_eq!(nanos("3ns"), Ok(3));
        assert_eq!(nanos("3us"), Ok(3_000));
        assert_eq!(nanos("500ms"), Ok(500_000_000));
        assert_eq!(nanos("2 s"), Ok(2_000_000_000));
        assert_eq!(nanos("1.204s"), Ok(1_204_000_000));
        assert_eq!(nanos("1m"), Ok(60_000_000_000));
        assert_eq!(nanos("1h"), Ok(3_600_000_000_000));
    }

    #[test]
    fn refuses_what_has_no_unit_no_number_or_no_room() {
        for text in ["", "5", "ms", "-1s", "1.5ns", "1.s", "1.2.3s", "5 minutes", "99999999999999h"]
        {
            assert_eq!(text.parse::<Duration>(), Err(DurationError(text.to_owned())), "{text}");
        }
    }

    proptest! {
        #[test]
        fn reads_back_what_it_prints(nanos: u64) {
            prop_assert_eq!(Duration { nanos }.to_string().parse(), Ok(Duration { nanos }));
        }
    }
}
