//! Request templates, and what fills their placeholders.

use std::collections::BTreeMap;

use http::Method;
use seatbelt_model::{json, json::Pointer, key};
use serde_json::value::RawValue;

use crate::{CustomList, KitError};

/// A request as a connector declares it. `{name}` stands for a setting or a partition's value, `{parent.field}` for a field of a parent
/// record, where dots descend.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    pub(crate) method: HttpMethod,
    pub(crate) path: &'static str,
    pub(crate) query: &'static [(&'static str, &'static str)],
    pub(crate) headers: &'static [(&'static str, &'static str)],
    pub(crate) graphql: Option<GraphQl>,
    pub(crate) custom: Option<CustomList>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HttpMethod {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct GraphQl {
    pub(crate) query: &'static str,
    pub(crate) variables: &'static [(&'static str, &'static str)],
}

impl Request {
    /// A GET of `path`, which starts with a slash and is appended to the base URL.
    #[must_use]
    pub const fn get(path: &'static str) -> Self {
        Self::new(HttpMethod::Get, path)
    }

    /// A POST to `path`, for writes.
    #[must_use]
    pub const fn post(path: &'static str) -> Self {
        Self::new(HttpMethod::Post, path)
    }

    /// A PUT to `path`, for writes.
    #[must_use]
    pub const fn put(path: &'static str) -> Self {
        Self::new(HttpMethod::Put, path)
    }

    /// A PATCH of `path`, for writes.
    #[must_use]
    pub const fn patch(path: &'static str) -> Self {
        Self::new(HttpMethod::Patch, path)
    }

    /// A DELETE of `path`, for writes.
    #[must_use]
    pub const fn delete(path: &'static str) -> Self {
        Self::new(HttpMethod::Delete, path)
    }

    const fn new(method: HttpMethod, path: &'static str) -> Self {
        Self {
            method,
            path,
            query: &[],
            headers: &[],
            graphql: None,
            custom: None,
        }
    }

    /// A GraphQL query POSTed to `path`. Variables are texts; the paginator adds `after`.
    #[must_use]
    pub const fn graphql(
        path: &'static str,
        query: &'static str,
        variables: &'static [(&'static str, &'static str)],
    ) -> Self {
        let graphql = Some(GraphQl { query, variables });
        Self {
            method: HttpMethod::Post,
            path,
            query: &[],
            headers: &[],
            graphql,
            custom: None,
        }
    }

    /// A listing by a function, for what HTTP paging cannot say.
    #[must_use]
    pub const fn custom(list: CustomList) -> Self {
        Self {
            method: HttpMethod::Get,
            path: "",
            query: &[],
            headers: &[],
            graphql: None,
            custom: Some(list),
        }
    }

    /// With query parameters.
    #[must_use]
    pub const fn query(mut self, query: &'static [(&'static str, &'static str)]) -> Self {
        self.query = query;
        self
    }

    /// With headers of its own.
    #[must_use]
    pub const fn headers(mut self, headers: &'static [(&'static str, &'static str)]) -> Self {
        self.headers = headers;
        self
    }

    /// The function that lists instead of HTTP, if one does.
    #[must_use]
    pub fn custom_list(&self) -> Option<CustomList> {
        self.custom
    }

    /// The path as declared.
    #[must_use]
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// The query parameters as declared.
    #[must_use]
    pub fn query_parameters(&self) -> &'static [(&'static str, &'static str)] {
        self.query
    }

    /// All placeholders, of path, query, headers and variables.
    #[must_use]
    pub fn placeholders(&self) -> Vec<&'static str> {
        let query = self.query.iter().map(|(_, value)| *value);
        let variables = self
            .graphql
            .iter()
            .flat_map(|graphql| graphql.variables.iter().map(|(_, value)| *value));
        let headers = self.headers.iter().map(|(_, value)| *value);
        std::iter::once(self.path)
            .chain(query)
            .chain(headers)
            .chain(variables)
            .flat_map(placeholders)
            .collect()
    }

    /// Fills the placeholders. Values are escaped in the path; `base` is prepended to it.
    ///
    /// # Errors
    /// [`KitError::Unexpected`] naming the placeholder that has no value.
    pub fn prepare(&self, at: &str, base: &str, fill: &Fill<'_>) -> Result<Prepared, KitError> {
        let path = expand(self.path, at, fill, escape_path)?;
        let verbatim = |value: &str| value.to_owned();
        let query = self
            .query
            .iter()
            .map(|(name, value)| Ok(((*name).to_owned(), expand(value, at, fill, verbatim)?)))
            .collect::<Result<Vec<_>, KitError>>()?;
        let graphql = self.graphql.map(|graphql| {
            let variables = graphql
                .variables
                .iter()
                .map(|(name, value)| Ok(((*name).to_owned(), expand(value, at, fill, verbatim)?.into())));
            let variables = variables.collect::<Result<serde_json::Map<_, _>, KitError>>()?;
            Ok::<_, KitError>(serde_json::json!({ "query": graphql.query, "variables": variables }))
        });
        Ok(Prepared {
            method: match self.method {
                HttpMethod::Get => Method::GET,
                HttpMethod::Post => Method::POST,
                HttpMethod::Put => Method::PUT,
                HttpMethod::Patch => Method::PATCH,
                HttpMethod::Delete => Method::DELETE,
            },
            url: format!("{}{path}", base.trim_end_matches('/')),
            query,
            headers: self
                .headers
                .iter()
                .map(|(name, value)| Ok(((*name).to_owned(), expand(value, at, fill, verbatim)?)))
                .collect::<Result<Vec<_>, KitError>>()?,
            body: graphql.transpose()?,
        })
    }
}

