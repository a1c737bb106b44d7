//! Sidebars and the widgets in them.

use serde_json::{Value, json};

use super::{Ctx, Reply, error, missing_param, no_route};
use crate::exchange::Answer;

/// Where widgets go that stand nowhere.
const INACTIVE: &str = "wp_inactive_widgets";

fn guard(ctx: &Ctx<'_>) -> Result<(), Answer> {
    match ctx.is_admin() {
        true => Ok(()),
        false => {
            let message = "Sorry, you are not allowed to manage widgets on this site.";
            Err(ctx.refuse("rest_cannot_manage_widgets", message))
        }
    }
}

pub(super) fn sidebars(ctx: &mut Ctx<'_>, rest: &[&str]) -> Reply {
    guard(ctx)?;
    let missing = || error(404, "rest_sidebar_not_found", "No sidebar exists with that id.");
    match (ctx.ask.method.as_str(), rest) {
        ("GET", []) => {
            let all = ctx.state.sidebars.keys().filter_map(|id| sidebar(ctx, id));
            Ok(Answer::json(200, &all.collect()))
        }
        ("GET", [id]) => Ok(Answer::json(200, &sidebar(ctx, id).ok_or_else(missing)?)),
        ("POST" | "PUT" | "PATCH", [id]) => {
            sidebar(ctx, id).ok_or_else(missing)?;
            if let Some(wanted) = ctx.arg("widgets") {
                let wanted: Vec<String> = wanted
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|id| id.as_str().map(str::to_owned))
                    .collect();
                let wanted: Vec<String> = wanted
                    .into_iter()
                    .filter(|id| ctx.state.widgets.contains_key(id))
                    .collect();
                let old = ctx
                    .state
                    .sidebars
                    .get(*id)
                    .map(|(_, old)| old.clone())
                    .unwrap_or_default();
                for widget in old.iter().filter(|old| !wanted.contains(old)) {
                    place(ctx, widget, INACTIVE);
                }
                for widget in &wanted {
                    place(ctx, widget, id);
                }
                if let Some((_, widgets)) = ctx.state.sidebars.get_mut(*id) {
                    *widgets = wanted;
                }
            }
            Ok(Answer::json(200, &sidebar(ctx, id).ok_or_else(missing)?))
        }
        _ => Err(no_route()),
    }
}

fn sidebar(ctx: &Ctx<'_>, id: &str) -> Option<Value> {
    let (name, widgets) = ctx.state.sidebars.get(id)?;
    let status = if id == INACTIVE { "inactive" } else { "active" };
    Some(
        json!({"id": id, "name": name, "description": "", "class": "", "before_widget": "", "after_widget": "",
        "before_title": "", "after_title": "", "status": status, "widgets": widgets}),
    )
}

/// Takes a widget out of its sidebar and puts it at the end of another.
fn place(ctx: &mut Ctx<'_>, widget: &str, sidebar: &str) {
    ctx.state
        .sidebars
        .values_mut()
        .for_each(|(_, widgets)| widgets.retain(|other| other != widget));
    let entry = ctx.state.sidebars.entry(sidebar.to_owned());
    entry
        .or_insert_with(|| ("Inactive widgets".to_owned(), Vec::new()))
        .1
        .push(widget.to_owned());
}

