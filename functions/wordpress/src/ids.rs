//! The places in a record where keys of other records stand without a field of their own: block markup, addresses of uploads, terms of
//! taxonomies that a plugin adds, menu items and comments of its post types.

use std::collections::BTreeMap;

use seatbelt_connector_kit::NewKeys;
use seatbelt_model::json::{self, Pointer};
use serde_json::{Value, value::RawValue};

/// A record's top-level members as the vendor wrote them.
type Members = BTreeMap<String, Box<RawValue>>;

/// Renews keys in texts and in fields of plugins' taxonomies.
pub(crate) fn in_post(record: &str, keys: &dyn NewKeys) -> String {
    let terms = custom_taxonomies(record);
    changed(record, |members| {
        for name in ["content", "excerpt", "caption", "description"] {
            if let Some(new) = members.get(name).and_then(|member| in_rich_text(member.get(), keys)) {
                members.insert(name.to_owned(), new);
            }
        }
        for (field, taxonomy) in &terms {
            if let Some(new) = members.get(field).and_then(|ids| in_terms(ids.get(), taxonomy, keys)) {
                members.insert(field.clone(), new);
            }
        }
    })
}

/// A menu item may lead to a post or term of a plugin's type, which it tells by the name of that type. Its address is its own only where it is a
/// custom link: any other follows what it leads to, whose address may still move while that is given back.
pub(crate) fn in_menu_item(record: &str, keys: &dyn NewKeys) -> String {
    let custom = text(record, "/type").is_none_or(|kind| kind == "custom");
    // A custom link leads to itself, by its own key.
    let computed = if custom { "object_id" } else { "url" };
    let record = &*changed(record, |members| _ = members.remove(computed));
    let (Some(object), Some(id)) = (text(record, "/object"), text(record, "/object_id")) else {
        return record.to_owned();
    };
    let resource = match text(record, "/type").as_deref() {
        Some("post_type") => "custom_posts",
        Some("taxonomy") => "custom_terms",
        _ => return record.to_owned(),
    };
    with_number(record, "object_id", keys.new_key(resource, &format!("{object}/{id}")))
}

/// A comment may stand under a post of a plugin's type, which its links tell.
pub(crate) fn in_comment(record: &str, keys: &dyn NewKeys) -> String {
    let (Some(kind), Some(id)) = (text(record, "/_links/up/0/post_type"), text(record, "/post")) else {
        return record.to_owned();
    };
    with_number(record, "post", keys.new_key("custom_posts", &format!("{kind}/{id}")))
}

fn text(record: &str, pointer: &str) -> Option<String> {
    json::text_at(record, &Pointer::new(pointer)).map(std::borrow::Cow::into_owned)
}

/// The record with its members as `change` leaves them; as it is where it changes none.
fn changed(record: &str, change: impl FnOnce(&mut Members)) -> String {
    let Ok(mut members) = serde_json::from_str::<Members>(record) else {
        return record.to_owned();
    };
    change(&mut members);
    serde_json::to_string(&members).unwrap_or_else(|_| record.to_owned())
}

/// Puts the own part of `key` into a field that holds a number.
fn with_number(record: &str, field: &str, key: Option<String>) -> String {
    let own = key.and_then(|key| key.rsplit('/').next().and_then(|own| own.parse::<u64>().ok()));
    let Some(raw) = own.and_then(|own| RawValue::from_string(own.to_string()).ok()) else {
        return record.to_owned();
    };
    changed(record, |members| _ = members.insert(field.to_owned(), raw))
}

/// The fields of a post that hold terms of plugins' taxonomies, with the taxonomies' names: its links tell both.
fn custom_taxonomies(record: &str) -> Vec<(String, String)> {
    let Some(links) = json::find(record, &Pointer::new("/_links/wp:term")) else {
        return Vec::new();
    };
    let links: Vec<Value> = serde_json::from_str(links).unwrap_or_default();
    let field = |link: &Value| {
        let taxonomy = link.get("taxonomy")?.as_str()?;
        let address = link.get("href")?.as_str()?;
        // Without permalinks the route stands in the query.
        let path = address.split("rest_route=").last()?.replace("%2F", "/");
        let field = path.split(['?', '&']).next()?.rsplit('/').next()?;
        let known = ["category", "post_tag"].contains(&taxonomy);
        (!known).then(|| (field.to_owned(), taxonomy.to_owned()))
    };
    links.iter().filter_map(field).collect()
}

