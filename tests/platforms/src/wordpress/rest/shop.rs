//! WooCommerce's REST API, `wc/v3`.

use jiff::civil;
use serde_json::{Map, Value, json};

use super::super::woo::{ShopRecord, Woo};
use super::params::{Page, Time, choice, ids, list_key, parse_time, texts};
use super::{Ctx, Reply, error, invalid_param, missing_param, no_route, show};
use crate::exchange::Answer;

const ORDER_STATUSES: [&str; 8] = [
    "pending",
    "processing",
    "on-hold",
    "completed",
    "cancelled",
    "refunded",
    "failed",
    "trash",
];
const PRODUCT_STATUSES: [&str; 6] = ["draft", "pending", "private", "publish", "future", "trash"];
const COLLECTIONS: [&str; 8] = [
    "orders",
    "products",
    "customers",
    "coupons",
    "taxes",
    "webhooks",
    "products/attributes",
    "products/categories",
];
const MORE_COLLECTIONS: [&str; 4] = [
    "products/tags",
    "products/reviews",
    "products/shipping_classes",
    "shipping/zones",
];

/// How the asker signed in at the shop.
fn permission(ctx: &Ctx<'_>) -> Result<bool, Answer> {
    let given = ctx.ask.basic().filter(|(key, _)| key.starts_with("ck_")).or_else(|| {
        Some((
            ctx.ask.param("consumer_key")?.to_owned(),
            ctx.ask.param("consumer_secret")?.to_owned(),
        ))
    });
    let keys = ctx.state.woo.iter().flat_map(|woo| &woo.keys);
    match given {
        Some((key, secret)) => {
            let found = keys
                .into_iter()
                .find(|(known, with, _)| *known == key && *with == secret);
            let wrong = || error(401, "woocommerce_rest_authentication_error", "Consumer key is invalid.");
            found.map(|(_, _, writes)| *writes).ok_or_else(wrong)
        }
        None if ctx.is_admin() => Ok(true),
        None => Err(ctx.refuse("woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")),
    }
}

pub(super) fn answer(ctx: &mut Ctx<'_>, rest: &[&str]) -> Reply {
    let writes = permission(ctx)?;
    if ctx.ask.method != "GET" && !writes {
        let message = "The API key provided does not have write permissions.";
        return Err(error(401, "woocommerce_rest_authentication_error", message));
    }
    let path = rest.join("/");
    if let Some(table) = path.strip_suffix("/batch").filter(|table| is_table(ctx, table)) {
        return batch(ctx, table);
    }
    if is_table(ctx, &path) {
        return match ctx.ask.method.as_str() {
            "GET" => list(ctx, &path),
            "POST" => {
                let body = ctx.body.clone();
                let id = create(ctx, &path, body)?;
                Ok(Answer::json(201, &one(ctx, &path, id)?))
            }
            _ => Err(no_route()),
        };
    }
    if let Some((table, id)) = path.rsplit_once('/')
        && is_table(ctx, table)
        && let Ok(id) = id.parse()
    {
        return single(ctx, table, id);
    }
    flat(ctx, &path)
}

/// Whether the path is a collection of numbered records; below a record, the record must exist.
fn is_table(ctx: &Ctx<'_>, path: &str) -> bool {
    if COLLECTIONS.contains(&path) || MORE_COLLECTIONS.contains(&path) {
        return true;
    }
    let parts: Vec<&str> = path.rsplitn(3, '/').collect();
    let [leaf, id, parent] = parts.as_slice() else {
        return false;
    };
    let fits = matches!(
        (*parent, *leaf),
        ("orders", "notes" | "refunds")
            | ("products", "variations")
            | ("products/attributes", "terms")
            | ("shipping/zones", "methods")
    );
    fits && id.parse().is_ok_and(|id| record(ctx, parent, id).is_some())
}

