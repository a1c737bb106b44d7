//! Settings, plugins, themes, and the objects keyed by slug: types, taxonomies, statuses.

use serde_json::{Map, Value, json};

use super::super::records::{PostType, Taxonomy};
use super::{Ctx, Reply, error, invalid_param, missing_param, no_route};
use crate::exchange::Answer;

pub(super) fn settings(ctx: &mut Ctx<'_>) -> Reply {
    if !ctx.is_admin() {
        return Err(ctx.refuse("rest_forbidden", "Sorry, you are not allowed to do that."));
    }
    match ctx.ask.method.as_str() {
        "GET" => {}
        "POST" | "PUT" | "PATCH" => {
            let changes: Vec<(String, Value)> = ctx
                .body
                .iter()
                .filter(|(name, _)| ctx.state.settings.contains_key(*name))
                .map(own)
                .collect();
            for (name, value) in &changes {
                let old = ctx.state.settings.get(name).unwrap_or(&Value::Null);
                if let Some(wanted) = mismatch(old, value) {
                    let message = format!("{name} is not of type {wanted}.");
                    return Err(invalid_param(name, "rest_invalid_type", &message));
                }
            }
            ctx.state.touch();
            ctx.state.settings.extend(changes);
        }
        _ => return Err(no_route()),
    }
    let settings = Value::Object(ctx.state.settings.clone());
    Ok(Answer::json(200, &ctx.trimmed(settings)))
}

