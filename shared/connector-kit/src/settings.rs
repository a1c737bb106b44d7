//! A system's settings: the manifest's, the connector's defaults, and the ones every connector takes.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde_json::{Map, Value};
use url::Url;

use crate::{Auth, Connector, KitError, Pace, Setting, request::expand_settings};

/// The settings that every connector takes besides its own.
pub const COMMON_SETTINGS: &[Setting] = &[
    Setting {
        name: "base_url",
        default: None,
        help: "where the API is, for self-hosted editions, national clouds and test servers",
    },
    Setting {
        name: "token_url",
        default: None,
        help: "where tokens are had, if not at the connector's usual place",
    },
    Setting {
        name: "timeout_s",
        default: Some("60"),
        help: "seconds without a byte after which a request counts as failed",
    },
    Setting {
        name: "ca_file",
        default: None,
        help: "a PEM file with certificates to trust besides the usual ones",
    },
    Setting {
        name: "max_page_mb",
        default: Some("256"),
        help: "megabytes above which an answer is refused",
    },
    Setting {
        name: "requests_per_second",
        default: None,
        help: "the most requests a second, instead of the connector's pace; raise it only for a server of your own",
    },
    Setting {
        name: "concurrency",
        default: None,
        help: "the most requests at once, instead of the connector's; raise it only for a server of your own",
    },
    Setting {
        name: "drill_into",
        default: None,
        help: "the system of the manifest that drills restore a sample into: a sandbox on the same platform, never production",
    },
    Setting {
        name: "workers",
        default: Some("1"),
        help: "functions that share the work where there are many partitions, such as mailboxes; they divide the pace",
    },
    Setting {
        name: "credential_expires_on",
        default: None,
        help: "the day the credential expires, such as 2027-03-31, to be warned before; a field `expires_on` in the secret does as well",
    },
];

/// Settings, resolved and checked.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// All that have a value, for placeholders.
    pub(crate) all: BTreeMap<String, String>,
    /// Without a trailing slash; may end in a query that paths are appended to.
    pub(crate) base_url: String,
    /// The base URL's parsed form.
    pub(crate) base: Url,
    pub(crate) timeout: Duration,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) max_page_bytes: usize,
    /// The connector's, unless settings say otherwise.
    pub(crate) pace: Pace,
    pub(crate) workers: u32,
}

impl Settings {
    pub(crate) fn resolve(connector: &Connector, given: &Map<String, Value>) -> Result<Self, KitError> {
        let mut all = BTreeMap::new();
        for (name, value) in given {
            if !known(connector).any(|setting| setting.name == name) {
                let names: Vec<_> = known(connector).map(|setting| setting.name).collect();
                return Err(wrong(
                    name,
                    format!("{} has no such setting; it takes {}", connector.title, names.join(", ")),
                ));
            }
            if let Some(text) = text(name, value)? {
                all.insert(name.clone(), text);
            }
        }
        fill_defaults(connector.settings, &mut all)?;
        let base_url = base_url(connector, &all)?;
        let base = parse_url("base_url", &base_url)?;
        Ok(Self {
            timeout: Duration::from_secs(number(&all, "timeout_s", 60, 1..=3600)?),
            ca_file: all.get("ca_file").map(PathBuf::from),
            max_page_bytes: number(&all, "max_page_mb", 256, 1..=4096)? as usize * 1024 * 1024,
            pace: pace(connector.pace, &all)?,
            workers: number(&all, "workers", 1, 1..=32)? as u32,
            all,
            base_url,
            base,
        })
    }

    /// The URL tokens are had from, where `declared` says so.
    pub(crate) fn token_url(&self, declared: &str) -> Result<Url, KitError> {
        let template = self.all.get("token_url").map_or(declared, String::as_str);
        let text = expand_settings(template, "sign-in", &self.all)?;
        let whole = if text.starts_with('/') {
            format!("{}{text}", self.base_url)
        } else {
            text
        };
        parse_url("token_url", &whole)
    }
}

