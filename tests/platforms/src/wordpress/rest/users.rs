//! Users and their application passwords.

use serde_json::{Value, json};

use super::super::records::{ApplicationPassword, User};
use super::super::state::slugify;
use super::super::{Role, accounts};
use super::params::{Page, choice, ids, list_key, texts};
use super::{Ctx, Reply, error, invalid_param, missing_param, no_route, show};
use crate::exchange::Answer;

pub(super) fn answer(ctx: &mut Ctx<'_>, rest: &[&str]) -> Reply {
    if rest.first() == Some(&"me") && ctx.user.is_none() {
        return Err(error(401, "rest_not_logged_in", "You are not currently logged in."));
    }
    let id = match rest.first() {
        Some(&"me") => ctx.user,
        other => other.and_then(|id| id.parse::<u64>().ok()),
    };
    match (ctx.ask.method.as_str(), rest, id) {
        ("GET", [], _) => list(ctx),
        ("POST", [], _) => create(ctx),
        ("GET", [_], Some(id)) => one(ctx, id),
        ("POST" | "PUT" | "PATCH", [_], Some(id)) => update(ctx, id),
        ("DELETE", [_], Some(id)) => delete(ctx, id),
        (_, [_, "application-passwords", rest @ ..], Some(id)) => passwords(ctx, id, rest),
        _ => Err(no_route()),
    }
}

fn found(ctx: &Ctx<'_>, id: u64) -> Result<User, Answer> {
    ctx.state
        .users
        .get(&id)
        .cloned()
        .ok_or_else(|| error(404, "rest_user_invalid_id", "Invalid user ID."))
}

fn has_published(ctx: &Ctx<'_>, id: u64) -> bool {
    let posts = ctx
        .state
        .posts
        .iter()
        .filter(|(kind, _)| matches!(kind.as_str(), "post" | "page"));
    posts
        .flat_map(|(_, posts)| posts.values())
        .any(|post| post.author == id && post.status == "publish")
}

fn list(ctx: &mut Ctx<'_>) -> Reply {
    let edit = ctx.wants_edit()?;
    if edit && !ctx.is_admin() {
        return Err(ctx.refuse("rest_forbidden_context", "Sorry, you are not allowed to edit users."));
    }
    if ctx.ask.param("roles").is_some() && !ctx.is_admin() {
        return Err(ctx.refuse(
            "rest_user_cannot_view",
            "Sorry, you are not allowed to filter users by role.",
        ));
    }
    let page = Page::read(ctx.ask)?;
    let orders = [
        "id",
        "include",
        "name",
        "registered_date",
        "slug",
        "include_slugs",
        "email",
        "url",
    ];
    let order_by = choice(ctx.ask, "orderby", &orders, "name")?.to_owned();
    let ascending = choice(ctx.ask, "order", &["asc", "desc"], "asc")? == "asc";
    let (include, exclude) = (ids(ctx.ask, "include")?, ids(ctx.ask, "exclude")?);
    let (slugs, roles) = (texts(ctx.ask, "slug"), texts(ctx.ask, "roles"));
    let search = ctx
        .ask
        .param("search")
        .map(|words| words.trim_matches('*').to_lowercase());
    let visible: Vec<u64> = ctx
        .state
        .users
        .keys()
        .copied()
        .filter(|id| ctx.is_admin() || has_published(ctx, *id))
        .collect();
    let key = list_key(ctx, edit);
    let chosen = ctx.state.list(key, |state| {
        let mut users: Vec<&User> = visible.iter().filter_map(|id| state.users.get(id)).collect();
        users.retain(|user| {
            include.as_ref().is_none_or(|ids| ids.contains(&user.id))
                && exclude.as_ref().is_none_or(|ids| !ids.contains(&user.id))
                && slugs.as_ref().is_none_or(|slugs| slugs.contains(&user.slug))
                && roles
                    .as_ref()
                    .is_none_or(|roles| user.roles.iter().any(|role| roles.contains(role)))
                && search.as_ref().is_none_or(|words| {
                    [&user.name, &user.username, &user.email]
                        .iter()
                        .any(|text| text.to_lowercase().contains(words))
                })
        });
        users.sort_by(|a, b| match order_by.as_str() {
            "id" => a.id.cmp(&b.id),
            "registered_date" => a.registered.cmp(&b.registered),
            "slug" => a.slug.cmp(&b.slug),
            "email" => a.email.cmp(&b.email),
            _ => a.name.cmp(&b.name).then(a.id.cmp(&b.id)),
        });
        if !ascending {
            users.reverse();
        }
        users.into_iter().map(|user| user.id).collect()
    });
    let users = page.of(&chosen).iter().filter_map(|id| ctx.state.users.get(id));
    let records = users.map(|user| record(ctx, user, edit)).collect();
    Ok(page.answer(ctx, records, chosen.len()))
}