fn own((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

/// The type that was wanted, if another came; `null` resets a setting.
fn mismatch(old: &Value, new: &Value) -> Option<&'static str> {
    match (old, new) {
        (_, Value::Null) => None,
        (Value::String(_), new) if !new.is_string() => Some("string"),
        (Value::Number(_), new) if !new.is_number() => Some("integer"),
        (Value::Bool(_), new) if !new.is_boolean() => Some("boolean"),
        _ => None,
    }
}

pub(super) fn plugins(ctx: &mut Ctx<'_>, rest: &[&str]) -> Reply {
    if !ctx.is_admin() {
        let message = "Sorry, you are not allowed to manage plugins for this site.";
        return Err(ctx.refuse("rest_cannot_view_plugins", message));
    }
    let name = rest.join("/");
    let missing = || error(404, "rest_plugin_not_found", "Plugin not found.");
    match (ctx.ask.method.as_str(), rest) {
        ("GET", []) => {
            let wanted = ctx.ask.param("status");
            let all = ctx.state.plugins.values().filter(|plugin| {
                wanted.is_none_or(|wanted| plugin.get("status").and_then(Value::as_str) == Some(wanted))
            });
            Ok(Answer::json(200, &all.cloned().map(Value::Object).collect()))
        }
        ("POST", []) => install(ctx),
        ("GET", _) => {
            let plugin = ctx.state.plugins.get(&name).ok_or_else(missing)?;
            Ok(Answer::json(200, &Value::Object(plugin.clone())))
        }
        ("POST" | "PUT" | "PATCH", _) => {
            let status = ctx.arg_text("status");
            let plugin = ctx.state.plugins.get_mut(&name).ok_or_else(missing)?;
            match status.as_deref() {
                None => {}
                Some(status @ ("active" | "inactive")) => {
                    plugin.insert("status".to_owned(), status.into());
                }
                Some(_) => {
                    return Err(invalid_param(
                        "status",
                        "rest_not_in_enum",
                        "status is not one of inactive, active.",
                    ));
                }
            }
            Ok(Answer::json(200, &Value::Object(plugin.clone())))
        }
        ("DELETE", _) => {
            let plugin = ctx.state.plugins.get(&name).ok_or_else(missing)?.clone();
            if plugin.get("status").and_then(Value::as_str) == Some("active") {
                let message = "Cannot delete an active plugin. Please deactivate it first.";
                return Err(error(400, "rest_cannot_delete_active_plugin", message));
            }
            ctx.state.plugins.remove(&name);
            Ok(Answer::json(200, &json!({"deleted": true, "previous": plugin})))
        }
        _ => Err(no_route()),
    }
}

/// Installs from the public directory, which knows every slug but those of paid and private plugins.
fn install(ctx: &mut Ctx<'_>) -> Reply {
    let Some(slug) = ctx.arg_text("slug") else {
        return Err(missing_param("slug"));
    };
    let name = format!("{slug}/{slug}");
    if slug.ends_with("-pro") || slug.ends_with("-private") {
        return Err(error(404, "plugins_api_failed", "Plugin not found."));
    }
    if ctx.state.plugins.contains_key(&name) {
        return Err(error(500, "folder_exists", "Destination folder already exists."));
    }
    let status = ctx.arg_text("status").unwrap_or_else(|| "inactive".to_owned());
    let plugin = plugin(&name, &slug, "1.0.0", &status);
    ctx.state.plugins.insert(name, plugin.clone());
    Ok(Answer::json(201, &Value::Object(plugin)))
}

/// A plugin as REST shows it.
pub(in super::super) fn plugin(file: &str, name: &str, version: &str, status: &str) -> Map<String, Value> {
    let record = json!({
        "plugin": file, "status": status, "name": name, "plugin_uri": "", "author": "Example Works", "author_uri": "",
        "description": {"raw": format!("{name} for this site."), "rendered": format!("{name} for this site.")},
        "version": version, "network_only": false, "requires_wp": "6.1", "requires_php": "7.4", "textdomain": name,
    });
    if let Value::Object(record) = record {
        record
    } else {
        Map::new()
    }
}

pub(super) fn themes(ctx: &mut Ctx<'_>, rest: &[&str]) -> Reply {
    if !ctx.is_admin() {
        return Err(ctx.refuse("rest_cannot_view_themes", "Sorry, you are not allowed to view themes."));
    }
    let styles = ctx
        .state
        .posts
        .get("wp_global_styles")
        .and_then(|posts| posts.keys().next())
        .copied();
    let show = |theme: &Map<String, Value>| {
        let mut record = theme.clone();
        let base = format!("{}/wp-json/wp/v2", ctx.state.base_url);
        let stylesheet = theme.get("stylesheet").and_then(Value::as_str).unwrap_or_default();
        let mut links = json!({"self": [{"href": format!("{base}/themes/{stylesheet}")}]});
        let active = theme.get("status").and_then(Value::as_str) == Some("active");
        if let Some(styles) = styles.filter(|_| active) {
            links["wp:user-global-styles"] = json!([{"href": format!("{base}/global-styles/{styles}")}]);
        }
        record.insert("_links".to_owned(), links);
        Value::Object(record)
    };
    match (ctx.ask.method.as_str(), rest) {
        ("GET", []) => {
            let wanted = ctx.ask.param("status");
            let all = ctx.state.themes.values().filter(|theme| {
                wanted.is_none_or(|wanted| theme.get("status").and_then(Value::as_str) == Some(wanted))
            });
            Ok(Answer::json(200, &all.map(show).collect()))
        }
        ("GET", [stylesheet]) => {
            let missing = || error(404, "rest_theme_not_found", "Theme not found.");
            Ok(Answer::json(
                200,
                &show(ctx.state.themes.get(*stylesheet).ok_or_else(missing)?),
            ))
        }
        _ => Err(no_route()),
    }
}

/// The objects keyed by slug share their reads.
fn keyed(ctx: &Ctx<'_>, rest: &[&str], all: Map<String, Value>, missing: (&str, &str)) -> Reply {
    match (ctx.ask.method.as_str(), rest) {
        ("GET", []) => Ok(Answer::json(200, &Value::Object(all))),
        ("GET", [slug]) => {
            let record = all
                .get(*slug)
                .cloned()
                .ok_or_else(|| error(404, missing.0, missing.1))?;
            Ok(Answer::json(200, &ctx.trimmed(record)))
        }
        _ => Err(no_route()),
    }
}

pub(super) fn types(ctx: &Ctx<'_>, rest: &[&str]) -> Reply {
    let edit = ctx.wants_edit()?;
    if edit && !ctx.edits_posts() {
        return Err(ctx.refuse(
            "rest_cannot_view",
            "Sorry, you are not allowed to edit posts in this post type.",
        ));
    }
    let visible = ctx.state.types.values().filter(|kind| kind.show_in_rest);
    let all = visible
        .map(|kind| (kind.slug.clone(), show_type(ctx, kind, edit)))
        .collect();
    keyed(ctx, rest, all, ("rest_type_invalid", "Invalid post type."))
}

fn show_type(ctx: &Ctx<'_>, kind: &PostType, edit: bool) -> Value {
    let mut record = json!({
        "description": "", "hierarchical": kind.hierarchical, "has_archive": kind.slug == "post", "name": kind.name,
        "slug": kind.slug, "icon": null, "taxonomies": kind.taxonomies, "rest_base": kind.rest_base,
        "rest_namespace": "wp/v2",
        "_links": {"wp:items": [{"href": format!("{}/wp-json/wp/v2/{}", ctx.state.base_url, kind.rest_base)}]},
    });
    if edit {
        record["capabilities"] = json!({"edit_posts": "edit_posts"});
        record["labels"] = json!({"name": kind.name});
        record["viewable"] = (!kind.slug.starts_with("wp_")).into();
        record["supports"] = json!({"title": true, "editor": true});
    }
    record
}

pub(super) fn taxonomies(ctx: &Ctx<'_>, rest: &[&str]) -> Reply {
    let edit = ctx.wants_edit()?;
    if edit && !ctx.is_editor() {
        return Err(ctx.refuse(
            "rest_cannot_view",
            "Sorry, you are not allowed to manage terms in this taxonomy.",
        ));
    }
    let visible = ctx.state.taxonomies.values().filter(|taxonomy| taxonomy.show_in_rest);
    let all = visible
        .map(|taxonomy| (taxonomy.slug.clone(), show_taxonomy(ctx, taxonomy, edit)))
        .collect();
    keyed(ctx, rest, all, ("rest_taxonomy_invalid", "Invalid taxonomy."))
}

fn show_taxonomy(ctx: &Ctx<'_>, taxonomy: &Taxonomy, edit: bool) -> Value {
    let mut record = json!({
        "name": taxonomy.name, "slug": taxonomy.slug, "description": "", "types": taxonomy.types,
        "hierarchical": taxonomy.hierarchical, "rest_base": taxonomy.rest_base, "rest_namespace": "wp/v2",
        "_links": {"wp:items": [{"href": format!("{}/wp-json/wp/v2/{}", ctx.state.base_url, taxonomy.rest_base)}]},
    });
    if edit {
        record["capabilities"] = json!({"manage_terms": "manage_categories"});
        record["labels"] = json!({"name": taxonomy.name});
        record["show_cloud"] = true.into();
        record["visibility"] = json!({"public": true});
    }
    record
}

pub(super) fn statuses(ctx: &Ctx<'_>, rest: &[&str]) -> Reply {
    let edit = ctx.wants_edit()?;
    if edit && !ctx.edits_posts() {
        return Err(ctx.refuse(
            "rest_cannot_view",
            "Sorry, you are not allowed to manage post statuses.",
        ));
    }
    let known = [
        ("publish", "Published", true),
        ("future", "Scheduled", false),
        ("draft", "Draft", false),
        ("pending", "Pending", false),
        ("private", "Private", false),
        ("trash", "Trash", false),
    ];
    let visible = known
        .iter()
        .filter(|(slug, _, _)| *slug == "publish" || ctx.edits_posts());
    let all = visible.map(|(slug, name, public)| {
        let mut record = json!({"name": name, "slug": slug, "public": public, "queryable": public, "date_floating": *slug == "draft"});
        if edit {
            record["private"] = (*slug == "private").into();
            record["protected"] = matches!(*slug, "future" | "draft" | "pending").into();
            record["show_in_list"] = (*slug != "trash").into();
        }
        ((*slug).to_owned(), record)
    });
    keyed(ctx, rest, all.collect(), ("rest_status_invalid", "Invalid status."))
}
