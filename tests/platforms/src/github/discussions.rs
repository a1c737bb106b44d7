//! Discussions, which only GraphQL knows: fields outside the documented ones are errors, connections must be bounded.

use serde_json::{Map, Value, json};

use super::auth::{Caller, Grant, Holder, Level};
use super::call::{Answer, Call, Reply};
use super::gql::{self, Field};
use super::paging::{open_cursor, seal_cursor};
use super::state::{Discussion, DiscussionComment, Repo, State};
use super::views::{from_node_id, node_id};

/// Most nodes one query may ask for.
const MOST_NODES: u64 = 500_000;

/// A GraphQL error, with the `type` that GitHub adds.
type Failure = Box<Value>;

fn failure(kind: &str, path: &str, message: &str) -> Failure {
    Box::new(json!({"type": kind, "path": [path], "message": message}))
}

pub(super) fn graphql(state: &mut State, call: &Call) -> Answer {
    if matches!(call.caller, Caller::Anonymous) {
        return Err(Reply::error(
            403,
            "API rate limit exceeded: this endpoint requires you to be authenticated.",
        ));
    }
    let body = call.json()?;
    let Some(query) = body.get("query").and_then(Value::as_str) else {
        return Ok(Reply::ok(
            json!({"errors": [{"message": "A query attribute must be specified and must be a string."}]}),
        ));
    };
    let variables = match body.get("variables") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(variables)) => variables.clone(),
        Some(_) => return Err(Reply::error(400, "Variables must be an object")),
    };
    let root = match gql::parse(query, &variables) {
        Ok(root) => root,
        Err(message) => return Ok(Reply::ok(json!({"errors": [{"message": message}]}))),
    };
    let nodes = nodes_asked(&root, 1);
    if nodes > MOST_NODES {
        let message =
            format!("This query requests up to {nodes} possible nodes which exceeds the maximum limit of 500,000.");
        return Ok(Reply::ok(
            json!({"errors": [{"type": "MAX_NODE_LIMIT_EXCEEDED", "message": message}]}),
        ));
    }
    let own_limit = state.own_limit(&call.caller);
    let bucket = *state.limits.bucket(&call.caller, "graphql", own_limit, call.now);
    let limit = json!({
        "limit": bucket.limit,
        "cost": 1,
        "remaining": bucket.remaining().saturating_sub(1),
        "used": bucket.used + 1,
        "nodeCount": nodes,
        "resetAt": bucket.reset,
    });
    Ok(Reply::ok(answer(&Resolver { state, call, limit }, &root)))
}

fn answer(resolver: &Resolver<'_>, root: &Field) -> Value {
    let mut data = Map::new();
    let mut errors = Vec::new();
    for field in root.fields("Query") {
        match resolver.root(field) {
            Ok(value) => {
                data.insert(field.key.clone(), value);
            }
            Err(error) => {
                data.insert(field.key.clone(), Value::Null);
                errors.push(*error);
            }
        }
    }
    if errors.iter().any(|error| error.get("extensions").is_some()) {
        return json!({"errors": errors});
    }
    if errors.is_empty() {
        json!({"data": data})
    } else {
        json!({"data": data, "errors": errors})
    }
}

fn nodes_asked(field: &Field, times: u64) -> u64 {
    let size = |field: &Field| {
        let given = field.argument("first").or_else(|| field.argument("last"));
        given.and_then(Value::as_u64)
    };
    let below = |field: &Field| match size(field) {
        Some(size) => times
            .saturating_mul(size)
            .saturating_add(nodes_asked(field, times.saturating_mul(size))),
        None => nodes_asked(field, times),
    };
    let mut total: u64 = 0;
    for selection in &field.selection {
        total = total.saturating_add(match selection {
            gql::Selection::Field(field) => below(field),
            gql::Selection::On(_, inner) => {
                let inner = Field {
                    selection: inner.clone(),
                    arguments: Map::new(),
                    ..field.clone()
                };
                nodes_asked(&inner, times)
            }
        });
    }
    total
}

struct Resolver<'a> {
    state: &'a State,
    call: &'a Call,
    limit: Value,
}

type Resolved = Result<Value, Failure>;

/// Answers each field asked of an object; `value` knows them all and says `None` to what the type does not have.
fn object(field: &Field, kind: &str, value: impl Fn(&Field) -> Option<Resolved>) -> Resolved {
    let mut answered = Map::new();
    for asked in field.fields(kind) {
        let resolved = match asked.name.as_str() {
            "__typename" => Ok(Value::String(kind.to_owned())),
            _ => value(asked).unwrap_or_else(|| Err(unknown_field(&asked.name, kind))),
        };
        answered.insert(asked.key.clone(), resolved?);
    }
    if answered.is_empty() {
        let message = format!(
            "Field must have selections (field '{}' returns {kind} but has no selections.)",
            field.name
        );
        return Err(Box::new(
            json!({"message": message, "extensions": {"code": "selectionMismatch"}}),
        ));
    }
    Ok(Value::Object(answered))
}

