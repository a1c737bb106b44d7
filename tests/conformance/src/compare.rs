//! Two states side by side, volatile fields aside.

use seatbelt_connector_kit::Connector;
use seatbelt_model::{
    Snapshot,
    json::{self, Pointer},
};

use crate::State;

/// More differences than this help nobody.
const SHOWN: usize = 12;

/// What `actual` lacks, has too many of, and holds otherwise than `expected`, each as `resource key: what`.
#[must_use]
pub fn differences(connector: &Connector, expected: &State, actual: &State) -> Vec<String> {
    let nothing = std::collections::BTreeMap::new();
    let mut found = Vec::new();
    let names: std::collections::BTreeSet<&String> = expected.keys().chain(actual.keys()).collect();
    for name in names {
        let (expected, actual) = (
            expected.get(name).unwrap_or(&nothing),
            actual.get(name).unwrap_or(&nothing),
        );
        for (key, line) in expected {
            match actual.get(key) {
                None => found.push(format!("{name} {key}: missing")),
                Some(other) if !is_same(connector, name, line, other) => {
                    found.push(format!("{name} {key}: differs{}", members(line, other)));
                }
                Some(_) => {}
            }
        }
        found.extend(
            actual
                .keys()
                .filter(|key| !expected.contains_key(*key))
                .map(|key| format!("{name} {key}: too much")),
        );
    }
    found
}

/// The members that two lines do not share, one a line.
fn members(expected: &str, actual: &str) -> String {
    let parse =
        |line: &str| serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(line).unwrap_or_default();
    let (expected, actual) = (parse(expected), parse(actual));
    let names: std::collections::BTreeSet<&String> = expected.keys().chain(actual.keys()).collect();
    let show = |value: Option<&serde_json::Value>| {
        value.map_or_else(
            || "nothing".to_owned(),
            |value| value.to_string().chars().take(200).collect(),
        )
    };
    let differ = names
        .into_iter()
        .filter(|name| expected.get(*name) != actual.get(*name));
    differ
        .map(|name| {
            format!(
                "\n    {name}: expected {}, is {}",
                show(expected.get(name)),
                show(actual.get(name))
            )
        })
        .collect()
}

/// Whether two lines of a resource are one record in one state.
pub(crate) fn is_same(connector: &Connector, resource: &str, one: &str, other: &str) -> bool {
    let volatile = connector
        .resource(resource)
        .map(|resource| resource.volatile)
        .unwrap_or_default();
    let volatile: Vec<Pointer> = volatile.iter().map(|pointer| Pointer::new(pointer)).collect();
    json::same(one, other, &volatile)
}

/// Fails with the differences, if there are some.
#[track_caller]
pub(crate) fn assert_same(what: &str, connector: &Connector, expected: &State, actual: &State) {
    let found = differences(connector, expected, actual);
    assert!(found.is_empty(), "{what}: {}", shorten(&found));
}

/// The first of many, one a line.
pub(crate) fn shorten(found: &[String]) -> String {
    let shown: Vec<String> = found
        .iter()
        .take(SHOWN)
        .map(|line| line.chars().take(1_500).collect())
        .collect();
    format!("{} findings\n  {}", found.len(), shown.join("\n  "))
}

/// Everything the receipts hold against a snapshot.
pub(crate) fn gaps(snapshot: &Snapshot) -> Vec<String> {
    let resources = snapshot.resources.iter();
    let gaps = resources.flat_map(|(name, state)| state.receipt.gaps.iter().map(move |gap| format!("{name} {gap:?}")));
    gaps.collect()
}