fn in_terms(ids: &str, taxonomy: &str, keys: &dyn NewKeys) -> Option<Box<RawValue>> {
    let ids: Vec<u64> = serde_json::from_str(ids).ok()?;
    let renewed = |id: &u64| {
        let key = keys.new_key("custom_terms", &format!("{taxonomy}/{id}"))?;
        key.rsplit('/').next()?.parse().ok()
    };
    let new: Vec<u64> = ids.iter().map(|id| renewed(id).unwrap_or(*id)).collect();
    (new != ids)
        .then(|| serde_json::value::to_raw_value(&new).ok())
        .flatten()
}

fn in_rich_text(member: &str, keys: &dyn NewKeys) -> Option<Box<RawValue>> {
    let mut value: Value = serde_json::from_str(member).ok()?;
    let raw = value.get("raw")?.as_str()?;
    let new = in_addresses(&in_markup(raw, keys), keys);
    if new == raw {
        return None;
    }
    value["raw"] = new.into();
    serde_json::value::to_raw_value(&value).ok()
}

/// Keys in block comments (`<!-- wp:image {"id":12} -->`) and in the class of a picture (`wp-image-12`).
fn in_markup(content: &str, keys: &dyn NewKeys) -> String {
    let mut out = String::with_capacity(content.len());
    let mut rest = content;
    while let Some(start) = rest.find("<!-- wp:") {
        let (before, from) = rest.split_at(start);
        out.push_str(&in_classes(before, keys));
        let end = from.find("-->").map_or(from.len(), |end| end + 3);
        let (block, after) = from.split_at(end);
        out.push_str(&in_block(block, keys));
        rest = after;
    }
    out.push_str(&in_classes(rest, keys));
    out
}

fn in_classes(html: &str, keys: &dyn NewKeys) -> String {
    let html = in_numbers(html, "wp-image-", |id| keys.new_key("media", id));
    in_numbers(&html, "?attachment_id=", |id| keys.new_key("media", id))
}

/// Renews the whole number that follows each `mark`.
fn in_numbers(text: &str, mark: &str, renew: impl Fn(&str) -> Option<String>) -> String {
    let mut pieces = text.split(mark);
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
        let (id, rest) = piece.split_at(digits);
        out.push_str(mark);
        out.push_str(renew(id).as_deref().unwrap_or(id));
        out.push_str(rest);
    }
    out
}

/// What the keys in a block's attributes are keys of, by the block's name.
fn in_block(block: &str, keys: &dyn NewKeys) -> String {
    let name = block["<!-- wp:".len()..]
        .split([' ', '\n', '/'])
        .next()
        .unwrap_or_default();
    let of = |resources: &'static [&'static str]| {
        move |id: &str| resources.iter().find_map(|resource| keys.new_key(resource, id))
    };
    let media = of(&["media"]);
    match name {
        "image" | "cover" | "file" | "video" | "audio" => in_numbers(block, "\"id\":", media),
        "media-text" => in_numbers(block, "\"mediaId\":", media),
        "gallery" => in_lists(&in_numbers(block, "\"id\":", media), "\"ids\":[", media),
        "block" => in_numbers(block, "\"ref\":", of(&["blocks"])),
        "navigation" => in_numbers(block, "\"ref\":", of(&["navigation"])),
        "navigation-link" | "navigation-submenu" => {
            in_numbers(block, "\"id\":", of(&["pages", "posts", "categories", "tags"]))
        }
        _ => block.to_owned(),
    }
}

/// Renews the numbers of each list that `mark` opens.
fn in_lists(text: &str, mark: &str, renew: impl Fn(&str) -> Option<String>) -> String {
    let mut pieces = text.split(mark);
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (list, rest) = piece.split_at(piece.find(']').unwrap_or(0));
        let ids: Vec<String> = list
            .split(',')
            .map(|id| renew(id).unwrap_or_else(|| id.to_owned()))
            .collect();
        out.push_str(mark);
        out.push_str(&ids.join(","));
        out.push_str(rest);
    }
    out
}

const UPLOADS: &str = "/wp-content/uploads/";

