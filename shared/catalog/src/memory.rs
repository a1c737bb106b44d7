//! What a function of the house remembers from one invocation to the next: one item, in a partition that no system can have.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;
use serde_json::Value;

use crate::{
    Catalog, CatalogError,
    attribute::{text, whole},
    call::{Item, Tried, key, names, text_of, values, whole_of},
};

/// The range key.
const STATE: &str = "state";

/// Something remembered.
#[derive(Debug, Clone, PartialEq)]
pub struct Remembered {
    /// What was written.
    pub value: Value,
    /// To be handed back when it is written again.
    pub version: u64,
}

/// The partition of a function: `#` begins no system's name.
fn partition(function: &str) -> String {
    format!("#{function}")
}

impl Catalog {
    /// What `function` remembers, `None` if it has never written anything.
    ///
    /// # Errors
    /// Those of the table; [`CatalogError::Damaged`] when somebody edited the item so that it cannot be read.
    pub async fn recall(&self, function: &str) -> Result<Option<Remembered>, CatalogError> {
        let what = format!("reading what {function} remembers");
        let request = self
            .client
            .get_item()
            .table_name(&self.tables.runs)
            .set_key(key(&partition(function), STATE));
        let found = request.consistent_read(true).send().await;
        let found = found.map_err(|error| self.trying(&what).failed(error))?;
        found.item().map(|item| read(function, item)).transpose()
    }

    /// Writes what `function` is to remember, and returns its version. `expected` is the version that was read, `None` if there was
    /// nothing. At most about 400 KB of JSON.
    ///
    /// # Errors
    /// [`CatalogError::VersionConflict`] when another invocation has written since, with nothing written; safe to try again.
    pub async fn remember(&self, function: &str, value: &Value, expected: Option<u64>) -> Result<u64, CatalogError> {
        let what = format!("writing what {function} remembers");
        let (version, json) = (expected.unwrap_or(0) + 1, value.to_string());
        let condition = match expected {
            None => "attribute_not_exists(#version)",
            Some(_) => "#version = :expected",
        };
        let mut request = self
            .client
            .put_item()
            .table_name(&self.tables.runs)
            .set_item(key(&partition(function), STATE))
            .item("version", whole(version))
            .item("value", text(&json))
            .condition_expression(condition)
            .set_expression_attribute_names(names(["version"]))
            .return_values_on_condition_check_failure(AllOld);
        if let Some(expected) = expected {
            request = request.set_expression_attribute_values(values([(":expected", whole(expected))]));
        }
        match self.trying(&what).settle(request.send().await)? {
            Ok(_) => Ok(version),
            // The SDK sends again when an answer is lost; then what is there is what we wrote.
            Err(found) if whole_of(&found, "version") == Some(version) && text_of(&found, "value") == Some(&json) => {
                Ok(version)
            }
            Err(found) => Err(CatalogError::VersionConflict {
                system: partition(function),
                expected,
                found: whole_of(&found, "version"),
            }),
        }
    }

    fn trying<'a>(&'a self, what: &'a str) -> Tried<'a> {
        Tried {
            table: &self.tables.runs,
            what,
        }
    }
}

fn read(function: &str, item: &Item) -> Result<Remembered, CatalogError> {
    let damaged = |problem: &str| CatalogError::Damaged {
        what: format!("what {function} remembers"),
        problem: problem.to_owned(),
    };
    let version = whole_of(item, "version").ok_or_else(|| damaged("`version` is no whole number"))?;
    let value = text_of(item, "value").and_then(|json| serde_json::from_str(json).ok());
    Ok(Remembered {
        value: value.ok_or_else(|| damaged("`value` is no JSON"))?,
        version,
    })
}
