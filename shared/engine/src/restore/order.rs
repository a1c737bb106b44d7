//! In which order resources are given back: what others refer to comes first.

use seatbelt_connector_kit::{Connector, Resource};

/// All resources, each behind its parent, what it refers to, and what it names in `after`; else as the connector lists them. Where
/// they wait for each other in a circle, the connector's order decides, and references to what comes later are filled in afterwards.
pub(super) fn order(connector: &Connector) -> Vec<&'static Resource> {
    let mut left: Vec<&'static Resource> = connector.resources.to_vec();
    let mut ordered = Vec::new();
    while !left.is_empty() {
        let waits = |resource: &Resource| needs(resource).any(|name| left.iter().any(|other| other.name == name));
        let next = left.iter().position(|resource| !waits(resource)).unwrap_or(0);
        ordered.push(left.remove(next));
    }
    ordered
}

fn needs(resource: &Resource) -> impl Iterator<Item = &'static str> {
    let writes = resource.restore.writes();
    let named = writes.iter().flat_map(|writes| {
        let references = writes.references.iter().flat_map(|reference| reference.to);
        references.chain(writes.after).copied()
    });
    let own = resource.name;
    let all: Vec<&'static str> = resource
        .needs()
        .map(|parent| parent.name)
        .into_iter()
        .chain(named)
        .collect();
    all.into_iter().filter(move |name| *name != own)
}
