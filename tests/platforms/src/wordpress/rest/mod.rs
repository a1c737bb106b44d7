//! The REST API: who asks, and which function answers.

mod admin;
mod appearance;
mod comments;
pub(super) mod media;
mod params;
mod posts;
mod shop;
mod show;
mod terms;
mod users;
mod widgets;
mod write;

use serde_json::{Map, Value, json};

use super::Role;
use super::state::State;
use crate::exchange::{Answer, Ask};

pub(super) use admin::plugin;
pub(super) use write::registered_meta;

/// An answer, or the error that is the answer.
pub(super) type Reply = Result<Answer, Answer>;

/// One request as a handler sees it.
pub(super) struct Ctx<'a> {
    pub(super) state: &'a mut State,
    pub(super) ask: &'a Ask,
    /// The body's fields, JSON or form.
    pub(super) body: Map<String, Value>,
    /// Who is signed in.
    pub(super) user: Option<u64>,
    /// With which rights.
    pub(super) role: Role,
    /// The UUID of the application password in use.
    pub(super) password: Option<String>,
}

/// An error in WordPress's shape.
pub(super) fn error(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(
        status,
        &json!({"code": code, "message": message, "data": {"status": status}}),
    )
}

pub(super) fn no_route() -> Answer {
    error(
        404,
        "rest_no_route",
        "No route was found matching the URL and request method.",
    )
}

/// An error about one parameter.
pub(super) fn invalid_param(name: &str, code: &str, message: &str) -> Answer {
    invalid_param_with(name, code, message, Value::Null)
}

fn invalid_param_with(name: &str, code: &str, message: &str, data: Value) -> Answer {
    let body = json!({
        "code": "rest_invalid_param",
        "message": format!("Invalid parameter(s): {name}"),
        "data": {
            "status": 400,
            "params": {name: message},
            "details": {name: {"code": code, "message": message, "data": data}},
        },
    });
    Answer::json(400, &body)
}

pub(super) fn missing_param(name: &str) -> Answer {
    let body = json!({
        "code": "rest_missing_callback_param",
        "message": format!("Missing parameter(s): {name}"),
        "data": {"status": 400, "params": [name]},
    });
    Answer::json(400, &body)
}

impl Ctx<'_> {
    /// The error of somebody who may not: 401 without, 403 with a login.
    pub(super) fn refuse(&self, code: &str, message: &str) -> Answer {
        error(self.refusal_status(), code, message)
    }

    pub(super) fn refusal_status(&self) -> u16 {
        if self.user.is_some() { 403 } else { 401 }
    }

    pub(super) fn is_admin(&self) -> bool {
        self.role == Role::Administrator
    }

    /// Edits posts of others.
    pub(super) fn is_editor(&self) -> bool {
        matches!(self.role, Role::Administrator | Role::Editor)
    }

    /// Edits posts at all.
    pub(super) fn edits_posts(&self) -> bool {
        self.is_editor() || self.role == Role::Contributor
    }

    /// A body field, or else the query's.
    pub(super) fn arg(&self, name: &str) -> Option<Value> {
        self.body
            .get(name)
            .cloned()
            .or_else(|| self.ask.param(name).map(Value::from))
    }

    pub(super) fn arg_text(&self, name: &str) -> Option<String> {
        self.arg(name).and_then(|value| text_of(&value))
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.arg(name).is_some_and(|value| match value {
            Value::Bool(flag) => flag,
            Value::String(text) => matches!(text.as_str(), "1" | "true"),
            Value::Number(number) => number.as_u64() == Some(1),
            _ => false,
        })
    }

    /// `context`, judged: edit, or not.
    pub(super) fn wants_edit(&self) -> Result<bool, Answer> {
        match self.ask.param("context") {
            None | Some("view" | "embed") => Ok(false),
            Some("edit") => Ok(true),
            Some(_) => Err(invalid_param(
                "context",
                "rest_not_in_enum",
                "context is not one of view, embed, and edit.",
            )),
        }
    }

    /// Keeps the fields that `_fields` names.
    pub(super) fn trimmed(&self, mut record: Value) -> Value {
        if let (Some(names), Value::Object(fields)) = (self.ask.param("_fields"), &mut record) {
            let names: Vec<&str> = names
                .split(',')
                .map(|name| name.trim().split('.').next().unwrap_or_default())
                .collect();
            fields.retain(|name, _| names.contains(&name.as_str()));
        }
        record
    }
}