fn record<'a>(ctx: &'a Ctx<'_>, table: &str, id: u64) -> Option<&'a ShopRecord> {
    ctx.state.woo.as_ref()?.tables.get(table)?.get(&id)
}

fn shop<'a>(ctx: &'a mut Ctx<'_>) -> Result<&'a mut Woo, Answer> {
    ctx.state.touch();
    ctx.state.woo.as_mut().ok_or_else(no_route)
}

/// Tables whose records have a status and a trash.
fn statuses(table: &str) -> Option<&'static [&'static str]> {
    match table {
        "orders" => Some(&ORDER_STATUSES),
        "products" | "coupons" => Some(&PRODUCT_STATUSES),
        table if table.ends_with("/variations") => Some(&PRODUCT_STATUSES),
        _ => None,
    }
}

/// A time filter: on the site's clock, unless `dates_are_gmt` says that it is UTC.
fn time(ctx: &Ctx<'_>, name: &str) -> Result<Option<civil::DateTime>, Answer> {
    let Some(text) = ctx.ask.param(name) else {
        return Ok(None);
    };
    let in_gmt = ctx.flag("dates_are_gmt");
    let zone = if in_gmt {
        jiff::tz::TimeZone::UTC
    } else {
        ctx.state.time_zone()
    };
    let time = parse_time(text).map(|time| match time {
        Time::Absolute(time) => zone.to_datetime(time),
        Time::Local(time) => time,
    });
    time.map(Some)
        .ok_or_else(|| invalid_param(name, "rest_invalid_date", "Invalid date."))
}

fn list(ctx: &mut Ctx<'_>, table: &str) -> Reply {
    ctx.wants_edit()?;
    let page = Page::read(ctx.ask)?;
    let wanted = wanted_statuses(ctx, table)?;
    let zone = if ctx.flag("dates_are_gmt") {
        jiff::tz::TimeZone::UTC
    } else {
        ctx.state.time_zone()
    };
    let dated = matches!(table, "orders" | "products" | "coupons");
    let (after, before) = match dated {
        true => (time(ctx, "modified_after")?, time(ctx, "modified_before")?),
        false => (None, None),
    };
    let (include, exclude) = (ids(ctx.ask, "include")?, ids(ctx.ask, "exclude")?);
    let orders = [
        "date",
        "id",
        "include",
        "title",
        "slug",
        "name",
        "modified",
        "registered_date",
        "order",
        "count",
    ];
    let order_by = choice(ctx.ask, "orderby", &orders, "date")?.to_owned();
    let ascending = choice(ctx.ask, "order", &["asc", "desc"], "desc")? == "asc";
    let search: Vec<(&str, String)> = ["sku", "code", "email", "slug"]
        .iter()
        .filter_map(|name| Some((*name, ctx.ask.param(name)?.to_owned())))
        .collect();
    let key = list_key(ctx, true);
    let chosen = ctx.state.list(key, |state| {
        let records = state.woo.iter().filter_map(|woo| woo.tables.get(table)).flatten();
        let mut chosen: Vec<(&u64, &ShopRecord)> = records.collect();
        chosen.retain(|(id, record)| {
            let status = record.fields.get("status").and_then(Value::as_str).unwrap_or_default();
            wanted
                .as_ref()
                .is_none_or(|wanted| wanted.iter().any(|one| one == status))
                && after.is_none_or(|time| zone.to_datetime(record.modified) > time)
                && before.is_none_or(|time| zone.to_datetime(record.modified) < time)
                && include.as_ref().is_none_or(|ids| ids.contains(id))
                && exclude.as_ref().is_none_or(|ids| !ids.contains(id))
                && search
                    .iter()
                    .all(|(name, text)| record.fields.get(*name).and_then(Value::as_str) == Some(text))
        });
        chosen.sort_by_key(|(id, record)| match order_by.as_str() {
            "id" => (0, **id),
            "modified" => (record.modified.as_second(), **id),
            _ => (record.created.as_second(), **id),
        });
        if !ascending {
            chosen.reverse();
        }
        chosen.into_iter().map(|(id, _)| *id).collect()
    });
    let records: Result<Vec<Value>, Answer> = page.of(&chosen).iter().map(|id| one(ctx, table, *id)).collect();
    Ok(page.answer(ctx, records?, chosen.len()))
}