fn unknown_field(name: &str, kind: &str) -> Failure {
    let message = format!("Field '{name}' doesn't exist on type '{kind}'");
    Box::new(json!({"message": message, "extensions": {"code": "undefinedField", "typeName": kind, "fieldName": name}}))
}

/// The fields asked for, from a value that has them all.
fn pick(field: &Field, kind: &str, all: &Value) -> Resolved {
    object(field, kind, |asked| {
        let value = all.get(&asked.name)?;
        Some(if value.is_object() {
            pick(asked, &format!("{kind}.{}", asked.name), value)
        } else {
            Ok(value.clone())
        })
    })
}

/// A connection: `items` in the order asked for, cut by `first`/`after` or `last`.
fn connection<T>(
    field: &Field,
    kind: &str,
    items: &[T],
    key: impl Fn(&T) -> String,
    node: impl Fn(&Field, &T) -> Resolved,
) -> Resolved {
    let name = &field.name;
    let size = match (field.argument("first"), field.argument("last")) {
        (Some(size), None) | (None, Some(size)) => size.as_u64(),
        _ => None,
    };
    let Some(size) = size else {
        let message =
            format!("You must provide a `first` or `last` value to properly paginate the `{name}` connection.");
        return Err(failure("MISSING_PAGINATION_BOUNDARIES", name, &message));
    };
    if size > 100 {
        let message =
            format!("Requesting {size} records on the `{name}` connection exceeds the `first` limit of 100 records.");
        return Err(failure("EXCESSIVE_PAGINATION", name, &message));
    }
    let size = usize::try_from(size).unwrap_or(100);
    let mut start = 0;
    if let Some(after) = field.argument("after") {
        let wanted = after.as_str().and_then(open_cursor);
        let place = wanted.and_then(|wanted| items.iter().position(|item| key(item) == wanted));
        let message = format!(
            "`{}` does not appear to be a valid cursor.",
            after.as_str().unwrap_or_default()
        );
        start = place.ok_or_else(|| failure("INVALID_CURSOR_ARGUMENTS", name, &message))? + 1;
    }
    if field.argument("last").is_some() {
        start = start.max(items.len().saturating_sub(size));
    }
    let shown = items.get(start..).unwrap_or_default();
    let shown = &shown[..size.min(shown.len())];
    let cursor = |item: Option<&T>| item.map(|item| seal_cursor(&key(item)));
    let info = json!({
        "hasNextPage": start + shown.len() < items.len(),
        "hasPreviousPage": start > 0,
        "startCursor": cursor(shown.first()),
        "endCursor": cursor(shown.last()),
    });
    let edge = |asked: &Field, item: &T| {
        object(asked, &format!("{kind}Edge"), |part| match part.name.as_str() {
            "cursor" => Some(Ok(json!(cursor(Some(item))))),
            "node" => Some(node(part, item)),
            _ => None,
        })
    };
    object(field, &format!("{kind}Connection"), |asked| match asked.name.as_str() {
        "totalCount" => Some(Ok(json!(items.len()))),
        "pageInfo" => Some(pick(asked, "PageInfo", &info)),
        "nodes" => Some(shown.iter().map(|item| node(asked, item)).collect()),
        "edges" => Some(shown.iter().map(|item| edge(asked, item)).collect()),
        _ => None,
    })
}

