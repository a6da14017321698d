//! Rules of the house that a program can check, over every source file and page of the repository.
//!
//! Each rule has a test of its own and says in its failure which file and line break it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold source.
const FOLDERS: [&str; 7] = ["sim", "model", "checker", "scenarios", "reports", "cli", "bench"];

/// Pages for readers.
const PAGES: [&str; 5] =
    ["README.md", "ARCHITECTURE.md", "FIDELITY.md", "CHANGELOG.md", "CONTRIBUTING.md"];

/// No file is longer than this, except [`LONG_FILES`].
const LINES_MAX: usize = 700;

/// Files that were longer when the rule came. None may be added.
const LONG_FILES: [&str; 2] = ["model/src/invariants/mod.rs", "model/src/log/unified_log.rs"];

/// A longer function says why: a line of its comment begins with `Long:`.
const FUNCTION_LINES_MAX: usize = 70;

/// What does not belong into source, in two halves so that this file may name it.
const FORBIDDEN: [(&str, &str); 6] =
    [("TO", "DO"), ("FIX", "ME"), ("XX", "X"), ("#[ig", "nore"), ("db", "g!("), ("un", "safe {")];

/// Families of rules in FIDELITY.md, as comments of the model call them.
const RULE_FAMILIES: [&str; 13] =
    ["L", "P", "F", "H", "E", "C", "K", "B", "Q", "PA", "PB", "CF", "G"];

/// A text file of the repository.
struct File {
    /// From the root, with `/`.
    name: String,
    text: String,
}

impl File {
    fn read(path: &Path) -> File {
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
        File { name, text: fs::read_to_string(path).unwrap() }
    }

    /// Whether all of it is for tests.
    fn is_test(&self) -> bool {
        let in_tests = self.name.contains("/tests/") || self.name.starts_with("bench/");
        let modules = ["tests.rs", "laws.rs", "test_host.rs", "fixture.rs", "scripted.rs"];
        in_tests || modules.iter().any(|module| self.name.ends_with(&format!("/{module}")))
    }