/// The statuses a list asks for; `any` leaves out the trash, as no parameter does.
fn wanted_statuses(ctx: &Ctx<'_>, table: &str) -> Result<Option<Vec<String>>, Answer> {
    let Some(known) = statuses(table) else { return Ok(None) };
    let given = texts(ctx.ask, "status").unwrap_or_else(|| vec!["any".to_owned()]);
    let mut all = Vec::new();
    for status in given {
        match status.as_str() {
            "any" => all.extend(
                known
                    .iter()
                    .filter(|known| **known != "trash")
                    .map(|known| (*known).to_owned()),
            ),
            _ if known.contains(&status.as_str()) => all.push(status),
            _ => {
                let message = format!("status is not one of any, {}.", known.join(", "));
                return Err(invalid_param("status", "rest_not_in_enum", &message));
            }
        }
    }
    Ok(Some(all))
}

fn invalid_id(table: &str) -> Answer {
    let name = match table {
        "orders" => "shop_order",
        "products" => "product",
        "coupons" => "shop_coupon",
        _ => return error(404, "woocommerce_rest_invalid_id", "Invalid ID."),
    };
    error(404, &format!("woocommerce_rest_{name}_invalid_id"), "Invalid ID.")
}

fn one(ctx: &Ctx<'_>, table: &str, id: u64) -> Result<Value, Answer> {
    let record = record(ctx, table, id).ok_or_else(|| invalid_id(table))?;
    let mut fields = record.fields.clone();
    fields.insert("id".to_owned(), id.into());
    if table.starts_with("shipping/zones/") && table.ends_with("/methods") {
        fields.insert("instance_id".to_owned(), id.into());
    }
    let dates = [("date_created", record.created), ("date_modified", record.modified)];
    for (name, time) in dates {
        fields.insert(name.to_owned(), show::plain(ctx.state.local(time)).into());
        fields.insert(format!("{name}_gmt"), show::gmt(time).into());
    }
    Ok(Value::Object(fields))
}

fn single(ctx: &mut Ctx<'_>, table: &str, id: u64) -> Reply {
    let before = one(ctx, table, id)?;
    match ctx.ask.method.as_str() {
        "GET" => Ok(Answer::json(200, &ctx.trimmed(before))),
        "POST" | "PUT" | "PATCH" => {
            let body = ctx.body.clone();
            change(ctx, table, id, body)?;
            Ok(Answer::json(200, &one(ctx, table, id)?))
        }
        "DELETE" => {
            let force = ctx.flag("force");
            remove(ctx, table, id, force)?;
            Ok(Answer::json(200, &before))
        }
        _ => Err(no_route()),
    }
}

