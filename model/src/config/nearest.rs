//! Which key was meant: the nearest one, over the keys of every scope.

use super::scope::Scope;

/// The known key with the fewest edits (insert, delete, replace, swap neighbours) from `key`, and its scope. Among
/// equals one of `scope`, then the first. Upper case, `_` and `-` count as Kafka's own spelling: `LINGER_MS` is near.
pub(super) fn nearest(scope: Scope, key: &str) -> (Scope, &'static str) {
    let key = spelt_as_kafka(key);
    known_keys()
        .min_by_key(|&(home, known)| (strsim::osa_distance(&key, known), home != scope))
        .expect("there are keys in every scope")
}

/// The scopes that have exactly this key, in words; `None` if there is none.
pub(super) fn homes(key: &str) -> Option<String> {
    let homes = known_keys().filter(|&(_, known)| known == key);
    homes.map(|(scope, _)| scope.to_string()).reduce(|homes, next| format!("{homes} and {next}"))
}

/// Every key Kafka has, modelled or not, but for the families that are known by prefix only.
fn known_keys() -> impl Iterator<Item = (Scope, &'static str)> {
    Scope::ALL.into_iter().flat_map(|scope| {
        let modelled = scope.definitions().iter().map(|definition| definition.key);
        let unmodelled = scope.unmodelled().iter().map(|unmodelled| unmodelled.key);
        let unmodelled = unmodelled.filter(|key| !key.ends_with('*'));
        modelled.chain(unmodelled).map(move |key| (scope, key))
    })
}

fn spelt_as_kafka(key: &str) -> String {
    key.trim().to_ascii_lowercase().replace(['_', '-'], ".")
}