impl Resolver<'_> {
    fn root(&self, field: &Field) -> Resolved {
        match field.name.as_str() {
            "rateLimit" => pick(field, "RateLimit", &self.limit),
            "viewer" => pick(field, "User", &json!({"login": self.state.login_of(self.call)})),
            "repository" => self.repository(field),
            "node" => self.node(field),
            name => Err(unknown_field(name, "Query")),
        }
    }

    fn repository(&self, field: &Field) -> Resolved {
        let text = |name: &str| field.argument(name).and_then(Value::as_str);
        let (Some(owner), Some(name)) = (text("owner"), text("name")) else {
            let message = "Field 'repository' is missing required arguments: owner, name";
            return Err(Box::new(
                json!({"message": message, "extensions": {"code": "missingRequiredArguments"}}),
            ));
        };
        let found = self
            .state
            .find_repo(owner, name)
            .filter(|repo| self.state.sees(&self.call.caller, repo));
        let Some(repo) = found else {
            let message = format!("Could not resolve to a Repository with the name '{owner}/{name}'.");
            return Err(failure("NOT_FOUND", "repository", &message));
        };
        object(field, "Repository", |asked| {
            Some(match asked.name.as_str() {
                "id" => Ok(json!(node_id("R", repo.id))),
                "databaseId" => Ok(json!(repo.id)),
                "name" => Ok(json!(repo.name)),
                "nameWithOwner" => Ok(json!(repo.full_name())),
                "hasDiscussionsEnabled" => Ok(json!(repo.has("has_discussions"))),
                "discussions" => self.permitted(repo).and_then(|()| self.discussions(asked, repo)),
                "discussionCategories" => self.permitted(repo).and_then(|()| categories(asked, repo)),
                "discussion" => self.permitted(repo).and_then(|()| self.numbered(asked, repo)),
                _ => return None,
            })
        })
    }

    fn permitted(&self, repo: &Repo) -> Result<(), Failure> {
        let allowed = self
            .state
            .repo_for(self.call, &repo.owner, &repo.name, "discussions", Level::Read);
        let who = match &self.call.caller {
            Caller::Token(Grant {
                holder: Holder::Installation(_),
                ..
            }) => "integration",
            _ => "personal access token",
        };
        let message = format!("Resource not accessible by {who}");
        allowed
            .map(|_| ())
            .map_err(|_| failure("FORBIDDEN", "repository", &message))
    }

    fn discussions(&self, field: &Field, repo: &Repo) -> Resolved {
        let order = field.argument("orderBy");
        let part = |name: &str, default: &str| {
            order
                .and_then(|order| order.get(name))
                .and_then(Value::as_str)
                .unwrap_or(default)
                .to_owned()
        };
        let (by, direction) = (part("field", "UPDATED_AT"), part("direction", "DESC"));
        if !matches!(by.as_str(), "CREATED_AT" | "UPDATED_AT") || !matches!(direction.as_str(), "ASC" | "DESC") {
            let message = "Argument 'orderBy' on Field 'discussions' has an invalid value.";
            return Err(Box::new(
                json!({"message": message, "extensions": {"code": "argumentLiteralsIncompatible"}}),
            ));
        }
        let mut items: Vec<&Discussion> = repo.discussions.iter().collect();
        items.sort_by_key(|one| {
            (
                if by == "CREATED_AT" {
                    one.created_at
                } else {
                    one.updated_at
                },
                one.id,
            )
        });
        if direction == "DESC" {
            items.reverse();
        }
        connection(
            field,
            "Discussion",
            &items,
            |one| one.id.to_string(),
            |asked, one| self.discussion(asked, repo, one),
        )
    }

    fn numbered(&self, field: &Field, repo: &Repo) -> Resolved {
        let number = field.argument("number").and_then(Value::as_u64);
        match repo.discussions.iter().find(|one| Some(one.number) == number) {
            Some(one) => self.discussion(field, repo, one),
            None => Err(failure(
                "NOT_FOUND",
                "discussion",
                "Could not resolve to a Discussion with that number.",
            )),
        }
    }

    fn node(&self, field: &Field) -> Resolved {
        let id = field.argument("id").and_then(Value::as_str).unwrap_or("");
        let missing = || {
            failure(
                "NOT_FOUND",
                "node",
                &format!("Could not resolve to a node with the global id of '{id}'"),
            )
        };
        for repo in self
            .state
            .repos
            .values()
            .filter(|repo| self.state.sees(&self.call.caller, repo))
        {
            for one in &repo.discussions {
                if from_node_id("D", id) == Some(one.id) {
                    return self.permitted(repo).and_then(|()| self.discussion(field, repo, one));
                }
                for comment in one
                    .comments
                    .iter()
                    .chain(one.comments.iter().flat_map(|comment| &comment.replies))
                {
                    if from_node_id("DC", id) == Some(comment.id) {
                        return self
                            .permitted(repo)
                            .and_then(|()| self.comment(field, repo, one, comment));
                    }
                }
            }
        }
        Err(missing())
    }

    fn actor(&self, field: &Field, login: &str) -> Resolved {
        let Some(user) = self.state.user(login) else {
            return Ok(Value::Null);
        };
        let base = &self.call.site.base;
        let all = json!({
            "login": user.login,
            "id": node_id("U", user.id),
            "databaseId": user.id,
            "url": format!("{base}/{}", user.login),
            "avatarUrl": format!("{base}/avatars/u/{}?v=4", user.id),
            "resourcePath": format!("/{}", user.login),
        });
        pick(field, "User", &all)
    }

    fn discussion(&self, field: &Field, repo: &Repo, one: &Discussion) -> Resolved {
        let url = format!(
            "{}/{}/discussions/{}",
            self.call.site.base,
            repo.full_name(),
            one.number
        );
        let answer = one.comments.iter().find(|comment| comment.is_answer);
        object(field, "Discussion", |asked| {
            Some(match asked.name.as_str() {
                "id" => Ok(json!(node_id("D", one.id))),
                "databaseId" => Ok(json!(one.id)),
                "number" => Ok(json!(one.number)),
                "title" => Ok(json!(one.title)),
                "body" | "bodyText" => Ok(json!(one.body)),
                "bodyHTML" => Ok(json!(format!("<p>{}</p>", one.body))),
                "url" => Ok(json!(url)),
                "resourcePath" => Ok(json!(format!("/{}/discussions/{}", repo.full_name(), one.number))),
                "createdAt" | "publishedAt" => Ok(json!(one.created_at)),
                "updatedAt" => Ok(json!(one.updated_at)),
                "lastEditedAt" | "activeLockReason" => Ok(Value::Null),
                "closed" => Ok(json!(one.closed)),
                "closedAt" => Ok(json!(one.closed.then_some(one.updated_at))),
                "stateReason" => Ok(json!(one.closed.then_some("RESOLVED"))),
                "locked" | "createdViaEmail" | "includesCreatedEdit" => Ok(json!(false)),
                "upvoteCount" => Ok(json!(1)),
                "isAnswered" => Ok(json!(answer.is_some())),
                "authorAssociation" => Ok(json!(self.state.association(repo, &one.author))),
                "answerChosenAt" => Ok(json!(answer.map(|comment| comment.updated_at))),
                "author" => self.actor(asked, &one.author),
                "category" => pick(asked, "DiscussionCategory", &category(repo, &one.category)),
                "answer" => answer.map_or(Ok(Value::Null), |comment| self.comment(asked, repo, one, comment)),
                "labels" | "reactions" => {
                    connection(asked, "Label", &[] as &[u64], u64::to_string, |_, _| Ok(Value::Null))
                }
                "comments" => connection(
                    asked,
                    "DiscussionComment",
                    &one.comments,
                    comment_key,
                    |asked, comment| self.comment(asked, repo, one, comment),
                ),
                _ => return None,
            })
        })
    }

    fn comment(&self, field: &Field, repo: &Repo, parent: &Discussion, one: &DiscussionComment) -> Resolved {
        let place = format!(
            "/{}/discussions/{}#discussioncomment-{}",
            repo.full_name(),
            parent.number,
            one.id
        );
        object(field, "DiscussionComment", |asked| {
            Some(match asked.name.as_str() {
                "id" => Ok(json!(node_id("DC", one.id))),
                "databaseId" => Ok(json!(one.id)),
                "body" | "bodyText" => Ok(json!(one.body)),
                "bodyHTML" => Ok(json!(format!("<p>{}</p>", one.body))),
                "url" => Ok(json!(format!("{}{place}", self.call.site.base))),
                "resourcePath" => Ok(json!(place)),
                "createdAt" | "publishedAt" => Ok(json!(one.created_at)),
                "updatedAt" => Ok(json!(one.updated_at)),
                "lastEditedAt" | "deletedAt" | "minimizedReason" => Ok(Value::Null),
                "isAnswer" => Ok(json!(one.is_answer)),
                "isMinimized" | "createdViaEmail" | "includesCreatedEdit" => Ok(json!(false)),
                "upvoteCount" => Ok(json!(0)),
                "authorAssociation" => Ok(json!(self.state.association(repo, &one.author))),
                "author" => self.actor(asked, &one.author),
                "discussion" => self.discussion(asked, repo, parent),
                "replyTo" => match parent
                    .comments
                    .iter()
                    .find(|top| top.replies.iter().any(|reply| reply.id == one.id))
                {
                    Some(top) => self.comment(asked, repo, parent, top),
                    None => Ok(Value::Null),
                },
                "reactions" => connection(asked, "Reaction", &[] as &[u64], u64::to_string, |_, _| Ok(Value::Null)),
                "replies" => connection(asked, "DiscussionComment", &one.replies, comment_key, |asked, reply| {
                    self.comment(asked, repo, parent, reply)
                }),
                _ => return None,
            })
        })
    }
}

fn comment_key(comment: &DiscussionComment) -> String {
    comment.id.to_string()
}

fn categories(field: &Field, repo: &Repo) -> Resolved {
    connection(
        field,
        "DiscussionCategory",
        &repo.categories,
        String::clone,
        |asked, name| pick(asked, "DiscussionCategory", &category(repo, name)),
    )
}

fn category(repo: &Repo, name: &str) -> Value {
    let place = repo.categories.iter().position(|known| known == name).unwrap_or(0) as u64;
    json!({
        "id": node_id("DIC", repo.id * 100 + place),
        "name": name,
        "slug": name.to_ascii_lowercase().replace([' ', '&'], "-"),
        "emoji": ":speech_balloon:",
        "emojiHTML": "<div>💬</div>",
        "description": "",
        "isAnswerable": name == "Q&A",
        "createdAt": repo.created_at,
        "updatedAt": repo.created_at,
    })
}