fn judge(ctx: &Ctx<'_>, table: &str, body: &Map<String, Value>, id: Option<u64>) -> Result<(), Answer> {
    let required: &[&str] = match table {
        "customers" => &["email"],
        "coupons" => &["code"],
        "webhooks" => &["topic", "delivery_url"],
        "products/attributes" | "products/categories" | "products/tags" | "shipping/zones" => &["name"],
        table if table.ends_with("/notes") => &["note"],
        table if table.ends_with("/methods") => &["method_id"],
        _ => &[],
    };
    if let Some(name) = required.iter().find(|name| id.is_none() && !body.contains_key(**name)) {
        return Err(missing_param(name));
    }
    if let (Some(known), Some(status)) = (statuses(table), body.get("status"))
        && !status.as_str().is_some_and(|status| known.contains(&status))
    {
        let message = format!("status is not one of {}.", known.join(", "));
        return Err(invalid_param("status", "rest_not_in_enum", &message));
    }
    let unique = match table {
        "products" => Some(("sku", "product_invalid_sku", "Invalid or duplicated SKU.")),
        "coupons" => Some((
            "code",
            "woocommerce_rest_coupon_code_already_exists",
            "The coupon code already exists",
        )),
        "customers" => Some((
            "email",
            "registration-error-email-exists",
            "An account is already registered with your email address.",
        )),
        _ => None,
    };
    let Some((name, code, message)) = unique else {
        return Ok(());
    };
    let Some(given) = body.get(name).and_then(Value::as_str).filter(|given| !given.is_empty()) else {
        return Ok(());
    };
    let records = ctx.state.woo.iter().filter_map(|woo| woo.tables.get(table)).flatten();
    let taken = records
        .into_iter()
        .any(|(other, record)| Some(*other) != id && record.fields.get(name).and_then(Value::as_str) == Some(given));
    if taken { Err(error(400, code, message)) } else { Ok(()) }
}

/// Drops what only the shop sets, and adds up an order.
fn cleaned(table: &str, mut body: Map<String, Value>) -> Map<String, Value> {
    let fixed = [
        "id",
        "date_created_gmt",
        "date_modified",
        "date_modified_gmt",
        "date_created",
        "total",
        "_links",
        "password",
        "set_paid",
    ];
    let keeps_total = table.ends_with("/refunds");
    body.retain(|name, _| !fixed.contains(&name.as_str()) || (keeps_total && name == "total"));
    if let ("orders", Some(lines)) = (table, body.get("line_items").and_then(Value::as_array)) {
        let amounts = lines
            .iter()
            .filter_map(|line| line.get("total")?.as_str()?.parse::<f64>().ok());
        body.insert("total".to_owned(), format!("{:.2}", amounts.sum::<f64>()).into());
    }
    body
}

fn create(ctx: &mut Ctx<'_>, table: &str, body: Map<String, Value>) -> Result<u64, Answer> {
    if body.contains_key("id") {
        return Err(error(
            400,
            "woocommerce_rest_resource_exists",
            "Cannot create existing resource.",
        ));
    }
    judge(ctx, table, &body, None)?;
    let now = ctx.state.now();
    let mut fields = cleaned(table, body);
    let default = match table {
        "orders" => Some("pending"),
        table if statuses(table).is_some() => Some("publish"),
        _ => None,
    };
    if let Some(default) = default {
        fields.entry("status").or_insert_with(|| default.into());
    }
    Ok(shop(ctx)?.add(table, fields, now))
}

fn change(ctx: &mut Ctx<'_>, table: &str, id: u64, body: Map<String, Value>) -> Result<(), Answer> {
    judge(ctx, table, &body, Some(id))?;
    let now = ctx.state.now();
    let changes = cleaned(table, body);
    match shop(ctx)?.edit(table, id, now, |fields| fields.extend(changes)) {
        true => Ok(()),
        false => Err(invalid_id(table)),
    }
}

fn remove(ctx: &mut Ctx<'_>, table: &str, id: u64, force: bool) -> Result<(), Answer> {
    let now = ctx.state.now();
    let has_trash = matches!(table, "orders" | "products" | "coupons");
    if !force && !has_trash {
        return Err(error(
            501,
            "woocommerce_rest_trash_not_supported",
            "Resource does not support trashing.",
        ));
    }
    let woo = shop(ctx)?;
    let done = match force {
        true => woo.delete(table, id),
        false => woo.edit(table, id, now, |fields| {
            fields.insert("status".to_owned(), "trash".into());
        }),
    };
    if done { Ok(()) } else { Err(invalid_id(table)) }
}