/// A request ready to send. Equal requests ask for the same page.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// The method.
    pub method: Method,
    /// The URL without what `query` adds.
    pub url: String,
    /// Query parameters, in order.
    pub query: Vec<(String, String)>,
    /// Headers besides the connector's.
    pub headers: Vec<(String, String)>,
    /// A JSON body.
    pub body: Option<serde_json::Value>,
}

impl Prepared {
    /// A GET of a URL as it is.
    #[must_use]
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            url: url.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// Sets a query parameter, in place of a former value.
    pub fn set_query(&mut self, name: &str, value: impl Into<String>) {
        self.query.retain(|(other, _)| other != name);
        self.query.push((name.to_owned(), value.into()));
    }
}

/// What placeholders are filled from.
#[derive(Debug, Clone, Copy)]
pub struct Fill<'a> {
    /// The system's settings.
    pub settings: &'a BTreeMap<String, String>,
    /// The partition.
    pub parent: &'a Parent,
}

/// The partition of a listing: nothing, one value, or a parent record with its own ancestors.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parent {
    /// The parent's key, a value's text, or empty for the root partition.
    pub key: String,
    /// The name and value of a partition by value.
    pub value: Option<(String, String)>,
    /// Resource names and records as JSON, nearest first.
    pub records: Vec<(String, String)>,
}

impl Parent {
    /// The text at a JSON pointer of the nearest parent's record.
    #[must_use]
    pub fn text(&self, pointer: &str) -> Option<String> {
        let (_, record) = self.records.first()?;
        json::text_at(record, &Pointer::new(pointer)).map(std::borrow::Cow::into_owned)
    }

    fn lookup(&self, placeholder: &str) -> Option<String> {
        if let Some((name, value)) = &self.value
            && name == placeholder
        {
            return Some(value.clone());
        }
        let (resource, field) = placeholder.split_once('.')?;
        let (_, record) = self.records.iter().find(|(name, _)| name == resource)?;
        json::text_at(record, &Pointer::new(&format!("/{}", field.replace('.', "/")))).map(std::borrow::Cow::into_owned)
    }
}