fn record(ctx: &Ctx<'_>, user: &User, edit: bool) -> Value {
    let mut record = json!({
        "id": user.id,
        "name": user.name,
        "url": user.url,
        "description": user.description,
        "link": format!("{}/author/{}/", ctx.state.base_url, user.slug),
        "slug": user.slug,
        "avatar_urls": {"96": format!("{}/avatar/{}?s=96", ctx.state.base_url, user.id)},
        "meta": user.meta,
    });
    if edit {
        let granted = user.roles.iter().flat_map(|role| granted(role).iter().copied());
        let capabilities: Value = granted
            .chain(user.roles.iter().map(String::as_str))
            .map(|name| (name.to_owned(), Value::Bool(true)))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let own = json!({
            "username": user.username, "first_name": user.first_name, "last_name": user.last_name,
            "email": user.email, "locale": user.locale, "nickname": user.username, "roles": user.roles,
            "registered_date": format!("{}+00:00", show::gmt(user.registered)),
            "capabilities": capabilities, "extra_capabilities": capabilities,
        });
        if let (Value::Object(record), Value::Object(own)) = (&mut record, own) {
            record.extend(own);
        }
    }
    record
}

/// The capabilities of a role, as far as the API's writes need them.
fn granted(role: &str) -> &'static [&'static str] {
    let all: &[&str] = &[
        "read",
        "edit_posts",
        "upload_files",
        "edit_others_posts",
        "publish_posts",
        "edit_others_pages",
        "publish_pages",
        "moderate_comments",
        "manage_categories",
        "manage_options",
        "activate_plugins",
        "install_plugins",
        "list_users",
        "create_users",
        "edit_users",
        "promote_users",
        "edit_theme_options",
        "manage_woocommerce",
    ];
    match role {
        "administrator" => all,
        "editor" => &all[..9],
        "contributor" => &all[..2],
        _ => &all[..1],
    }
}

fn one(ctx: &Ctx<'_>, id: u64) -> Reply {
    let edit = ctx.wants_edit()?;
    let user = found(ctx, id)?;
    let mine = ctx.user == Some(id);
    if edit && !mine && !ctx.is_admin() {
        return Err(ctx.refuse("rest_user_cannot_view", "Sorry, you are not allowed to edit users."));
    }
    if !mine && !ctx.is_admin() && !has_published(ctx, id) {
        return Err(ctx.refuse("rest_user_cannot_view", "Sorry, you are not allowed to list users."));
    }
    Ok(Answer::json(200, &ctx.trimmed(record(ctx, &user, edit))))
}

fn create(ctx: &mut Ctx<'_>) -> Reply {
    if !ctx.is_admin() {
        return Err(ctx.refuse(
            "rest_cannot_create_user",
            "Sorry, you are not allowed to create new users.",
        ));
    }
    for name in ["username", "email", "password"] {
        if ctx.arg_text(name).is_none_or(|text| text.is_empty()) {
            return Err(missing_param(name));
        }
    }
    let username = ctx.arg_text("username").unwrap_or_default();
    if ctx.state.users.values().any(|other| other.username == username) {
        let body =
            json!({"code": "existing_user_login", "message": "Sorry, that username already exists!", "data": null});
        return Err(Answer::json(500, &body));
    }
    let id = ctx.state.next_user;
    let mut user = accounts::new_user(id, &username, "", &[Role::Subscriber.name()], ctx.state.now());
    user.slug = slugify(&username, id);
    fill(ctx, &mut user)?;
    if ctx.state.users.values().any(|other| other.email == user.email) {
        let message = "Sorry, that email address is already used!";
        return Err(Answer::json(
            500,
            &json!({"code": "existing_user_email", "message": message, "data": null}),
        ));
    }
    ctx.state.next_user += 1;
    ctx.state.touch();
    ctx.state.users.insert(id, user);
    Ok(Answer::json(201, &record(ctx, &found(ctx, id)?, true)))
}

fn fill(ctx: &Ctx<'_>, user: &mut User) -> Result<(), Answer> {
    let texts: [(&str, &mut String); 8] = [
        ("name", &mut user.name),
        ("first_name", &mut user.first_name),
        ("last_name", &mut user.last_name),
        ("email", &mut user.email),
        ("url", &mut user.url),
        ("description", &mut user.description),
        ("locale", &mut user.locale),
        ("slug", &mut user.slug),
    ];
    for (name, field) in texts {
        if let Some(text) = ctx.arg_text(name) {
            *field = text;
        }
    }
    if !user.email.contains('@') {
        return Err(invalid_param("email", "rest_invalid_email", "Invalid email address."));
    }
    if let Some(roles) = ctx.arg("roles") {
        let roles: Vec<String> = roles
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|role| role.as_str().map(str::to_owned))
            .collect();
        if let Some(unknown) = roles
            .iter()
            .find(|role| Role::ALL.iter().all(|known| known.name() != role.as_str()))
        {
            let message = format!("The role {unknown} does not exist.");
            return Err(error(400, "rest_user_invalid_role", &message));
        }
        user.roles = roles;
    }
    Ok(())
}