/// A text or a rich field, `{"raw": "…"}`.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Object(fields) => fields.get("raw").and_then(text_of),
        _ => None,
    }
}

pub(super) fn answer(state: &mut State, ask: &Ask) -> Answer {
    state.publish_due();
    let parts: Vec<String> = match (ask.param("rest_route"), ask.segments.split_first()) {
        (Some(route), _) => route
            .split('/')
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect(),
        (None, Some((first, rest))) if first == "wp-json" => rest.to_vec(),
        _ => return outside(state, ask),
    };
    match signed_in(state, ask, parts) {
        Ok(answer) | Err(answer) => answer,
    }
}

/// What a web server answers outside of the REST API: pages and uploads.
fn outside(state: &State, ask: &Ask) -> Answer {
    if let Some(path) = ask.segments.join("/").strip_prefix("wp-content/uploads/") {
        return media::file(state, ask, path);
    }
    let link = format!("<{}/wp-json/>; rel=\"https://api.w.org/\"", state.base_url);
    let page = format!(
        "<!DOCTYPE html><html><head><title>{}</title></head><body></body></html>",
        state.setting("title")
    );
    Answer::bytes(200, "text/html; charset=UTF-8", page).header("link", link)
}

/// Finds the user of the application password. A wrong one counts as none, unless the site says otherwise.
fn signed_in(state: &mut State, ask: &Ask, parts: Vec<String>) -> Reply {
    let mut user = None;
    let mut password = None;
    let basic = ask.basic();
    let is_shop_key = basic.as_ref().is_some_and(|(name, _)| name.starts_with("ck_"));
    if let Some((name, secret)) = basic.filter(|_| !is_shop_key) {
        let now = state.now();
        let secret: String = secret.chars().filter(|letter| !letter.is_whitespace()).collect();
        let found = state
            .users
            .values_mut()
            .find(|found| found.username == name || found.email == name);
        let known = found.is_some();
        if let Some(found) = found {
            let id = found.id;
            if let Some(used) = found.passwords.iter_mut().find(|used| used.secret == secret) {
                used.last_used = Some(now);
                (user, password) = (Some(id), Some(used.uuid.clone()));
            }
        }
        if user.is_none() && state.rejects_wrong_passwords {
            return Err(match known {
                true => error(
                    401,
                    "incorrect_password",
                    "The provided password is an invalid application password.",
                ),
                false => error(
                    401,
                    "invalid_username",
                    "Unknown username. Check again or try your email address.",
                ),
            });
        }
    }
    let roles = user
        .and_then(|id| state.users.get(&id))
        .map(|user| user.roles.clone())
        .unwrap_or_default();
    let role = Role::strongest(&roles);
    let body = body_of(ask)?;
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    route(
        &mut Ctx {
            state,
            ask,
            body,
            user,
            role,
            password,
        },
        &parts,
    )
}

fn body_of(ask: &Ask) -> Result<Map<String, Value>, Answer> {
    let content_type = ask.header("content-type").unwrap_or_default();
    if content_type.starts_with("application/x-www-form-urlencoded") {
        return Ok(ask
            .form()
            .into_iter()
            .map(|(name, value)| (name, Value::from(value)))
            .collect());
    }
    let is_upload = ask.header("content-disposition").is_some();
    if !content_type.starts_with("application/json") || ask.body.is_empty() || is_upload {
        return Ok(Map::new());
    }
    match ask.json() {
        Some(Value::Object(fields)) => Ok(fields),
        Some(_) => Ok(Map::new()),
        None => Err(error(400, "rest_invalid_json", "Invalid JSON body passed.")),
    }
}

fn route(ctx: &mut Ctx<'_>, parts: &[&str]) -> Reply {
    match parts {
        [] => Ok(root(ctx)),
        ["wp", "v2"] => Ok(Answer::json(
            200,
            &json!({"namespace": "wp/v2", "routes": routes(ctx.state)}),
        )),
        ["wp", "v2", rest @ ..] => core(ctx, rest),
        ["wc", "v3", rest @ ..] if ctx.state.woo.is_some() => shop::answer(ctx, rest),
        _ => Err(no_route()),
    }
}

