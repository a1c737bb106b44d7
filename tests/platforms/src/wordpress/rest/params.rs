//! Query parameters, judged as WordPress judges them, and the headers of a page.

use jiff::{Timestamp, civil};
use serde_json::Value;

use super::{Ctx, error, invalid_param};
use crate::exchange::{Answer, Ask};

/// Parameters that choose a page or its looks, but not the list.
const NOT_THE_LIST: [&str; 9] = [
    "page",
    "per_page",
    "offset",
    "context",
    "_fields",
    "_embed",
    "_cb",
    "rest_route",
    "_locale",
];

/// A page of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    pub(super) page: usize,
    pub(super) per_page: usize,
    offset: Option<usize>,
}

impl Page {
    pub(super) fn read(ask: &Ask) -> Result<Self, Answer> {
        let page = whole(ask, "page")?.unwrap_or(1);
        if page < 1 {
            return Err(invalid_param(
                "page",
                "rest_out_of_bounds",
                "page must be greater than or equal to 1",
            ));
        }
        let per_page = whole(ask, "per_page")?.unwrap_or(10);
        if !(1..=100).contains(&per_page) {
            let message = "per_page must be between 1 (inclusive) and 100 (inclusive)";
            return Err(invalid_param("per_page", "rest_out_of_bounds", message));
        }
        let offset = whole(ask, "offset")?.map(|offset| usize::try_from(offset).unwrap_or(0));
        let size = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
        Ok(Self {
            page: size(page),
            per_page: size(per_page),
            offset,
        })
    }

    /// The ids of this page.
    pub(super) fn of<'a>(&self, ids: &'a [u64]) -> &'a [u64] {
        let start = self
            .offset
            .unwrap_or((self.page - 1).saturating_mul(self.per_page))
            .min(ids.len());
        let end = start.saturating_add(self.per_page).min(ids.len());
        &ids[start..end]
    }

    /// Refuses a page past the end, as posts do.
    pub(super) fn refuse_past_end(&self, total: usize, code: &str) -> Result<(), Answer> {
        if self.offset.is_none() && total > 0 && self.page > total.div_ceil(self.per_page) {
            let message = "The page number requested is larger than the number of pages available.";
            return Err(error(400, code, message));
        }
        Ok(())
    }

    /// The answer with totals and links.
    pub(super) fn answer(&self, ctx: &Ctx<'_>, records: Vec<Value>, total: usize) -> Answer {
        let pages = total.div_ceil(self.per_page);
        let records = records.into_iter().map(|record| ctx.trimmed(record)).collect();
        let mut answer = Answer::json(200, &Value::Array(records))
            .header("x-wp-total", total)
            .header("x-wp-totalpages", pages)
            .header("access-control-expose-headers", "X-WP-Total, X-WP-TotalPages, Link");
        let mut links = Vec::new();
        if self.page > 1 {
            links.push(format!(
                "<{}>; rel=\"prev\"",
                self.address(ctx, (self.page - 1).min(pages.max(1)))
            ));
        }
        if self.page < pages {
            links.push(format!("<{}>; rel=\"next\"", self.address(ctx, self.page + 1)));
        }
        if !links.is_empty() {
            answer = answer.header("link", links.join(", "));
        }
        answer
    }

    fn address(&self, ctx: &Ctx<'_>, page: usize) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(ctx.ask.query.iter().filter(|(name, _)| name != "page"));
        query.append_pair("page", &page.to_string());
        format!("{}{}?{}", ctx.state.base_url, ctx.ask.path, query.finish())
    }
}

/// An integer parameter.
pub(super) fn whole(ask: &Ask, name: &str) -> Result<Option<i64>, Answer> {
    match ask.param(name).map(str::parse::<i64>).transpose() {
        Ok(number) => Ok(number),
        Err(_) => Err(invalid_param(
            name,
            "rest_invalid_type",
            &format!("{name} is not of type integer."),
        )),
    }
}