pub(super) fn widgets(ctx: &mut Ctx<'_>, rest: &[&str]) -> Reply {
    guard(ctx)?;
    ctx.wants_edit()?;
    let missing = || error(404, "rest_widget_not_found", "No widget was found with that id.");
    match (ctx.ask.method.as_str(), rest) {
        ("GET", []) => {
            let wanted = ctx.ask.param("sidebar");
            let places = ctx
                .state
                .sidebars
                .iter()
                .filter(|(id, _)| wanted.is_none_or(|wanted| wanted == *id));
            let ids = places.flat_map(|(_, (_, widgets))| widgets);
            Ok(Answer::json(200, &ids.filter_map(|id| widget(ctx, id)).collect()))
        }
        ("POST", []) => {
            let Some(base) = ctx.arg_text("id_base") else {
                return Err(missing_param("id_base"));
            };
            let Some(sidebar) = ctx.arg_text("sidebar") else {
                return Err(missing_param("sidebar"));
            };
            if sidebar != INACTIVE && !ctx.state.sidebars.contains_key(&sidebar) {
                return Err(error(400, "rest_invalid_sidebar", "No sidebar exists with that id."));
            }
            let numbers = ctx
                .state
                .widgets
                .keys()
                .filter_map(|id| id.rsplit_once('-')?.1.parse::<u64>().ok());
            // An id that is given is kept.
            let given = ctx.arg_text("id").filter(|id| !ctx.state.widgets.contains_key(id));
            let id = given.unwrap_or_else(|| format!("{base}-{}", numbers.max().unwrap_or(1) + 1));
            write(ctx, &id)?;
            place(ctx, &id, &sidebar);
            Ok(Answer::json(201, &widget(ctx, &id).ok_or_else(missing)?))
        }
        (method, [id]) => {
            let before = widget(ctx, id).ok_or_else(missing)?;
            match method {
                "GET" => return Ok(Answer::json(200, &before)),
                "POST" | "PUT" | "PATCH" => {
                    write(ctx, id)?;
                    if let Some(sidebar) = ctx.arg_text("sidebar").filter(|sidebar| before["sidebar"] != **sidebar) {
                        place(ctx, id, &sidebar);
                    }
                }
                "DELETE" if ctx.flag("force") => {
                    ctx.state.widgets.remove(*id);
                    ctx.state
                        .sidebars
                        .values_mut()
                        .for_each(|(_, widgets)| widgets.retain(|other| other != id));
                    return Ok(Answer::json(200, &json!({"deleted": true, "previous": before})));
                }
                "DELETE" => place(ctx, id, INACTIVE),
                _ => return Err(no_route()),
            }
            Ok(Answer::json(200, &widget(ctx, id).ok_or_else(missing)?))
        }
        _ => Err(no_route()),
    }
}

fn write(ctx: &mut Ctx<'_>, id: &str) -> Result<(), Answer> {
    let Some(instance) = ctx.arg("instance") else {
        ctx.state.widgets.entry(id.to_owned()).or_insert_with(|| json!({}));
        return Ok(());
    };
    let Some(raw) = instance.get("raw").cloned() else {
        let message = "The provided instance is invalid. Must contain raw OR encoded and hash.";
        return Err(error(400, "rest_invalid_widget", message));
    };
    ctx.state.widgets.insert(id.to_owned(), raw);
    Ok(())
}

fn widget(ctx: &Ctx<'_>, id: &str) -> Option<Value> {
    let raw = ctx.state.widgets.get(id)?;
    let sidebar = ctx
        .state
        .sidebars
        .iter()
        .find(|(_, (_, widgets))| widgets.iter().any(|other| other == id))?
        .0;
    let rendered = raw.get("content").and_then(Value::as_str).unwrap_or_default();
    Some(json!({
        "id": id, "id_base": id.rsplit_once('-').map_or(id, |(base, _)| base), "sidebar": sidebar, "rendered": rendered,
        "rendered_form": "", "instance": {"raw": raw},
    }))
}

pub(super) fn widget_types(ctx: &Ctx<'_>, rest: &[&str]) -> Reply {
    guard(ctx)?;
    let all = [("block", "Block"), ("text", "Text"), ("search", "Search")];
    let show = |(id, name): &(&str, &str)| json!({"id": id, "name": name, "description": "", "is_multi": true, "classname": ""});
    match (ctx.ask.method.as_str(), rest) {
        ("GET", []) => Ok(Answer::json(200, &all.iter().map(show).collect())),
        ("GET", [id]) => {
            let missing = || error(404, "rest_widget_invalid", "Invalid widget type.");
            Ok(Answer::json(
                200,
                &show(all.iter().find(|(known, _)| known == id).ok_or_else(missing)?),
            ))
        }
        _ => Err(no_route()),
    }
}
