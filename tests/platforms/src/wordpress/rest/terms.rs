//! Categories, tags, custom terms, and menus, which are terms too.

use serde_json::{Map, Value, json};

use super::super::records::{Taxonomy, Term};
use super::super::state::slugify;
use super::params::{Page, choice, ids, list_key, texts};
use super::{Ctx, Reply, error, missing_param, no_route};
use crate::exchange::Answer;

pub(super) fn answer(ctx: &mut Ctx<'_>, taxonomy: &Taxonomy, rest: &[&str]) -> Reply {
    if taxonomy.slug == "nav_menu" && !ctx.is_admin() {
        return Err(ctx.refuse("rest_cannot_view", "Sorry, you are not allowed to view menus."));
    }
    let id = rest.first().and_then(|id| id.parse::<u64>().ok());
    match (ctx.ask.method.as_str(), rest, id) {
        ("GET", [], _) => list(ctx, taxonomy),
        ("POST", [], _) => create(ctx, taxonomy),
        ("GET", [_], Some(id)) => one(ctx, taxonomy, id),
        ("POST" | "PUT" | "PATCH", [_], Some(id)) => update(ctx, taxonomy, id),
        ("DELETE", [_], Some(id)) => delete(ctx, taxonomy, id),
        _ => Err(no_route()),
    }
}

fn found(ctx: &Ctx<'_>, taxonomy: &Taxonomy, id: u64) -> Result<Term, Answer> {
    let term = ctx.state.terms.get(&taxonomy.slug).and_then(|terms| terms.get(&id));
    term.cloned()
        .ok_or_else(|| error(404, "rest_term_invalid", "Term does not exist."))
}

fn guard_edit(ctx: &Ctx<'_>, edit: bool) -> Result<(), Answer> {
    match edit && !ctx.is_editor() {
        true => Err(ctx.refuse(
            "rest_forbidden_context",
            "Sorry, you are not allowed to edit terms in this taxonomy.",
        )),
        false => Ok(()),
    }
}

fn list(ctx: &mut Ctx<'_>, taxonomy: &Taxonomy) -> Reply {
    let edit = ctx.wants_edit()?;
    guard_edit(ctx, edit)?;
    let page = Page::read(ctx.ask)?;
    let (include, exclude) = (ids(ctx.ask, "include")?, ids(ctx.ask, "exclude")?);
    let (parents, slugs) = (ids(ctx.ask, "parent")?, texts(ctx.ask, "slug"));
    let of_post = ids(ctx.ask, "post")?;
    let search = ctx.ask.param("search").map(str::to_lowercase);
    let hide_empty = matches!(
        choice(ctx.ask, "hide_empty", &["true", "false", "1", "0"], "false")?,
        "true" | "1"
    );
    let orders = [
        "id",
        "include",
        "name",
        "slug",
        "include_slugs",
        "term_group",
        "description",
        "count",
    ];
    let order_by = choice(ctx.ask, "orderby", &orders, "name")?.to_owned();
    let ascending = choice(ctx.ask, "order", &["asc", "desc"], "asc")? == "asc";
    // Counting once makes all the counts below cheap.
    ctx.state.term_count(0);
    let all: Vec<u64> = ctx
        .state
        .terms
        .get(&taxonomy.slug)
        .map(|terms| terms.keys().copied().collect())
        .unwrap_or_default();
    let full: Vec<u64> = all
        .into_iter()
        .filter(|id| !hide_empty || ctx.state.term_count(*id) > 0)
        .collect();
    let key = list_key(ctx, edit);
    let chosen = ctx.state.list(key, |state| {
        let Some(terms) = state.terms.get(&taxonomy.slug) else {
            return Vec::new();
        };
        let held: Option<Vec<u64>> = of_post.map(|posts| {
            let posts = posts.iter().filter_map(|id| state.post(*id));
            posts
                .flat_map(|post| post.terms.get(&taxonomy.slug).cloned().unwrap_or_default())
                .collect()
        });
        let mut chosen: Vec<&Term> = full.iter().filter_map(|id| terms.get(id)).collect();
        chosen.retain(|term| {
            include.as_ref().is_none_or(|ids| ids.contains(&term.id))
                && exclude.as_ref().is_none_or(|ids| !ids.contains(&term.id))
                && parents.as_ref().is_none_or(|ids| ids.contains(&term.parent))
                && slugs.as_ref().is_none_or(|slugs| slugs.contains(&term.slug))
                && held.as_ref().is_none_or(|held| held.contains(&term.id))
                && search
                    .as_ref()
                    .is_none_or(|words| term.name.to_lowercase().contains(words))
        });
        chosen.sort_by(|a, b| match order_by.as_str() {
            "id" => a.id.cmp(&b.id),
            "slug" => a.slug.cmp(&b.slug),
            _ => a.name.cmp(&b.name).then(a.id.cmp(&b.id)),
        });
        if !ascending {
            chosen.reverse();
        }
        chosen.into_iter().map(|term| term.id).collect()
    });
    let mut records = Vec::new();
    for id in page.of(&chosen) {
        let term = found(ctx, taxonomy, *id)?;
        records.push(record(ctx, taxonomy, &term));
    }
    Ok(page.answer(ctx, records, chosen.len()))
}

