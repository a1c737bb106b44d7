//! Secret texts, which print as `***`.

use std::{collections::BTreeMap, fmt};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// A text that must not be seen. It prints as `***`, and is neither serialized nor compared by accident.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes a text in.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself: for a request, a signature or a child process, never for a message.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The fields of a credential, by name. Prints the names alone.
///
/// ```
/// use seatbelt_connector_kit::SecretFields;
///
/// let fields = SecretFields::parse(r#"{"username": "backup", "password": "hunter2"}"#)?;
/// assert_eq!(fields.get("password").map(|password| password.expose()), Some("hunter2"));
/// assert_eq!(format!("{fields:?}"), r#"{"password", "username"}"#);
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Default)]
pub struct SecretFields(BTreeMap<String, Secret>);

/// The name of a secret's only field where the secret is a bare text, until a scheme with one field gives it its name.
const BARE: &str = "";

impl SecretFields {
    /// Reads a JSON object of texts and numbers. Any other text is taken as a bare token, the one field of a scheme that has one.
    ///
    /// # Errors
    /// A sentence that says what is wrong without quoting the secret.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("it is empty".to_owned());
        }
        if !text.starts_with('{') {
            if text.chars().any(char::is_whitespace) {
                return Err("it is neither a JSON object such as {\"token\": \"...\"} nor a bare token".to_owned());
            }
            return Ok(Self(BTreeMap::from([(BARE.to_owned(), Secret::new(text))])));
        }
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).map_err(|error| {
            // The parser's own words may quote what it read.
            format!(
                "it is not valid JSON at line {}, column {}",
                error.line(),
                error.column()
            )
        })?;
        let mut fields = BTreeMap::new();
        for (name, value) in object {
            let text = match value {
                serde_json::Value::String(text) => text,
                serde_json::Value::Number(number) => number.to_string(),
                serde_json::Value::Null => continue,
                _ => return Err(format!("its field `{name}` is neither a text nor a number")),
            };
            fields.insert(name, Secret::new(text));
        }
        Ok(Self(fields))
    }

    /// The field of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.0.get(name)
    }

    /// When the credential expires, if one of its fields `expires_at` (a time) and `expires_on` (a day) says so; the first if both do.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        let fields = ["expires_at", "expires_on"].into_iter();
        fields.filter_map(|name| expiry(self.get(name)?.expose())).min()
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Sets a field.
    pub fn set(&mut self, name: &str, value: Secret) {
        self.0.insert(name.to_owned(), value);
    }

    /// The JSON object, secrets in the clear: what a store keeps.
    #[must_use]
    pub fn to_json(&self) -> Secret {
        let object: BTreeMap<&str, &str> = self
            .0
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose()))
            .collect();
        Secret::new(serde_json::to_string_pretty(&object).expect("a map of texts is JSON"))
    }

    /// Gives a bare token the name of the one field it can be.
    pub(crate) fn name_bare(&mut self, name: &str) {
        if let Some(token) = self.0.remove(BARE) {
            self.0.insert(name.to_owned(), token);
        }
    }

    pub(crate) fn is_bare(&self) -> bool {
        self.0.contains_key(BARE)
    }
}

/// When something expires: at a time such as `2027-03-31T12:00:00Z`, or at the end (in UTC) of a day such as `2027-03-31`. `None` for
/// any other text.
#[must_use]
pub fn expiry(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let end_of_day = |day: Date| TimeZone::UTC.to_timestamp(day.tomorrow().ok()?.at(0, 0, 0, 0)).ok();
    text.parse().ok().or_else(|| end_of_day(text.parse().ok()?))
}

impl fmt::Debug for SecretFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_print_as_stars() {
        let fields = SecretFields::parse(r#"{"app_id": 42, "private_key": "hush", "none": null}"#).unwrap();
        assert_eq!(fields.get("app_id").unwrap().expose(), "42");
        let printed = format!(
            "{fields:?} {:?} {}",
            fields.get("private_key"),
            fields.get("private_key").unwrap()
        );
        assert_eq!(printed, r#"{"app_id", "private_key"} Some(***) ***"#);
    }

    #[test]
    fn a_malformed_secret_is_not_quoted() {
        for text in [
            r#"{"token": hush}"#,
            r#"{"token": ["hush"]}"#,
            "hush hush",
            r#"{"token": "hush"#,
            "",
        ] {
            let problem = SecretFields::parse(text).unwrap_err();
            assert!(!problem.contains("hush"), "{problem}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let fields = SecretFields::parse(r#"{"a": "1", "b": "line\nline \"q\""}"#).unwrap();
        let again = SecretFields::parse(fields.to_json().expose()).unwrap();
        assert_eq!(again.get("b").unwrap().expose(), "line\nline \"q\"");
    }

    #[test]
    fn a_secret_may_say_when_it_expires() {
        let expires = |json: &str| SecretFields::parse(json).unwrap().expires_at().map(|at| at.to_string());
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(expires(r#"{"token": "hush"}"#), None);
        assert_eq!(expires(r#"{"expires_on": "2027-03-31"}"#), some("2027-04-01T00:00:00Z"));
        assert_eq!(
            expires(r#"{"expires_at": "2027-03-31T14:00:00+02:00"}"#),
            some("2027-03-31T12:00:00Z")
        );
        assert_eq!(
            expires(r#"{"expires_on": "2027-03-31", "expires_at": "2027-01-01"}"#),
            some("2027-01-02T00:00:00Z"),
            "the first counts"
        );
        assert_eq!(expires(r#"{"expires_on": "next spring"}"#), None);
    }

    #[test]
    fn a_bare_token_takes_the_name_it_is_given() {
        let mut fields = SecretFields::parse("ghp_abc\n").unwrap();
        assert!(fields.is_bare());
        fields.name_bare("token");
        assert_eq!(fields.get("token").unwrap().expose(), "ghp_abc");
    }
}