    /// The lines before the tests at its end.
    fn product(&self) -> &str {
        self.text.split("#[cfg(test)]\nmod tests {").next().unwrap()
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// All files below a folder that end so, but for what builds leave.
fn below(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            found.extend(below(&path, suffix));
        } else if path.to_str().unwrap().ends_with(suffix) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<File> {
    let of_folder = |folder: &str| below(&root().join(folder), ".rs");
    FOLDERS.into_iter().flat_map(of_folder).map(|path| File::read(&path)).collect()
}

/// Fails with every place that breaks a rule.
fn none(rule: &str, broken: Vec<String>) {
    assert!(broken.is_empty(), "{rule}:\n  {}", broken.join("\n  "));
}

/// The lines of `text` that `breaks` a rule, as `file:line: the line`.
fn lines(file: &File, text: &str, breaks: impl Fn(&str) -> bool) -> Vec<String> {
    let at = |(index, line): (usize, &str)| format!("{}:{}: {}", file.name, index + 1, line.trim());
    text.lines().enumerate().filter(|(_, line)| breaks(line)).map(at).collect()
}

#[test]
fn every_source_file_says_what_it_is() {
    let files = sources();
    assert!(files.len() > 200, "only {} files were found", files.len());
    let silent = files.iter().filter(|file| !file.text.starts_with("//! "));
    none("a source file begins with //!", silent.map(|file| file.name.clone()).collect());
}

#[test]
fn nothing_unfinished_is_left_behind() {
    let words = FORBIDDEN.map(|(left, right)| format!("{left}{right}"));
    let breaks = |line: &str| words.iter().any(|word| line.contains(word));
    let found = sources().iter().flat_map(|file| lines(file, &file.text, breaks)).collect();
    none("words that do not belong into source", found);
}

#[test]
fn the_product_never_unwraps() {
    let breaks = |line: &str| line.contains(".unwrap()") && !line.trim_start().starts_with("//");
    let files = sources();
    let product = files.iter().filter(|file| !file.is_test());
    let found = product.flat_map(|file| lines(file, file.product(), breaks)).collect();
    none("say with expect() why it cannot fail", found);
}

#[test]
fn no_file_grows_without_bounds() {
    let files = sources();
    let long: Vec<String> = files
        .iter()
        .filter(|file| file.text.lines().count() > LINES_MAX)
        .map(|file| file.name.clone())
        .collect();
    let new = long.iter().filter(|name| !LONG_FILES.contains(&name.as_str())).cloned().collect();
    none("files longer than they should be", new);
    let healed = LONG_FILES.iter().filter(|name| !long.iter().any(|long| long == *name));
    none("files that may come off the list", healed.map(ToString::to_string).collect());
}

#[test]
fn a_long_function_says_why() {
    let found = sources().iter().flat_map(long_functions).collect();
    none("functions that are long without a reason", found);
}

/// Functions as rustfmt lays them out: from the signature to a closing brace at its own indentation.
fn long_functions(file: &File) -> Vec<String> {
    let lines: Vec<&str> = file.text.lines().collect();
    let is_long = |&start: &usize| {
        let indent = lines[start].len() - lines[start].trim_start().len();
        let end = format!("{}}}", " ".repeat(indent));
        let length = lines[start..].iter().position(|line| *line == end).unwrap_or(0);
        length > FUNCTION_LINES_MAX && !is_explained(&lines, start)
    };
    (0..lines.len())
        .filter(|&index| is_signature(lines[index]))
        .filter(is_long)
        .map(|index| format!("{}:{}: {}", file.name, index + 1, lines[index].trim()))
        .collect()
}

fn is_signature(line: &str) -> bool {
    let words = line.trim_start();
    let is_item = ["fn ", "pub fn ", "pub(", "const fn ", "pub const fn "]
        .iter()
        .any(|begin| words.starts_with(begin));
    is_item && words.contains("fn ") && !words.ends_with(';')
}

fn is_explained(lines: &[&str], signature: usize) -> bool {
    let above = lines[..signature].iter().rev().map(|line| line.trim_start());
    above
        .take_while(|line| line.starts_with("//") || line.starts_with("#["))
        .any(|line| line.trim_start_matches('/').trim_start().starts_with("Long:"))
}

#[test]
fn the_readme_lists_the_catalogue() {
    let readme = page("README.md");
    let names = below(&root().join("scenarios/catalogue"), ".toml");
    let missing = names
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap())
        .filter(|name| !readme.contains(&format!("| `{name}` |")))
        .map(str::to_owned)
        .collect();
    none("scenarios that the table of README.md lacks", missing);
}

#[test]
fn the_changelog_knows_the_version() {
    let heading = format!("## {}", env!("CARGO_PKG_VERSION"));
    assert!(page("CHANGELOG.md").contains(&heading), "CHANGELOG.md has no heading {heading}");
}

#[test]
fn links_of_pages_lead_somewhere() {
    let dangling = PAGES.iter().flat_map(|name| dangling_links(name, &page(name))).collect();
    none("links to files that do not exist", dangling);
}

/// Links to files, `](path)`, that lead nowhere; addresses and anchors are left alone.
fn dangling_links(name: &str, text: &str) -> Vec<String> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', '#']).next())
        .filter(|target| !target.is_empty() && !target.contains("://"))
        .filter(|target| !root().join(target).exists())
        .map(|target| format!("{name}: {target}"))
        .collect()
}

#[test]
fn architecture_fits_into_one_sitting() {
    let length = page("ARCHITECTURE.md").lines().count();
    assert!(length <= 200, "ARCHITECTURE.md has {length} lines, more than 200");
}

