//! What of a record a vendor takes: which leaves are compared, and how they are put into a request.

use std::collections::{BTreeMap, BTreeSet};

use seatbelt_connector_kit::{Field, Fields, Reference, Resource, When, Writes};
use seatbelt_model::json::{self, Pointer};

use super::tree::Tree;

/// Where a value is.
pub(super) type Parts = Vec<String>;
/// The values of a record that the vendor takes.
pub(super) type Leaves = BTreeMap<Parts, String>;

/// In which request a field would be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sending {
    Create,
    Update,
}

/// The fields of one resource.
pub(super) struct Shape {
    pub(super) resource: &'static Resource,
    pub(super) writes: &'static Writes,
    volatile: Vec<Pointer>,
}

impl Shape {
    /// `None` if the resource is not written.
    pub(super) fn of(resource: &'static Resource) -> Option<Self> {
        Some(Self {
            resource,
            writes: resource.restore.writes()?,
            volatile: resource.volatile.iter().map(|text| Pointer::new(text)).collect(),
        })
    }

    /// The values the vendor takes in such a request.
    pub(super) fn leaves(&self, record: &str, sending: Sending) -> Leaves {
        let mut leaves = Tree::parse(record).leaves();
        leaves.retain(|at, _| !self.is_volatile(at) && self.unit(at, sending).is_some());
        leaves
    }

    /// The values that the vendor takes only when a record is created.
    pub(super) fn fixed(&self, record: &str) -> Leaves {
        let mut leaves = self.leaves(record, Sending::Create);
        leaves.retain(|at, _| self.unit(at, Sending::Update).is_none());
        leaves
    }

    fn is_volatile(&self, at: &[String]) -> bool {
        self.volatile.iter().any(|rule| covers(rule.parts(), at))
    }

    /// Whether two values at `at` say the same.
    pub(super) fn same(&self, at: &[String], a: Option<&String>, b: Option<&String>) -> bool {
        match (a, b) {
            (None, None) => true,
            (Some(a), Some(b)) => {
                let inside = |rule: &Pointer| {
                    let rest = rule.parts().get(at.len()..)?;
                    (!rest.is_empty() && covers(&rule.parts()[..at.len()], at))
                        .then(|| Pointer::new(&super::tree::pointer(rest)))
                };
                let rules: Vec<Pointer> = self.volatile.iter().filter_map(inside).collect();
                json::same(a, b, &rules)
            }
            _ => false,
        }
    }

    /// Where two records differ.
    pub(super) fn differing(&self, a: &Leaves, b: &Leaves) -> BTreeSet<Parts> {
        let all: BTreeSet<&Parts> = a.keys().chain(b.keys()).collect();
        all.into_iter()
            .filter(|at| !self.same(at, a.get(*at), b.get(*at)))
            .cloned()
            .collect()
    }

    /// Whether the value at `at` can be changed in a record that is there.
    pub(super) fn can_update(&self, at: &[String]) -> bool {
        self.unit(at, Sending::Update).is_some()
    }

    /// The whole that is sent for the value at `at`: where the record has it, and where the request does. `None`: it is not sent.
    fn unit(&self, at: &[String], sending: Sending) -> Option<(Parts, Parts)> {
        match self.writes.fields {
            Fields::AllBut { never, creating } => {
                let closed = |rules: &[&str]| rules.iter().any(|rule| covers(Pointer::new(rule).parts(), at));
                let first = at.first()?.clone();
                let open = !closed(never) && (sending == Sending::Create || !closed(creating));
                open.then(|| (vec![first.clone()], vec![first]))
            }
            Fields::Only(fields) => {
                let takes = |field: &&Field| {
                    let now = match field.when {
                        When::Always => true,
                        When::Creating => sending == Sending::Create,
                        When::Updating => sending == Sending::Update,
                    };
                    now && covers(Pointer::new(field.at).parts(), at)
                };
                let field = fields.iter().find(takes)?;
                let parts = |text| Pointer::new(text).parts().to_vec();
                Some((parts(field.at), parts(field.send_as)))
            }
        }
    }

    /// The fields of a create: all of `wanted` that have a value, those at `without` aside.
    pub(super) fn creation(&self, wanted: &str, without: &[Parts]) -> Tree {
        let tree = Tree::parse(wanted);
        let mut body = Tree::empty();
        for at in self.leaves(wanted, Sending::Create).keys() {
            let left_out = without.iter().any(|left_out| covers(left_out, at));
            let (Some((unit, send_as)), false) = (self.unit(at, Sending::Create), left_out) else {
                continue;
            };
            if let Some(value) = tree.get(&unit) {
                body.set(&send_as, value.clone());
            }
        }
        body
    }

    /// The fields of an update: the record as it is, with `changes` in it, as far as they touch it. What is to be empty is null.
    pub(super) fn update(&self, live: &str, changes: &BTreeMap<Parts, Option<String>>) -> Tree {
        let mut merged = Tree::parse(live);
        for (at, value) in changes {
            merged.set(at, value.as_deref().map_or_else(null, Tree::parse));
        }
        let mut body = Tree::empty();
        for at in changes.keys() {
            if let Some((unit, send_as)) = self.unit(at, Sending::Update) {
                body.set(&send_as, merged.get(&unit).cloned().unwrap_or_else(null));
            }
        }
        body
    }

    /// References that a create leaves out, since their target may come later: `is_later` says of which resources.
    pub(super) fn deferred(&self, is_later: impl Fn(&str) -> bool) -> Vec<&'static Reference> {
        let later = |reference: &&Reference| !reference.required && reference.to.iter().any(|name| is_later(name));
        let can = self.writes.update.is_some();
        self.writes
            .references
            .iter()
            .filter(|reference| can && later(reference))
            .collect()
    }

    /// The leaves of a record that these references are in.
    pub(super) fn places(&self, references: &[&Reference], record: &str) -> Vec<Parts> {
        let leaves = self.leaves(record, Sending::Update);
        let held = |at: &Parts| {
            references.iter().any(|reference| {
                let parts = Pointer::new(reference.at).parts().to_vec();
                let whole = parts.iter().position(|part| part == "*").unwrap_or(parts.len());
                covers(&parts[..whole], at)
            })
        };
        leaves.into_keys().filter(held).collect()
    }
}

fn null() -> Tree {
    Tree::Scalar(Tree::NULL.to_owned())
}

/// Whether `at` is what `rule` points at, or inside it.
fn covers(rule: &[String], at: &[String]) -> bool {
    rule.len() <= at.len() && rule.iter().zip(at).all(|(rule, part)| rule == "*" || rule == part)
}
