//! Any page size gives the same snapshot. And the connector with small pages, for checks that need many of them.

use seatbelt_connector_kit::{Connector, Paginator, Resource};

use crate::{
    Rig, Setup, Subject, compare,
    template::{self, Start, Template},
};

/// Parameters that say how many records a page holds.
const SIZES: &[&str] = &[
    "limit",
    "per_page",
    "page_size",
    "pageSize",
    "maxResults",
    "max_results",
    "count",
    "$top",
];

pub(crate) async fn check(subject: &Subject<'_>, template: &Template) {
    let expected = template.undisturbed(subject, Start::Empty).await;
    for size in [Subject::PAGE_SIZE, 17] {
        let Some(connector) = with_page_size(subject.connector, size) else {
            return;
        };
        let rig = Rig::of(&Setup {
            connector,
            ..template.setup(subject, Start::Empty)
        })
        .await;
        let what = format!("{}: a first backup with pages of {size}", subject.name);
        let run = template::complete(&what, &rig).await;
        compare::assert_same(
            &what,
            subject.connector,
            &expected.state,
            &rig.state(&rig.newest().await).await,
        );
        let (small, large) = (run.traffic.requests, expected.run.traffic.requests);
        assert!(
            small > large || size != Subject::PAGE_SIZE,
            "{what} took no more requests ({small}) than with the usual ones ({large})"
        );
    }
}

/// The connector with pages of at most `size` records, wherever it says how many a page holds; `None` if it says so nowhere.
pub(crate) fn with_page_size(connector: &'static Connector, size: u32) -> Option<&'static Connector> {
    let resized: Vec<Option<Resource>> = connector
        .resources
        .iter()
        .map(|resource| resize(resource, size))
        .collect();
    if resized.iter().all(Option::is_none) {
        return None;
    }
    let resources = connector
        .resources
        .iter()
        .zip(resized)
        .map(|(resource, resized)| match resized {
            Some(resized) => &*Box::leak(Box::new(resized)),
            None => *resource,
        });
    let resources: Vec<&'static Resource> = resources.collect();
    let builtin = seatbelt_connector_kit::Builtin { ..connector.builtin };
    Some(Box::leak(Box::new(Connector {
        resources: Vec::leak(resources),
        builtin,
        ..*connector
    })))
}

fn resize(resource: &'static Resource, size: u32) -> Option<Resource> {
    let paginator = match resource.paginator {
        Paginator::PageNumber {
            send_as,
            size_as,
            pages,
            ..
        } => Paginator::PageNumber {
            send_as,
            size_as,
            sizes: Vec::leak(vec![size]),
            pages,
        },
        Paginator::Offset {
            send_as,
            size_as,
            total,
            ..
        } => Paginator::Offset {
            send_as,
            size_as,
            size,
            total,
        },
        Paginator::Keyset {
            field,
            send_as,
            size_as,
            ..
        } => Paginator::Keyset {
            field,
            send_as,
            size_as,
            size,
        },
        paginator @ (Paginator::LinkHeader | Paginator::Token { .. } | Paginator::NextUrl { .. }) => {
            let is_size = |name: &str| SIZES.contains(&name);
            let query = resource.request.query_parameters();
            if !query.iter().any(|(name, _)| is_size(name)) {
                return None;
            }
            let number: &'static str = String::leak(size.to_string());
            let query: Vec<_> = query
                .iter()
                .map(|(name, value)| (*name, if is_size(name) { number } else { value }))
                .collect();
            return Some(Resource {
                paginator,
                request: resource.request.query(Vec::leak(query)),
                ..*resource
            });
        }
        _ => return None,
    };
    Some(Resource { paginator, ..*resource })
}