fn update(ctx: &mut Ctx<'_>, id: u64) -> Reply {
    let mut user = found(ctx, id)?;
    if !ctx.is_admin() && ctx.user != Some(id) {
        return Err(ctx.refuse("rest_cannot_edit", "Sorry, you are not allowed to edit this user."));
    }
    if ctx.arg_text("username").is_some_and(|name| name != user.username) {
        return Err(error(400, "rest_user_invalid_argument", "Username is not editable."));
    }
    if ctx.arg("roles").is_some() && !ctx.is_admin() {
        return Err(ctx.refuse(
            "rest_cannot_edit_roles",
            "Sorry, you are not allowed to edit roles of this user.",
        ));
    }
    fill(ctx, &mut user)?;
    ctx.state.touch();
    ctx.state.users.insert(id, user);
    Ok(Answer::json(200, &record(ctx, &found(ctx, id)?, true)))
}

fn delete(ctx: &mut Ctx<'_>, id: u64) -> Reply {
    let user = found(ctx, id)?;
    if !ctx.is_admin() {
        return Err(ctx.refuse(
            "rest_user_cannot_delete",
            "Sorry, you are not allowed to delete this user.",
        ));
    }
    if !ctx.flag("force") {
        let message = "Users do not support trashing. Set 'force=true' to delete.";
        return Err(error(501, "rest_trash_not_supported", message));
    }
    let Some(heir) = ctx.arg_text("reassign") else {
        return Err(missing_param("reassign"));
    };
    let heir: u64 = heir.parse().unwrap_or(0);
    if heir != 0 && (heir == id || !ctx.state.users.contains_key(&heir)) {
        return Err(error(
            400,
            "rest_user_invalid_reassign",
            "Invalid user ID for reassignment.",
        ));
    }
    let previous = record(ctx, &user, true);
    accounts::remove_user(ctx.state, id, heir);
    Ok(Answer::json(200, &json!({"deleted": true, "previous": previous})))
}

fn passwords(ctx: &mut Ctx<'_>, id: u64, rest: &[&str]) -> Reply {
    let user = found(ctx, id)?;
    if !ctx.is_admin() && ctx.user != Some(id) {
        let message = "Sorry, you are not allowed to list application passwords for this user.";
        return Err(ctx.refuse("rest_cannot_list_application_passwords", message));
    }
    let named = |uuid: &str| user.passwords.iter().find(|password| password.uuid == uuid);
    let missing = || {
        error(
            404,
            "rest_application_password_not_found",
            "Application password not found.",
        )
    };
    match (ctx.ask.method.as_str(), rest) {
        ("GET", []) => Ok(Answer::json(200, &user.passwords.iter().map(show_password).collect())),
        ("GET", ["introspect"]) => {
            let used = ctx.password.as_deref().and_then(named);
            let none = || {
                error(
                    404,
                    "rest_no_authenticated_app_password",
                    "Cannot introspect Application Password.",
                )
            };
            Ok(Answer::json(200, &show_password(used.ok_or_else(none)?)))
        }
        ("GET", [uuid]) => Ok(Answer::json(200, &show_password(named(uuid).ok_or_else(missing)?))),
        ("POST", []) => {
            let Some(name) = ctx.arg_text("name") else {
                return Err(missing_param("name"));
            };
            let (made, secret) = accounts::new_password(ctx.state, id, &name);
            let mut record = show_password(&made);
            record["password"] = secret.into();
            Ok(Answer::json(201, &record))
        }
        ("DELETE", [uuid]) => {
            let previous = show_password(named(uuid).ok_or_else(missing)?);
            if let Some(user) = ctx.state.users.get_mut(&id) {
                user.passwords.retain(|password| password.uuid != *uuid);
            }
            Ok(Answer::json(200, &json!({"deleted": true, "previous": previous})))
        }
        _ => Err(no_route()),
    }
}

fn show_password(password: &ApplicationPassword) -> Value {
    json!({
        "uuid": password.uuid, "app_id": password.app_id, "name": password.name,
        "created": show::gmt(password.created), "last_used": password.last_used.map(show::gmt), "last_ip": null,
    })
}