fn placeholders(template: &'static str) -> impl Iterator<Item = &'static str> {
    template
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

/// Fills a template from settings alone.
pub(crate) fn expand_settings(
    template: &str,
    at: &str,
    settings: &BTreeMap<String, String>,
) -> Result<String, KitError> {
    expand(
        template,
        at,
        &Fill {
            settings,
            parent: &Parent::default(),
        },
        str::to_owned,
    )
}

fn expand(template: &str, at: &str, fill: &Fill<'_>, escape: impl Fn(&str) -> String) -> Result<String, KitError> {
    let mut pieces = template.split('{');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once('}').unwrap_or((piece, ""));
        let value = fill.parent.lookup(name).or_else(|| fill.settings.get(name).cloned());
        let value = value.ok_or_else(|| KitError::Unexpected {
            at: at.to_owned(),
            problem: format!("`{{{name}}}` has no value: the record or setting it is read from lacks it"),
        })?;
        text.push_str(&escape(&value));
        text.push_str(rest);
    }
    Ok(text)
}

/// Percent-encodes what would end or split a path segment. Slashes stay: names such as `owner/repo` are paths.
fn escape_path(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b':' | b'@' => {
                text.push(byte as char)
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// A record on a page: its JSON as the vendor wrote it, and its name where it is a member of an object.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// The JSON.
    pub json: std::borrow::Cow<'a, str>,
    /// The member's name.
    pub member: Option<String>,
}

impl crate::Records {
    /// Splits a page. Scalars become `{"value":...}`.
    ///
    /// # Errors
    /// [`json::InvalidJson`] if the page is not valid JSON to its last byte.
    pub fn split<'a>(&self, page: &'a [u8]) -> Result<Vec<Record<'a>>, json::InvalidJson> {
        match self {
            Self::At(pointer) => {
                let raw = json::split(page, &Pointer::new(pointer))?;
                Ok(raw
                    .into_iter()
                    .map(|raw| Record {
                        json: as_object(raw),
                        member: None,
                    })
                    .collect())
            }
            Self::Members(pointer) => {
                let members = json::members(page, &Pointer::new(pointer))?;
                Ok(members
                    .into_iter()
                    .map(|(name, raw)| Record {
                        json: as_object(raw),
                        member: Some(name),
                    })
                    .collect())
            }
        }
    }
}

fn as_object(raw: &RawValue) -> std::borrow::Cow<'_, str> {
    if raw.get().starts_with('{') {
        raw.get().into()
    } else {
        format!(r#"{{"value":{}}}"#, raw.get()).into()
    }
}

/// A resource's key, ready to be read from many records.
#[derive(Debug)]
pub struct Keys<'a> {
    resource: &'a crate::Resource,
    pointers: Vec<Pointer>,
}

impl Keys<'_> {
    /// The key of `record` under `parent` (empty for none); `None` if a field of it is missing.
    #[must_use]
    pub fn of(&self, record: &Record<'_>, parent: &str) -> Option<String> {
        let text = |pointer| json::text_at(&record.json, pointer);
        let own = match self.resource.key {
            crate::Key::Field(_) => text(self.pointers.first()?)?.into_owned(),
            crate::Key::Fields(_) => {
                let parts = self
                    .pointers
                    .iter()
                    .map(|pointer| Some(key::part(&text(pointer)?).into_owned()));
                parts.collect::<Option<Vec<_>>>()?.join("/")
            }
            crate::Key::Member => record.member.clone()?,
            crate::Key::Only => self.resource.name.to_owned(),
        };
        if own.is_empty() {
            return None;
        }
        Some(if self.resource.parent().is_some() {
            key::child(parent, &own)
        } else {
            own
        })
    }
}

impl crate::Resource {
    /// Finds the keys of its records.
    #[must_use]
    pub fn keys(&self) -> Keys<'_> {
        let pointers = match &self.key {
            crate::Key::Field(pointer) => std::slice::from_ref(pointer),
            crate::Key::Fields(pointers) => pointers,
            crate::Key::Member | crate::Key::Only => &[],
        };
        Keys {
            resource: self,
            pointers: pointers.iter().map(|pointer| Pointer::new(pointer)).collect(),
        }
    }

    /// The key of one record; for many see [`Self::keys`].
    #[must_use]
    pub fn key_of(&self, record: &Record<'_>, parent: &str) -> Option<String> {
        self.keys().of(record, parent)
    }

    /// How readers without Seatbelt find the key in a line.
    #[must_use]
    pub fn key_rule(&self) -> seatbelt_model::KeyRule {
        match self.key {
            crate::Key::Field(pointer) if self.parent().is_none() => {
                seatbelt_model::KeyRule::Pointer(pointer.to_owned())
            }
            _ => seatbelt_model::KeyRule::Written,
        }
    }
}
