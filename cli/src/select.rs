//! From the words that name scenarios to the scenarios.

use std::fs;

use ktrial_scenarios::campaign::Case;
use ktrial_scenarios::catalogue;
use ktrial_scenarios::format::{Override, Scenario, TWIN_SUFFIX};

use crate::error::UserError;

/// The scenarios that words name, with changes made to each; the whole catalogue if there is no word.
///
/// # Errors
/// When a word names nothing, a file is wrong, or a change cannot be made.
pub fn cases(words: &[String], changes: &[Override]) -> Result<Vec<Case>, UserError> {
    let named = if words.is_empty() { whole_catalogue() } else { each(words)? };
    let mut cases: Vec<Case> = Vec::new();
    for (source, scenario) in named {
        let case = changed(source, &scenario, changes)?;
        match cases.iter().find(|known| known.scenario.name == case.scenario.name) {
            None => cases.push(case),
            Some(known) if known.scenario == case.scenario => {}
            Some(_) => return Err(UserError::SameName { name: case.scenario.name }),
        }
    }
    Ok(cases)
}

/// A scenario and the word that names it alone.
type Named = (String, Scenario);

fn whole_catalogue() -> Vec<Named> {
    catalogue::all().map(|scenario| (scenario.name.clone(), scenario)).collect()
}

fn each(words: &[String]) -> Result<Vec<Named>, UserError> {
    let mut named = Vec::new();
    for word in words {
        named.extend(one(word)?);
    }
    Ok(named)
}

fn one(word: &str) -> Result<Vec<Named>, UserError> {
    let (base, twin) = word.strip_suffix(TWIN_SUFFIX).map_or((word, false), |base| (base, true));
    if is_file(base) {
        return Ok(vec![(word.to_owned(), file(base, twin)?)]);
    }
    let mut all = whole_catalogue();
    all.retain(|(name, _)| matches(word, name));
    if all.is_empty() {
        let known = whole_catalogue().into_iter().map(|(name, _)| name);
        return Err(UserError::unknown_scenario(word, known));
    }
    Ok(all)
}

fn is_file(word: &str) -> bool {
    word.ends_with(".toml") || word.contains(std::path::MAIN_SEPARATOR)
}

fn file(path: &str, twin: bool) -> Result<Scenario, UserError> {
    let unreadable = |cause| UserError::File { path: path.into(), cause };
    let text = fs::read_to_string(path).map_err(unreadable)?;
    let stem =
        std::path::Path::new(path).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let scenario = Scenario::from_toml(&stem.unwrap_or_default(), &text)
        .map_err(|error| UserError::scenario_file(path, text, error))?;
    if !twin {
        return Ok(scenario);
    }
    let twin = scenario.twin().map_err(|error| UserError::change(path, error))?;
    twin.ok_or_else(|| UserError::NoTwin { scenario: path.to_owned() })
}

fn changed(source: String, scenario: &Scenario, changes: &[Override]) -> Result<Case, UserError> {
    let scenario = scenario.with(changes).map_err(|error| UserError::change(&source, error))?;
    let changes = changes.iter().map(|change| format!("{}={}", change.key, change.value)).collect();
    Ok(Case { scenario, source, changes })
}

/// Whether a name matches a pattern in which `*` stands for any characters and `?` for one.
fn matches(pattern: &str, name: &str) -> bool {
    let mut rest = pattern.chars();
    match (rest.next(), name.chars().next()) {
        (None, None) => true,
        (Some('*'), None) => matches(rest.as_str(), name),
        (Some('*'), Some(first)) => {
            matches(rest.as_str(), name) || matches(pattern, &name[first.len_utf8()..])
        }
        (Some(wanted), Some(first)) => {
            (wanted == '?' || wanted == first) && matches(rest.as_str(), &name[first.len_utf8()..])
        }
        (Some(_), None) | (None, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(words: &[&str]) -> Result<Vec<String>, String> {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        let cases = cases(&words, &[]).map_err(|error| error.to_string())?;
        Ok(cases.into_iter().map(|case| case.scenario.name).collect())
    }

    #[test]
    fn patterns_match_whole_names() {
        assert!(matches("acks-*", "acks-one-loses"));
        assert!(matches("*", ""));
        assert!(matches("*loses+twin", "acks-one-loses+twin"));
        assert!(matches("acks-???-loses", "acks-one-loses"));
        assert!(!matches("acks", "acks-one-loses"));
        assert!(!matches("?", ""));
    }

    #[test]
    fn no_word_is_the_whole_catalogue_with_twins() {
        let all = names(&[]).expect("the catalogue");
        assert_eq!(all.len(), 2 * catalogue::ENTRIES.len());
    }

    #[test]
    fn a_name_is_itself_alone_and_counts_once() {
        let twice = names(&["acks-one-loses", "acks-one-loses"]);
        assert_eq!(twice, Ok(vec!["acks-one-loses".to_owned()]));
        assert_eq!(names(&["acks-one-loses+twin"]), Ok(vec!["acks-one-loses+twin".to_owned()]));
    }

    #[test]
    fn an_unknown_name_is_refused() {
        assert_eq!(
            names(&["acks-won-loses"]),
            Err("no scenario is called `acks-won-loses`".to_owned())
        );
        assert_eq!(names(&["zzz-*"]), Err("no scenario is called `zzz-*`".to_owned()));
    }
}