fn core(ctx: &mut Ctx<'_>, rest: &[&str]) -> Reply {
    match rest {
        ["media", rest @ ..] => media::answer(ctx, rest),
        ["comments", rest @ ..] => comments::answer(ctx, rest),
        ["users", rest @ ..] => users::answer(ctx, rest),
        ["settings"] => admin::settings(ctx),
        ["plugins", rest @ ..] => admin::plugins(ctx, rest),
        ["themes", rest @ ..] => admin::themes(ctx, rest),
        ["types", rest @ ..] => admin::types(ctx, rest),
        ["taxonomies", rest @ ..] => admin::taxonomies(ctx, rest),
        ["statuses", rest @ ..] => admin::statuses(ctx, rest),
        ["menu-locations", rest @ ..] => appearance::menu_locations(ctx, rest),
        ["templates", rest @ ..] => appearance::templates(ctx, "wp_template", rest),
        ["template-parts", rest @ ..] => appearance::templates(ctx, "wp_template_part", rest),
        ["global-styles", rest @ ..] => appearance::global_styles(ctx, rest),
        ["block-patterns", "patterns" | "categories"] => appearance::patterns(ctx),
        ["sidebars", rest @ ..] => widgets::sidebars(ctx, rest),
        ["widgets", rest @ ..] => widgets::widgets(ctx, rest),
        ["widget-types", rest @ ..] => widgets::widget_types(ctx, rest),
        [base, rest @ ..] => {
            let post_type = ctx
                .state
                .types
                .values()
                .find(|found| found.show_in_rest && found.rest_base == *base);
            if let Some(post_type) = post_type.cloned() {
                return posts::answer(ctx, &post_type, rest);
            }
            let taxonomy = ctx
                .state
                .taxonomies
                .values()
                .find(|found| found.show_in_rest && found.rest_base == *base);
            match taxonomy.cloned() {
                Some(taxonomy) => terms::answer(ctx, &taxonomy, rest),
                None => Err(no_route()),
            }
        }
        [] => Err(no_route()),
    }
}

fn root(ctx: &Ctx<'_>) -> Answer {
    let state = &ctx.state;
    let mut namespaces = vec!["oembed/1.0", "wp/v2", "wp-site-health/v1", "wp-block-editor/v1"];
    if state.woo.is_some() {
        namespaces.extend(["wc/v1", "wc/v2", "wc/v3"]);
    }
    let offset_s = state.time_zone().to_offset(state.now()).seconds();
    let offset = state.hidden_options.get("gmt_offset").cloned().unwrap_or_else(|| {
        let hours = f64::from(offset_s) / 3600.0;
        if hours.fract() == 0.0 {
            Value::from(offset_s / 3600)
        } else {
            Value::from(hours)
        }
    });
    let body = json!({
        "name": state.setting("title"),
        "description": state.setting("description"),
        "url": state.base_url,
        "home": state.base_url,
        "gmt_offset": offset,
        "timezone_string": state.setting("timezone"),
        "namespaces": namespaces,
        "authentication": {"application-passwords": {"endpoints": {
            "authorization": format!("{}/wp-admin/authorize-application.php", state.base_url),
        }}},
        "routes": routes(state),
        "site_logo": 0, "site_icon": 0,
        "_links": {"help": [{"href": "https://developer.wordpress.org/rest-api/"}]},
    });
    Answer::json(200, &body)
}

/// The routes that exist, so that a client can tell what this site has.
fn routes(state: &State) -> Value {
    let fixed = [
        "media",
        "comments",
        "users",
        "settings",
        "plugins",
        "themes",
        "types",
        "taxonomies",
        "statuses",
        "menu-locations",
        "templates",
        "template-parts",
        "sidebars",
        "widgets",
        "widget-types",
    ];
    let types = state
        .types
        .values()
        .filter(|found| found.show_in_rest)
        .map(|found| found.rest_base.as_str());
    let taxonomies = state
        .taxonomies
        .values()
        .filter(|found| found.show_in_rest)
        .map(|found| found.rest_base.as_str());
    let mut routes = Map::new();
    for base in fixed.into_iter().chain(types).chain(taxonomies) {
        routes.insert(
            format!("/wp/v2/{base}"),
            json!({"namespace": "wp/v2", "methods": ["GET", "POST"]}),
        );
    }
    if state.woo.is_some() {
        for base in [
            "orders",
            "products",
            "customers",
            "coupons",
            "taxes",
            "webhooks",
            "settings",
        ] {
            routes.insert(
                format!("/wc/v3/{base}"),
                json!({"namespace": "wc/v3", "methods": ["GET", "POST"]}),
            );
        }
    }
    Value::Object(routes)
}