fn record(ctx: &mut Ctx<'_>, taxonomy: &Taxonomy, term: &Term) -> Value {
    let mut record = json!({
        "id": term.id,
        "count": ctx.state.term_count(term.id),
        "description": term.description,
        "link": format!("{}/{}/{}/", ctx.state.base_url, taxonomy.slug, term.slug),
        "name": term.name,
        "slug": term.slug,
        "taxonomy": term.taxonomy,
        "meta": term.meta,
    });
    if taxonomy.hierarchical {
        record["parent"] = term.parent.into();
    }
    if taxonomy.slug == "nav_menu" {
        let locations = ctx
            .state
            .menu_locations
            .iter()
            .filter(|(_, (_, menu))| *menu == term.id);
        record["locations"] = locations.map(|(slug, _)| slug.as_str()).collect();
        record["auto_add"] = term.auto_add.into();
        if let Value::Object(fields) = &mut record {
            ["count", "link", "taxonomy"]
                .iter()
                .for_each(|name| drop(fields.remove(*name)));
        }
    }
    record
}

fn one(ctx: &mut Ctx<'_>, taxonomy: &Taxonomy, id: u64) -> Reply {
    let edit = ctx.wants_edit()?;
    guard_edit(ctx, edit)?;
    let term = found(ctx, taxonomy, id)?;
    let record = record(ctx, taxonomy, &term);
    Ok(Answer::json(200, &ctx.trimmed(record)))
}

fn create(ctx: &mut Ctx<'_>, taxonomy: &Taxonomy) -> Reply {
    if !ctx.is_editor() {
        return Err(ctx.refuse(
            "rest_cannot_create",
            "Sorry, you are not allowed to create terms in this taxonomy.",
        ));
    }
    let Some(name) = ctx.arg_text("name") else {
        return Err(missing_param("name"));
    };
    if name.trim().is_empty() {
        return Err(error(500, "empty_term_name", "A name is required for this term."));
    }
    let mut term = Term {
        id: ctx.state.next_term,
        taxonomy: taxonomy.slug.clone(),
        slug: String::new(),
        name,
        description: String::new(),
        parent: 0,
        meta: Map::new(),
        auto_add: false,
    };
    fill(ctx, taxonomy, &mut term)?;
    let slug_given = !term.slug.is_empty();
    if term.slug.is_empty() {
        term.slug = slugify(&term.name, term.id);
    }
    let twin = ctx
        .state
        .terms
        .get(&taxonomy.slug)
        .into_iter()
        .flat_map(|terms| terms.values())
        .find(|other| {
            let same_name = other.name == term.name && other.parent == term.parent;
            other.slug == term.slug || (same_name && !slug_given)
        });
    if let Some(twin) = twin {
        let body = json!({
            "code": "term_exists",
            "message": "A term with the name provided already exists with this parent.",
            "data": {"status": 400, "term_id": twin.id},
        });
        return Err(Answer::json(400, &body));
    }
    let id = term.id;
    ctx.state.next_term += 1;
    store(ctx, taxonomy, term);
    let term = found(ctx, taxonomy, id)?;
    Ok(Answer::json(201, &record(ctx, taxonomy, &term)))
}