#[test]
fn rules_that_comments_name_are_in_fidelity() {
    let known = rules(&page("FIDELITY.md"));
    assert!(known.len() > 80, "only {} rules were found in FIDELITY.md", known.len());
    let mut unknown = Vec::new();
    for file in sources().iter().filter(|file| file.name.starts_with("model/src")) {
        let comments = file.text.lines().filter(|line| {
            let words = line.trim_start();
            words.starts_with("///") || words.starts_with("//!")
        });
        let named = comments.flat_map(rules);
        unknown.extend(
            named.filter(|rule| !known.contains(rule)).map(|rule| format!("{}: {rule}", file.name)),
        );
    }
    none("rules that FIDELITY.md does not have", unknown);
}

/// The names of rules in a text: `F13`, and all of `F1-F6` and `L19 to L22`.
fn rules(text: &str) -> BTreeSet<String> {
    let cleaned = text.replace(" to ", "-");
    let words = cleaned.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.flat_map(expand).collect()
}

fn expand(word: &str) -> Vec<String> {
    match word.split_once('-').map(|(from, to)| (rule(from), rule(to))) {
        Some((Some((family, from)), Some((same, to)))) if family == same => {
            (from..=to).map(|number| format!("{family}{number}")).collect()
        }
        Some(_) => Vec::new(),
        None => {
            rule(word).map(|(family, number)| format!("{family}{number}")).into_iter().collect()
        }
    }
}

fn rule(word: &str) -> Option<(&str, u32)> {
    let digits = word.find(|c: char| c.is_ascii_digit())?;
    let (family, number) = word.split_at(digits);
    let number = number.parse().ok().filter(|&number| number > 0)?;
    RULE_FAMILIES.contains(&family).then_some((family, number))
}

#[test]
fn no_configuration_key_does_nothing() {
    let files = sources();
    let (config, rest): (Vec<&File>, Vec<&File>) =
        files.iter().partition(|file| file.name.starts_with("model/src/config/"));
    let fields: Vec<&str> = config.iter().flat_map(|file| fields(&file.text)).collect();
    assert!(fields.len() > 60, "only {} fields were found", fields.len());
    let product: Vec<&str> =
        config.iter().filter(|file| !file.is_test()).map(|file| file.product()).collect();
    let is_read = |field: &str| {
        let in_rest = rest.iter().any(|file| file.text.contains(&format!(".{field}")));
        in_rest || product.iter().any(|text| text.contains(&format!("self.{field}")))
    };
    let idle = fields.into_iter().filter(|field| !is_read(field)).map(str::to_owned).collect();
    none("fields of the configuration that nobody reads", idle);
}

/// The fields that definitions of keys name: `"min.insync.replicas" => min_insync_replicas: u32`.
fn fields(text: &str) -> Vec<&str> {
    let is_field = |name: &&str| name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let definitions = text.lines().filter(|line| line.trim_start().starts_with('"'));
    let after_arrow = definitions.filter_map(|line| line.split_once("\" => "));
    let names = after_arrow.filter_map(|(_, rest)| rest.split_once(':')).map(|(name, _)| name);
    names.filter(is_field).collect()
}

#[test]
fn rules_are_found_in_text() {
    let text = "When it grows (F13, L19 to L21; PB3). Not E0, KIP-101, W7 or KAFKA-7128.";
    let found: Vec<_> = rules(text).into_iter().collect();
    assert_eq!(found, ["F13", "L19", "L20", "L21", "PB3"]);
}

#[test]
fn long_functions_are_found() {
    let body = "    x();\n".repeat(FUNCTION_LINES_MAX + 1);
    let file = |comment: &str| File {
        name: "a.rs".to_owned(),
        text: format!("//! A.\n\n{comment}fn long() {{\n{body}}}\n"),
    };
    assert_eq!(long_functions(&file("")), ["a.rs:3: fn long() {"]);
    assert!(long_functions(&file("/// Does it.\n/// Long: one line per thing.\n")).is_empty());
}
