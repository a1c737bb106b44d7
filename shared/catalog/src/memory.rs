//! What a function of the house remembers from one invocation to the next: one item, in a partition that no system can have.

use aws_sdk_dynamodb::{
    primitives::Blob,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure::AllOld},
};
use serde_json::Value;

use crate::{
    Catalog, CatalogError,
    attribute::{text, whole},
    call::{Item, Tried, key, names, values, whole_of},
};

/// JSON up to this size is stored as text, which people can read in the console; what is larger is compressed.
const LARGEST_TEXT_BYTES: usize = 64 << 10;
/// Repetitive as it is, it shrinks to a tenth at the lowest level.
const LEVEL: i32 = 1;

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
    /// nothing. Above 64 KB it is stored compressed, and may be some megabytes of JSON.
    ///
    /// # Errors
    /// [`CatalogError::VersionConflict`] when another invocation has written since, with nothing written; safe to try again.
    pub async fn remember(&self, function: &str, value: &Value, expected: Option<u64>) -> Result<u64, CatalogError> {
        let what = format!("writing what {function} remembers");
        let (version, value) = (expected.unwrap_or(0) + 1, packed(function, value)?);
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
            .item("value", value.clone())
            .condition_expression(condition)
            .set_expression_attribute_names(names(["version"]))
            .return_values_on_condition_check_failure(AllOld);
        if let Some(expected) = expected {
            request = request.set_expression_attribute_values(values([(":expected", whole(expected))]));
        }
        match self.trying(&what).settle(request.send().await)? {
            Ok(_) => Ok(version),
            // The SDK sends again when an answer is lost; then what is there is what we wrote.
            Err(found) if whole_of(&found, "version") == Some(version) && found.get("value") == Some(&value) => {
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

fn damaged(function: &str, problem: impl ToString) -> CatalogError {
    CatalogError::Damaged {
        what: format!("what {function} remembers"),
        problem: problem.to_string(),
    }
}

fn packed(function: &str, value: &Value) -> Result<AttributeValue, CatalogError> {
    let json = value.to_string();
    if json.len() <= LARGEST_TEXT_BYTES {
        return Ok(text(json));
    }
    let packed = zstd::bulk::compress(json.as_bytes(), LEVEL).map_err(|error| damaged(function, error))?;
    Ok(AttributeValue::B(Blob::new(packed)))
}

fn read(function: &str, item: &Item) -> Result<Remembered, CatalogError> {
    let version = whole_of(item, "version").ok_or_else(|| damaged(function, "`version` is no whole number"))?;
    let json = match item.get("value") {
        Some(AttributeValue::S(json)) => json.clone().into_bytes(),
        Some(AttributeValue::B(packed)) => {
            zstd::stream::decode_all(packed.as_ref()).map_err(|error| damaged(function, error))?
        }
        _ => return Err(damaged(function, "`value` is neither text nor bytes")),
    };
    let value = serde_json::from_slice(&json).map_err(|_| damaged(function, "`value` is no JSON"))?;
    Ok(Remembered { value, version })
}