/// Addresses of uploads that have another one now, and of the sizes WordPress makes of them.
fn in_addresses(content: &str, keys: &dyn NewKeys) -> String {
    let mut out = String::with_capacity(content.len());
    let mut rest = content;
    while let Some(at) = rest.find(UPLOADS) {
        let ends = |letter: char| matches!(letter, '"' | '\'' | '(' | ')' | '<' | '>' | ' ' | '\n' | ',' | '\\');
        let start = rest[..at].rfind(ends).map_or(0, |end| end + 1);
        let end = rest[at..].find(ends).map_or(rest.len(), |end| at + end);
        out.push_str(&rest[..start]);
        let address = &rest[start..end];
        out.push_str(&renewed_address(address, keys).unwrap_or_else(|| address.to_owned()));
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// `photo.jpg`, or of it `photo-300x200.jpg`, `photo-scaled.jpg`, in whichever folder it lies now.
fn renewed_address(address: &str, keys: &dyn NewKeys) -> Option<String> {
    if let Some(new) = keys.new_key("media", address) {
        return Some(new);
    }
    let (stem, ending) = address.rsplit_once('.')?;
    let (whole, size) = stem.rsplit_once('-')?;
    let is_size = size.split_once('x').is_some_and(|(width, height)| {
        [width, height]
            .iter()
            .all(|side| !side.is_empty() && side.bytes().all(|byte| byte.is_ascii_digit()))
    });
    let scaled = "-scaled";
    if is_size {
        let of = |mark: &str| keys.new_key("media", &format!("{whole}{mark}.{ending}"));
        let new = of("").or_else(|| of(scaled))?;
        let (stem, ending) = new.rsplit_once('.')?;
        return Some(format!("{}-{size}.{ending}", stem.trim_end_matches(scaled)));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Media 7 became 70 and moved, block 3 became 30, page 5 became 50, the term genre/2 became genre/20.
    struct New;

    impl NewKeys for New {
        fn new_key(&self, resource: &str, key: &str) -> Option<String> {
            let new = match (resource, key) {
                ("media", "7") => "70",
                ("media", "http://a.example/wp-content/uploads/2025/03/x.jpg") => {
                    "http://a.example/wp-content/uploads/2026/11/x.jpg"
                }
                ("blocks", "3") => "30",
                ("pages", "5") => "50",
                ("custom_terms", "genre/2") => "genre/20",
                ("custom_posts", "book/9") => "book/90",
                _ => return None,
            };
            Some(new.to_owned())
        }
    }

    fn content(raw: &str) -> String {
        let record = in_post(&serde_json::json!({"content": {"raw": raw}}).to_string(), &New);
        let record: Value = serde_json::from_str(&record).unwrap();
        record["content"]["raw"].as_str().unwrap().to_owned()
    }

    #[test]
    fn keys_and_addresses_in_texts_are_renewed() {
        let image = "<!-- wp:image {\"id\":7,\"width\":7} --><img class=\"wp-image-7\" src=\"http://a.example/wp-content/uploads/2025/03/x-300x200.jpg\"><!-- /wp:image -->";
        let new = "<!-- wp:image {\"id\":70,\"width\":7} --><img class=\"wp-image-70\" src=\"http://a.example/wp-content/uploads/2026/11/x-300x200.jpg\"><!-- /wp:image -->";
        assert_eq!(content(image), new);
        assert_eq!(
            content("<!-- wp:gallery {\"ids\":[6,7]} -->"),
            "<!-- wp:gallery {\"ids\":[6,70]} -->"
        );
        assert_eq!(
            content("<!-- wp:block {\"ref\":3} /-->"),
            "<!-- wp:block {\"ref\":30} /-->"
        );
        assert_eq!(
            content("<!-- wp:navigation-link {\"id\":5} /-->"),
            "<!-- wp:navigation-link {\"id\":50} /-->"
        );
    }

    #[test]
    fn what_is_no_key_stays() {
        for text in [
            "wp-image-77 and wp-image-",
            "<!-- wp:heading {\"id\":7} -->",
            "<!-- wp:image {\"id\":71} -->",
            "http://a.example/wp-content/uploads/2025/03/y.jpg",
            "<!-- wp:image {\"id\":",
        ] {
            assert_eq!(content(text), text);
        }
    }

    #[test]
    fn plugins_types_and_taxonomies_are_followed() {
        let link = "http://a.example/wp-json/wp/v2/genres?post=1";
        let post = serde_json::json!({"genres": [1, 2], "_links": {"wp:term": [{"taxonomy": "genre", "href": link}]}});
        let post: Value = serde_json::from_str(&in_post(&post.to_string(), &New)).unwrap();
        assert_eq!(post["genres"], serde_json::json!([1, 20]));
        let item = r#"{"type":"post_type","object":"book","object_id":9}"#;
        assert!(in_menu_item(item, &New).contains("\"object_id\":90"));
        let comment = r#"{"post":9,"_links":{"up":[{"post_type":"book"}]}}"#;
        assert!(in_comment(comment, &New).contains("\"post\":90"));
    }
}