/// A list of ids, `1,2,3` or `name[]=1&name[]=2`.
pub(super) fn ids(ask: &Ask, name: &str) -> Result<Option<Vec<u64>>, Answer> {
    let Some(texts) = texts(ask, name) else { return Ok(None) };
    let ids: Result<Vec<u64>, _> = texts.iter().map(|text| text.parse()).collect();
    match ids {
        Ok(ids) => Ok(Some(ids)),
        Err(_) => Err(invalid_param(
            name,
            "rest_invalid_type",
            &format!("{name}[0] is not of type integer."),
        )),
    }
}

/// A list of words, `a,b` or `name[]=a&name[]=b`.
pub(super) fn texts(ask: &Ask, name: &str) -> Option<Vec<String>> {
    let is_it = |key: &str| key == name || key.strip_prefix(name).is_some_and(|rest| rest.starts_with('['));
    let mut given = ask.query.iter().filter(|(key, _)| is_it(key)).peekable();
    given.peek()?;
    let words = given
        .flat_map(|(_, value)| value.split(','))
        .map(|word| word.trim().to_owned());
    Some(words.filter(|word| !word.is_empty()).collect())
}

/// One of a few words.
pub(super) fn choice<'a>(ask: &'a Ask, name: &str, choices: &[&str], default: &'a str) -> Result<&'a str, Answer> {
    let given = ask.param(name).unwrap_or(default);
    match choices.contains(&given) {
        true => Ok(given),
        false => {
            let message = format!("{name} is not one of {}.", choices.join(", "));
            Err(invalid_param(name, "rest_not_in_enum", &message))
        }
    }
}

/// A time parameter on the site's clock: with an offset it is converted, without it is site time already.
pub(super) fn site_time(ctx: &Ctx<'_>, name: &str) -> Result<Option<civil::DateTime>, Answer> {
    let Some(text) = ctx.ask.param(name) else {
        return Ok(None);
    };
    let parsed = parse_time(text).map(|time| match time {
        Time::Absolute(time) => ctx.state.local(time),
        Time::Local(time) => time,
    });
    parsed
        .map(Some)
        .ok_or_else(|| invalid_param(name, "rest_invalid_date", "Invalid date."))
}

/// A time as a client writes it.
pub(super) enum Time {
    Absolute(Timestamp),
    Local(civil::DateTime),
}

/// `2026-11-22T06:00:00`, with or without an offset; WordPress takes nothing shorter.
pub(super) fn parse_time(text: &str) -> Option<Time> {
    let shape = text.as_bytes();
    if shape.len() < 19 || !matches!(shape[10], b'T' | b't' | b' ') || shape[4] != b'-' || shape[13] != b':' {
        return None;
    }
    let tail = text.get(19..)?;
    let offset = tail.trim_start_matches(|letter: char| letter == '.' || letter.is_ascii_digit());
    let whole_seconds: civil::DateTime = text.get(..19)?.replace([' ', 't'], "T").parse().ok()?;
    if offset.is_empty() {
        return Some(Time::Local(whole_seconds));
    }
    if !matches!(offset.as_bytes()[0], b'Z' | b'z' | b'+' | b'-') {
        return None;
    }
    format!("{whole_seconds}{offset}").parse().ok().map(Time::Absolute)
}

/// What a list depends on: the path, who asks, and every parameter that chooses its members or their order.
pub(super) fn list_key(ctx: &Ctx<'_>, edit: bool) -> String {
    let chosen = ctx
        .ask
        .query
        .iter()
        .filter(|(name, _)| !NOT_THE_LIST.contains(&name.as_str()));
    let query: Vec<String> = chosen.map(|(name, value)| format!("{name}={value}")).collect();
    format!(
        "{}|{:?}|{}|{edit}|{}",
        ctx.ask.path,
        ctx.user,
        ctx.state.setting("timezone"),
        query.join("&")
    )
}
