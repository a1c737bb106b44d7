//! The declaration by itself: what the compiler cannot see in it.

use std::collections::BTreeSet;

use seatbelt_connector_kit::{
    Auth, COMMON_SETTINGS, Connector, Count, Cursor, Deletes, DependsOn, Digest, Fetch, Key, Kind, Paginator, Records,
    Request, Resource, Restore, Writes,
};

use crate::compare::shorten;

pub(crate) fn check(name: &str, connector: &Connector) {
    let mut problems = Vec::new();
    words(connector, &mut problems);
    sign_in(connector, &mut problems);
    let mut earlier: Vec<&Resource> = Vec::new();
    for resource in connector.resources {
        let mut found = Vec::new();
        place(resource, &earlier, &mut found);
        pointers(resource, &mut found);
        placeholders(connector, resource, &mut found);
        rules(resource, &mut found);
        problems.extend(found.into_iter().map(|problem| format!("{}: {problem}", resource.name)));
        earlier.push(resource);
    }
    assert!(problems.is_empty(), "{name}: the declaration: {}", shorten(&problems));
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('_')
        && text
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
}

fn words(connector: &Connector, problems: &mut Vec<String>) {
    let mut expect = |holds: bool, problem: &str| {
        if !holds {
            problems.push(problem.to_owned());
        }
    };
    expect(
        is_name(connector.name),
        "its name is not lowercase with `_` between words",
    );
    expect(!connector.title.is_empty(), "it has no title");
    expect(!connector.resources.is_empty(), "it holds nothing");
    expect(
        connector.guide.len() > 20,
        "its guide does not say how a credential is made",
    );
    let builtin = &connector.builtin;
    let texts = [builtin.offers, builtin.misses, builtin.source];
    expect(
        texts.iter().all(|text| !text.is_empty()),
        "what the vendor's own backup offers and misses, and where that was read, is not stated",
    );
    expect(
        builtin.read_on.parse::<jiff::civil::Date>().is_ok(),
        "the date the vendor's own backup was read about is none",
    );
    expect(
        connector.pace.requests > 0 && connector.pace.concurrency > 0 && !connector.pace.per.is_zero(),
        "its pace is zero",
    );
    let names: BTreeSet<&str> = connector.resources.iter().map(|resource| resource.name).collect();
    expect(names.len() == connector.resources.len(), "two resources have one name");
    let settings: BTreeSet<&str> = connector.settings.iter().map(|setting| setting.name).collect();
    expect(settings.len() == connector.settings.len(), "two settings have one name");
    for setting in connector.settings {
        expect(
            is_name(setting.name) && !setting.help.is_empty(),
            &format!("setting `{}`: malformed name, or no help", setting.name),
        );
    }
    for name in connector.on_request {
        expect(
            names.contains(name),
            &format!("on request: there is no resource `{name}`"),
        );
    }
}

fn sign_in(connector: &Connector, problems: &mut Vec<String>) {
    let anonymous = connector.auth.iter().position(|auth| matches!(auth, Auth::Anonymous));
    if connector.auth.is_empty() {
        problems.push("it cannot sign in".to_owned());
    }
    if anonymous.is_some_and(|at| at + 1 != connector.auth.len()) {
        problems.push("anonymous is not the last way to sign in, so those after it are never taken".to_owned());
    }
    let templates = connector
        .settings
        .iter()
        .filter_map(|setting| setting.default)
        .chain([connector.base_url]);
    for template in templates.flat_map(named) {
        if !is_setting(connector, template) {
            problems.push(format!("`{{{template}}}` names no setting"));
        }
    }
    for placeholder in connector.identity.placeholders() {
        if !is_setting(connector, placeholder) {
            problems.push(format!("identity: `{{{placeholder}}}` names no setting"));
        }
    }
}