/// The settings a connector takes; `token_url` only where it has tokens to fetch.
fn known(connector: &Connector) -> impl Iterator<Item = &'static Setting> {
    let mints = |auth: &Auth| {
        matches!(
            auth,
            Auth::ClientCredentials { .. } | Auth::RefreshToken { .. } | Auth::JwtBearer { .. }
        )
    };
    let takes_token_url = connector.auth.iter().any(mints);
    let common = COMMON_SETTINGS
        .iter()
        .filter(move |setting| setting.name != "token_url" || takes_token_url);
    connector.settings.iter().chain(common)
}

fn text(name: &str, value: &Value) -> Result<Option<String>, KitError> {
    match value {
        Value::String(text) if text.trim().is_empty() => Ok(None),
        Value::String(text) => Ok(Some(text.trim().to_owned())),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::Bool(yes) => Ok(Some(yes.to_string())),
        Value::Null => Ok(None),
        Value::Array(_) | Value::Object(_) => Err(wrong(name, "it takes a text or a number")),
    }
}

/// Adds the defaults of settings not given. A default may name other settings, whose value is found first.
fn fill_defaults(declared: &[Setting], all: &mut BTreeMap<String, String>) -> Result<(), KitError> {
    let missing = |all: &BTreeMap<String, String>| -> Vec<&Setting> {
        declared
            .iter()
            .filter(|setting| !all.contains_key(setting.name))
            .collect()
    };
    if let Some(required) = missing(all).into_iter().find(|setting| setting.default.is_none()) {
        return Err(wrong(required.name, format!("it is required: {}", required.help)));
    }
    loop {
        let open = missing(all);
        let Some(first) = open.first() else { return Ok(()) };
        let filled: Vec<_> = open
            .iter()
            .filter_map(|setting| Some((setting.name, expand_settings(setting.default?, setting.name, all).ok()?)))
            .collect();
        if filled.is_empty() {
            return Err(wrong(first.name, "its default names a setting that has no value"));
        }
        all.extend(filled.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
}

fn base_url(connector: &Connector, all: &BTreeMap<String, String>) -> Result<String, KitError> {
    let declares = connector.settings.iter().any(|setting| setting.name == "base_url");
    let text = match all.get("base_url") {
        Some(own) if !declares => own.clone(),
        _ => expand_settings(connector.base_url, "base_url", all)
            .map_err(|error| wrong("base_url", error.to_string()))?,
    };
    Ok(text.trim_end_matches('/').to_owned())
}

/// Parses a URL without ever quoting it: one with a password in it is a mistake people make.
fn parse_url(name: &str, text: &str) -> Result<Url, KitError> {
    let url = Url::parse(text)
        .map_err(|error| wrong(name, format!("it is not a URL such as https://example.com ({error})")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong(name, "it must start with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            name,
            "it must not hold a user name or password; they belong in the secret",
        ));
    }
    if url.fragment().is_some() {
        return Err(wrong(name, "it must not hold a `#`"));
    }
    Ok(url)
}

fn number(
    all: &BTreeMap<String, String>,
    name: &str,
    default: u64,
    range: std::ops::RangeInclusive<u64>,
) -> Result<u64, KitError> {
    let Some(text) = all.get(name) else { return Ok(default) };
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        wrong(
            name,
            format!("it takes a whole number from {} to {}", range.start(), range.end()),
        )
    })
}

/// The connector's pace with what the settings put in its place. The share of a quota that is left to others stays.
fn pace(declared: Pace, all: &BTreeMap<String, String>) -> Result<Pace, KitError> {
    let mut pace = declared;
    if all.contains_key("requests_per_second") {
        pace.requests = number(all, "requests_per_second", 1, 1..=10_000)? as u32;
        pace.per = Duration::from_secs(1);
    }
    pace.concurrency = number(all, "concurrency", declared.concurrency.max(1).into(), 1..=64)? as u32;
    Ok(pace)
}

pub(crate) fn wrong(name: &str, problem: impl Into<String>) -> KitError {
    KitError::Setting {
        name: name.to_owned(),
        problem: problem.into(),
    }
}