/// Up to 100 creations, changes and deletions; each fails or succeeds by itself.
fn batch(ctx: &mut Ctx<'_>, table: &str) -> Reply {
    if !matches!(ctx.ask.method.as_str(), "POST" | "PUT" | "PATCH") {
        return Err(no_route());
    }
    let items = |name: &str| {
        ctx.body
            .get(name)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let (creates, updates, deletes) = (items("create"), items("update"), items("delete"));
    if creates.len() + updates.len() + deletes.len() > 100 {
        let message = "Unable to accept more than 100 items for this request.";
        return Err(error(413, "woocommerce_rest_request_entity_too_large", message));
    }
    let object = |item: Value| {
        if let Value::Object(fields) = item {
            fields
        } else {
            Map::new()
        }
    };
    let failed =
        |id: u64, answer: Answer| json!({"id": id, "error": serde_json::from_slice::<Value>(&answer.body).ok()});
    let mut done = Map::new();
    for item in creates {
        let made = create(ctx, table, object(item)).and_then(|id| one(ctx, table, id));
        push(&mut done, "create", made.unwrap_or_else(|answer| failed(0, answer)));
    }
    for item in updates {
        let mut fields = object(item);
        let id = fields.remove("id").and_then(|id| id.as_u64()).unwrap_or(0);
        let made = change(ctx, table, id, fields).and_then(|()| one(ctx, table, id));
        push(&mut done, "update", made.unwrap_or_else(|answer| failed(id, answer)));
    }
    for item in deletes {
        let id = item.as_u64().unwrap_or(0);
        let gone = one(ctx, table, id).and_then(|before| remove(ctx, table, id, true).map(|()| before));
        push(&mut done, "delete", gone.unwrap_or_else(|answer| failed(id, answer)));
    }
    Ok(Answer::json(200, &Value::Object(done)))
}

fn push(done: &mut Map<String, Value>, name: &str, record: Value) {
    if let Value::Array(list) = done.entry(name).or_insert_with(|| json!([])) {
        list.push(record);
    }
}

/// Lists without numbers: tax classes, gateways, settings, zones' locations.
fn flat(ctx: &mut Ctx<'_>, path: &str) -> Reply {
    let method = ctx.ask.method.clone();
    let known = ctx.state.woo.as_ref().is_some_and(|woo| woo.lists.contains_key(path));
    if known && method == "GET" {
        let list = shop(ctx)?.lists.get(path).cloned().unwrap_or_default();
        return Ok(Answer::json(200, &list.into_iter().map(Value::Object).collect()));
    }
    if known && path.ends_with("/locations") && method != "GET" {
        let given: Option<Vec<Map<String, Value>>> = ctx.ask.json().and_then(|body| serde_json::from_value(body).ok());
        let wrong = || error(400, "rest_invalid_param", "Locations come as a list.");
        shop(ctx)?.lists.insert(path.to_owned(), given.ok_or_else(wrong)?);
        return Ok(Answer::json(200, &ctx.ask.json().unwrap_or_default()));
    }
    let Some((list, key)) = path.rsplit_once('/') else {
        return Err(no_route());
    };
    let body = ctx.body.clone();
    let key_name = if list == "taxes/classes" { "slug" } else { "id" };
    let item = shop(ctx)?.lists.get_mut(list).and_then(|items| {
        items
            .iter_mut()
            .find(|item| item.get(key_name).and_then(Value::as_str) == Some(key))
    });
    let Some(item) = item else {
        return Err(if list.starts_with("settings") {
            error(404, "rest_setting_setting_invalid", "Invalid setting.")
        } else {
            no_route()
        });
    };
    match method.as_str() {
        "GET" => {}
        "POST" | "PUT" | "PATCH" => {
            let writable = ["value", "enabled", "title", "description", "order", "settings"];
            item.extend(body.into_iter().filter(|(name, _)| writable.contains(&name.as_str())));
        }
        _ => return Err(no_route()),
    }
    Ok(Answer::json(200, &Value::Object(item.clone())))
}
