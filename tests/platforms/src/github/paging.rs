//! GitHub's two ways of paging: numbered pages, and cursors, both announced in the `Link` header.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::call::{Answer, Call, Reply};

/// Page sizes of one listing: what is given without `per_page`, and what larger wishes are cut to.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) default: usize,
    pub(super) most: usize,
}

pub(super) const USUAL: Sizes = Sizes { default: 30, most: 100 };
pub(super) const VARIABLES: Sizes = Sizes { default: 10, most: 30 };

pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    pub(super) total: usize,
    link: Option<String>,
}

impl<T> Page<T> {
    /// The page as a plain array.
    pub(super) fn array(self, render: impl FnMut(T) -> Value) -> Answer {
        let list = self.items.into_iter().map(render).collect();
        Ok(linked(Reply::ok(Value::Array(list)), self.link))
    }

    /// The page inside an object with a count, as Actions and installations answer.
    pub(super) fn counted(self, name: &str, render: impl FnMut(T) -> Value) -> Answer {
        let list: Vec<Value> = self.items.into_iter().map(render).collect();
        Ok(linked(
            Reply::ok(json!({"total_count": self.total, name: list})),
            self.link,
        ))
    }
}

fn linked(reply: Reply, link: Option<String>) -> Reply {
    match link {
        Some(link) => reply.with("link", link),
        None => reply,
    }
}

fn per_page(call: &Call, sizes: Sizes) -> usize {
    match call.param("per_page").and_then(|text| text.parse::<usize>().ok()) {
        None | Some(0) => sizes.default,
        Some(wished) => wished.min(sizes.most),
    }
}

/// Cuts the numbered page that the call asks for.
pub(super) fn numbered<T>(call: &Call, items: Vec<T>, sizes: Sizes) -> Page<T> {
    let size = per_page(call, sizes);
    let page = call
        .param("page")
        .and_then(|text| text.parse::<usize>().ok())
        .filter(|page| *page > 0)
        .unwrap_or(1);
    let total = items.len();
    let last = total.div_ceil(size).max(1);
    let mut links = Vec::new();
    if page > 1 {
        links.push(("prev", page - 1));
    }
    if page < last {
        links.push(("next", page + 1));
        links.push(("last", last));
    }
    if page > 1 {
        links.push(("first", 1));
    }
    let link = links
        .into_iter()
        .map(|(rel, number)| format!("<{}>; rel=\"{rel}\"", link_url(call, &[("page", &number.to_string())])))
        .collect::<Vec<_>>()
        .join(", ");
    let items = items
        .into_iter()
        .skip((page - 1).saturating_mul(size))
        .take(size)
        .collect();
    Page {
        items,
        total,
        link: (!link.is_empty()).then_some(link),
    }
}

/// Like [`numbered`], but refuses to go deeper than `deepest` results, as GitHub does on its long listings.
pub(super) fn shallow<T>(call: &Call, items: Vec<T>, deepest: usize) -> Result<Page<T>, Reply> {
    let page = call
        .param("page")
        .and_then(|text| text.parse::<usize>().ok())
        .unwrap_or(1);
    if page.saturating_sub(1).saturating_mul(per_page(call, USUAL)) >= deepest && page > 1 {
        let message = "In order to keep the API fast for everyone, pagination is limited for this resource.";
        return Err(Reply::error(422, message));
    }
    Ok(numbered(call, items, USUAL))
}

/// Cuts the page after the cursor `after`. The items are in order of `key`, so a cursor survives the deletion of its item.
pub(super) fn cursored<T>(call: &Call, items: Vec<T>, key: impl Fn(&T) -> String) -> Result<Page<T>, Reply> {
    let size = per_page(call, USUAL);
    let total = items.len();
    let start = match call.param("after") {
        None => 0,
        Some(cursor) => {
            let wanted = open_cursor(cursor).ok_or_else(|| Reply::invalid("Pagination", "after", "invalid"))?;
            items.iter().position(|item| key(item) > wanted).unwrap_or(total)
        }
    };
    let more = start + size < total;
    let items: Vec<T> = items.into_iter().skip(start).take(size).collect();
    let link = items.last().filter(|_| more).map(|last| {
        format!(
            "<{}>; rel=\"next\"",
            link_url(call, &[("after", &seal_cursor(&key(last)))])
        )
    });
    Ok(Page { items, total, link })
}

/// GitHub's cursors are opaque; ours hold the key they stand for.
pub(super) fn seal_cursor(key: &str) -> String {
    STANDARD.encode(format!("cursor:v2:{key}"))
}

pub(super) fn open_cursor(cursor: &str) -> Option<String> {
    let bytes = STANDARD.decode(cursor).ok()?;
    String::from_utf8(bytes)
        .ok()?
        .strip_prefix("cursor:v2:")
        .map(str::to_owned)
}

fn link_url(call: &Call, replaced: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (key, value) in &call.query {
        if !replaced.iter().any(|(name, _)| name == key) {
            query.append_pair(key, value);
        }
    }
    for (key, value) in replaced {
        query.append_pair(key, value);
    }
    format!("{}{}?{}", call.site.base, call.link_path, query.finish())
}