fn named(template: &'static str) -> impl Iterator<Item = &'static str> {
    template
        .split('{')
        .skip(1)
        .map(|rest| rest.split('}').next().unwrap_or_default())
}

fn is_setting(connector: &Connector, name: &str) -> bool {
    connector
        .settings
        .iter()
        .chain(COMMON_SETTINGS)
        .any(|setting| setting.name == name)
}

fn place(resource: &Resource, earlier: &[&Resource], found: &mut Vec<String>) {
    if !is_name(resource.name) {
        found.push("its name is not lowercase with `_` between words".to_owned());
    }
    if let Some(needed) = resource.needs()
        && !earlier.iter().any(|other| other.name == needed.name)
    {
        found.push(format!(
            "{} must be read before it, and is not listed before it",
            needed.name
        ));
    }
    match resource.depends_on {
        DependsOn::Values(name, values) => {
            let distinct: BTreeSet<_> = values.iter().collect();
            if values.is_empty() || distinct.len() != values.len() {
                found.push("its values are none, or not distinct".to_owned());
            }
            if !resource.request.placeholders().contains(&name) && resource.request.custom_list().is_none() {
                found.push(format!(
                    "its request does not use `{{{name}}}`, so every value lists the same"
                ));
            }
        }
        DependsOn::Has(_, "") => found.push("what it depends on has no key".to_owned()),
        _ => {}
    }
    if resource.request.custom_list().is_none() && !resource.request.path().starts_with('/') {
        found.push(format!(
            "its path `{}` does not start with a slash",
            resource.request.path()
        ));
    }
}

/// Every pointer of a resource, with whether it must lead below the whole value.
fn pointers(resource: &Resource, found: &mut Vec<String>) {
    let mut all: Vec<(&str, &str, bool)> = Vec::new();
    match resource.records {
        Records::At(at) | Records::Members(at) => all.push(("records", at, false)),
    }
    match resource.key {
        Key::Field(field) => all.push(("key", field, true)),
        Key::Fields(fields) => all.extend(fields.iter().map(|field| ("key", *field, true))),
        Key::Member | Key::Only => {}
    }
    match resource.cursor {
        Cursor::Since { field, .. } | Cursor::NewestFirst { field, .. } => all.push(("cursor", field, true)),
        Cursor::Feed { read, .. } => all.push(("cursor", read, true)),
        Cursor::None => {}
    }
    match resource.deletes {
        Deletes::Flagged { field, .. } => all.push(("deletes", field, true)),
        Deletes::Listed(feed) => {
            all.push(("deletes", feed.key, true));
            match feed.records {
                Records::At(at) | Records::Members(at) => all.push(("deletes", at, false)),
            }
            all.extend(of_paginator(feed.paginator));
        }
        Deletes::ByAbsence => {}
    }
    if let Count::At(at) = resource.count {
        all.push(("count", at, true));
    }
    all.extend(of_paginator(resource.paginator));
    if let Kind::File(file) = resource.kind {
        if let Fetch::Url { url, .. } = file.fetch {
            all.push(("file", url, true));
        }
        all.extend(
            file.version
                .iter()
                .chain(&file.size_bytes)
                .chain(&file.name)
                .map(|at| ("file", *at, true)),
        );
        if let Some(Digest::Sha256(at)) = file.digest {
            all.push(("file", at, true));
        }
    }
    for (what, pointer, below) in all {
        let whole = pointer.is_empty() && !below;
        if !whole
            && (!pointer.starts_with('/')
                || pointer
                    .split('/')
                    .skip(1)
                    .any(|part| part.is_empty() || part == "*" || part == "{}"))
        {
            found.push(format!("{what}: `{pointer}` leads nowhere"));
        }
    }
    for pointer in resource.volatile {
        let parts: Vec<&str> = pointer.split('/').skip(1).collect();
        let early_set = parts.iter().rev().skip(1).any(|part| *part == "{}");
        if !pointer.starts_with('/') || parts.iter().any(|part| part.is_empty()) || early_set {
            found.push(format!("volatile: `{pointer}` leads nowhere"));
        }
    }
}

fn of_paginator(paginator: Paginator) -> Vec<(&'static str, &'static str, bool)> {
    match paginator {
        Paginator::Token { read, .. } | Paginator::NextUrl { read } => vec![("paginator", read, true)],
        Paginator::Offset { total: Some(total), .. } => vec![("paginator", total, true)],
        Paginator::Keyset { field, .. } => vec![("paginator", field, true)],
        Paginator::GraphQl { page_info } => vec![("paginator", page_info, true)],
        _ => Vec::new(),
    }
}

/// Every `{name}` is a setting, the value of the partition, or a field of a record above.
fn placeholders(connector: &Connector, resource: &Resource, found: &mut Vec<String>) {
    let mut above = Vec::new();
    let mut next = resource.parent();
    while let Some(parent) = next {
        above.push(parent.name);
        next = parent.parent();
    }
    let resolves = |placeholder: &str| match (placeholder.split_once('.'), resource.depends_on) {
        (Some((name, field)), _) => above.contains(&name) && !field.is_empty(),
        (None, DependsOn::Values(value, _)) if value == placeholder => true,
        (None, _) => is_setting(connector, placeholder),
    };
    let feed = match resource.deletes {
        Deletes::Listed(feed) => Some(&feed.request),
        _ => None,
    };
    for placeholder in std::iter::once(&resource.request)
        .chain(feed)
        .flat_map(Request::placeholders)
    {
        if !resolves(placeholder) {
            found.push(format!(
                "`{{{placeholder}}}` is no setting and no field of a record above; above it are {above:?}"
            ));
        }
    }
}

/// Words that only go together.
fn rules(resource: &Resource, found: &mut Vec<String>) {
    let mut expect = |holds: bool, problem: &str| {
        if !holds {
            found.push(problem.to_owned());
        }
    };
    let members = matches!(resource.records, Records::Members(_));
    expect(
        members == matches!(resource.key, Key::Member),
        "keys are members' names exactly where records are members",
    );
    if let Key::Fields(fields) = resource.key {
        expect(!fields.is_empty(), "its key has no fields");
    }
    match resource.paginator {
        Paginator::PageNumber { sizes, .. } => {
            expect(
                !sizes.is_empty() && sizes.iter().all(|size| *size > 0),
                "it has no page size",
            );
            let divides = sizes
                .windows(2)
                .all(|pair| pair[1] > 0 && pair[0] > pair[1] && pair[0].is_multiple_of(pair[1]));
            expect(
                divides,
                "a page size does not divide the one before, so a smaller page would begin elsewhere",
            );
        }
        Paginator::Offset { size, .. } | Paginator::Keyset { size, .. } => expect(size > 0, "its page size is zero"),
        _ => {}
    }
    if matches!(resource.deletes, Deletes::Listed(_)) {
        let by_time = matches!(resource.cursor, Cursor::Since { .. } | Cursor::NewestFirst { .. });
        let root = matches!(resource.depends_on, DependsOn::Nothing | DependsOn::Has(..));
        expect(
            by_time && root,
            "a listing of what was deleted needs a cursor by time and one partition",
        );
    }
    if let Deletes::Flagged { equals, .. } = resource.deletes {
        expect(!equals.is_empty(), "no value marks a record as deleted");
    }
    let text = match resource.restore {
        Restore::ExportOnly { why } => why,
        Restore::Api { how, .. } | Restore::Writes(&Writes { how, .. }) => how,
    };
    expect(!text.is_empty(), "how it comes back, or why not, is not stated");
}
