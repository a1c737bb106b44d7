//! Discussions, which only GraphQL shows.

use std::time::Duration;

use seatbelt_connector_kit::{Cursor, DependsOn, Kind, Only, Paginator, Request, Resource, Restore};
use seatbelt_model::json::{self, Pointer};

use crate::{repositories::REPOSITORIES, words};

const NOT_YET: Restore = Restore::ExportOnly {
    why: "comments by others cannot be made again in their name; a person decides what to post",
};

/// Newest change first, so that reading stops where the last run was.
pub(crate) const DISCUSSIONS: Resource = Resource {
    paginator: Paginator::GraphQl {
        page_info: "/data/repository/discussions/pageInfo",
    },
    cursor: Cursor::NewestFirst {
        field: "/updatedAt",
        overlap: Duration::from_mins(1),
    },
    ..words::list(
        "discussions",
        Kind::Data,
        DependsOn::Each(&REPOSITORIES, Only::If(has_discussions)),
        Request::graphql(
            "/graphql",
            "query($owner: String!, $name: String!, $after: String) { repository(owner: $owner, name: $name) { \
             discussions(first: 100, after: $after, orderBy: {field: UPDATED_AT, direction: DESC}) { \
             pageInfo { hasNextPage endCursor } nodes { id number title body url createdAt updatedAt closed locked \
             author { login } category { id name } answer { id } upvoteCount comments(first: 1) { totalCount } } } } }",
            &[("owner", "{repositories.owner.login}"), ("name", "{repositories.name}")],
        ),
        "/data/repository/discussions/nodes",
        "/id",
        NOT_YET,
    )
};

/// Of the discussions that changed; a comment moves its discussion's time.
pub(crate) const DISCUSSION_COMMENTS: Resource = Resource {
    paginator: Paginator::GraphQl {
        page_info: "/data/node/comments/pageInfo",
    },
    ..words::list(
        "discussion_comments",
        Kind::Data,
        DependsOn::EachChanged(&DISCUSSIONS, Only::All),
        Request::graphql(
            "/graphql",
            "query($id: ID!, $after: String) { node(id: $id) { ... on Discussion { comments(first: 100, after: $after) { \
             pageInfo { hasNextPage endCursor } nodes { id body url createdAt updatedAt isAnswer author { login } \
             replies(first: 1) { totalCount } } } } } }",
            &[("id", "{discussions.id}")],
        ),
        "/data/node/comments/nodes",
        "/id",
        NOT_YET,
    )
};

pub(crate) const DISCUSSION_REPLIES: Resource = Resource {
    paginator: Paginator::GraphQl {
        page_info: "/data/node/replies/pageInfo",
    },
    ..words::list(
        "discussion_replies",
        Kind::Data,
        DependsOn::Each(&DISCUSSION_COMMENTS, Only::If(has_replies)),
        Request::graphql(
            "/graphql",
            "query($id: ID!, $after: String) { node(id: $id) { ... on DiscussionComment { replies(first: 100, after: $after) { \
             pageInfo { hasNextPage endCursor } nodes { id body url createdAt updatedAt author { login } } } } } }",
            &[("id", "{discussion_comments.id}")],
        ),
        "/data/node/replies/nodes",
        "/id",
        NOT_YET,
    )
};

fn has_discussions(repository: &str) -> bool {
    json::text_at(repository, &Pointer::new("/has_discussions")).as_deref() == Some("true")
}

fn has_replies(comment: &str) -> bool {
    json::text_at(comment, &Pointer::new("/replies/totalCount")).is_some_and(|count| count != "0")
}