fn store(ctx: &mut Ctx<'_>, taxonomy: &Taxonomy, term: Term) {
    ctx.state.touch();
    if let Some(locations) = ctx.arg("locations").filter(|_| taxonomy.slug == "nav_menu") {
        let wanted: Vec<&str> = locations
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for (slug, (_, menu)) in &mut ctx.state.menu_locations {
            match (wanted.contains(&slug.as_str()), *menu == term.id) {
                (true, _) => *menu = term.id,
                (false, true) => *menu = 0,
                (false, false) => {}
            }
        }
    }
    ctx.state
        .terms
        .entry(taxonomy.slug.clone())
        .or_default()
        .insert(term.id, term);
}

fn fill(ctx: &Ctx<'_>, taxonomy: &Taxonomy, term: &mut Term) -> Result<(), Answer> {
    if let Some(name) = ctx.arg_text("name") {
        term.name = name;
    }
    if let Some(slug) = ctx.arg_text("slug").filter(|slug| !slug.is_empty()) {
        term.slug = slugify(&slug, term.id);
    }
    if let Some(description) = ctx.arg_text("description") {
        term.description = description;
    }
    if let Some(parent) = ctx.arg("parent") {
        if !taxonomy.hierarchical {
            let message = "Cannot set parent term, taxonomy is not hierarchical.";
            return Err(error(400, "rest_taxonomy_not_hierarchical", message));
        }
        term.parent = parent.as_u64().or_else(|| parent.as_str()?.parse().ok()).unwrap_or(0);
        if term.parent != 0 && found(ctx, taxonomy, term.parent).is_err() {
            return Err(error(400, "rest_term_invalid", "Parent term does not exist."));
        }
    }
    if let Some(locations) = ctx.arg("locations").filter(|_| taxonomy.slug == "nav_menu") {
        let names = locations.as_array().into_iter().flatten().filter_map(Value::as_str);
        if names
            .into_iter()
            .any(|name| !ctx.state.menu_locations.contains_key(name))
        {
            return Err(error(400, "rest_invalid_menu_location", "Invalid menu location."));
        }
    }
    term.auto_add = ctx
        .arg("auto_add")
        .and_then(|flag| flag.as_bool())
        .unwrap_or(term.auto_add);
    Ok(())
}

fn update(ctx: &mut Ctx<'_>, taxonomy: &Taxonomy, id: u64) -> Reply {
    let mut term = found(ctx, taxonomy, id)?;
    if !ctx.is_editor() {
        return Err(ctx.refuse("rest_cannot_update", "Sorry, you are not allowed to edit this term."));
    }
    fill(ctx, taxonomy, &mut term)?;
    let others = ctx
        .state
        .terms
        .get(&taxonomy.slug)
        .into_iter()
        .flat_map(|terms| terms.values());
    if others
        .into_iter()
        .any(|other| other.id != id && other.slug == term.slug)
    {
        let message = format!(
            "The slug &#8220;{}&#8221; is already in use by another term.",
            term.slug
        );
        return Err(error(400, "duplicate_term_slug", &message));
    }
    store(ctx, taxonomy, term);
    let term = found(ctx, taxonomy, id)?;
    Ok(Answer::json(200, &record(ctx, taxonomy, &term)))
}

fn delete(ctx: &mut Ctx<'_>, taxonomy: &Taxonomy, id: u64) -> Reply {
    let term = found(ctx, taxonomy, id)?;
    if !ctx.is_editor() {
        return Err(ctx.refuse("rest_cannot_delete", "Sorry, you are not allowed to delete this term."));
    }
    if !ctx.flag("force") {
        let message = "Terms do not support trashing. Set 'force=true' to delete.";
        return Err(error(501, "rest_trash_not_supported", message));
    }
    let previous = record(ctx, taxonomy, &term);
    ctx.state.delete_term(&taxonomy.slug, id);
    Ok(Answer::json(200, &json!({"deleted": true, "previous": previous})))
}
