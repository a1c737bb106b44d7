//! DynamoDB's values as JSON and back. Reading takes whatever a person may have typed in the console; it never fails.

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Number, Value};

use crate::call::Item;

/// What an `f64` keeps of any number, and the most digits it is written with.
const F64_DIGITS: usize = 17;

/// A whole item as JSON, sorted by name.
pub(crate) fn to_fields(item: &Item) -> Map<String, Value> {
    item.iter()
        .map(|(name, value)| (name.clone(), to_json(value)))
        .collect()
}

/// One value as JSON. Sets become sorted lists, bytes become base64 as the console shows them, and a number of more digits
/// than JSON numbers keep becomes a text, so that no digit is lost.
pub(crate) fn to_json(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => Value::String(text.clone()),
        AttributeValue::N(digits) => number(digits),
        AttributeValue::Bool(flag) => Value::Bool(*flag),
        AttributeValue::L(items) => items.iter().map(to_json).collect(),
        AttributeValue::M(fields) => Value::Object(to_fields(fields)),
        AttributeValue::Ss(texts) => sorted(texts).map(|text| Value::String(text.clone())).collect(),
        AttributeValue::Ns(numbers) => sorted(numbers).map(|digits| number(digits)).collect(),
        AttributeValue::B(bytes) => Value::String(STANDARD.encode(bytes)),
        AttributeValue::Bs(blobs) => blobs
            .iter()
            .map(|bytes| Value::String(STANDARD.encode(bytes)))
            .collect(),
        // NULL, and kinds of values that do not exist yet.
        _ => Value::Null,
    }
}

/// One JSON value as DynamoDB keeps it. A number beyond DynamoDB's range becomes a text.
pub(crate) fn from_json(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(flag) => AttributeValue::Bool(*flag),
        Value::Number(number) if fits(number) => AttributeValue::N(number.to_string()),
        Value::Number(number) => AttributeValue::S(number.to_string()),
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Array(items) => AttributeValue::L(items.iter().map(from_json).collect()),
        Value::Object(fields) => AttributeValue::M(from_fields(fields)),
    }
}

/// JSON fields as an item.
pub(crate) fn from_fields(fields: &Map<String, Value>) -> Item {
    fields
        .iter()
        .map(|(name, value)| (name.clone(), from_json(value)))
        .collect()
}

/// A text.
pub(crate) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A whole number.
pub(crate) fn whole(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn sorted(values: &[String]) -> impl Iterator<Item = &String> {
    let mut values: Vec<_> = values.iter().collect();
    values.sort();
    values.into_iter()
}

fn number(digits: &str) -> Value {
    if let Ok(whole) = digits.parse::<i64>() {
        return Value::from(whole);
    }
    if let Ok(whole) = digits.parse::<u64>() {
        return Value::from(whole);
    }
    let mantissa = digits.split(['e', 'E']).next().unwrap_or_default();
    let significant = mantissa
        .trim_start_matches(['-', '+', '0', '.'])
        .bytes()
        .filter(u8::is_ascii_digit)
        .count();
    let float = digits
        .parse()
        .ok()
        .filter(|_| significant <= F64_DIGITS)
        .and_then(Number::from_f64);
    float.map_or_else(|| Value::String(digits.to_owned()), Value::Number)
}

/// DynamoDB holds magnitudes from 1E-130 to just below 1E+126.
fn fits(number: &Number) -> bool {
    let magnitude = number.as_f64().unwrap_or_default().abs();
    magnitude == 0.0 || (1e-130..1e126).contains(&magnitude)
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::primitives::Blob;
    use serde_json::json;

    use super::*;

    #[test]
    fn json_reads_back_as_it_was() {
        let value = json!({
            "text": "", "list": [null, true, [], {}], "u64": u64::MAX, "i64": i64::MIN, "float": 0.12345678901234567,
            "small": 1e-100, "deep": {"er": {"still": [1.5]}}
        });
        assert_eq!(to_json(&from_json(&value)), value);
    }

    #[test]
    fn what_json_cannot_hold_becomes_readable_text() {
        let digits = "12345678901234567890123456789.5";
        assert_eq!(to_json(&AttributeValue::N(digits.into())), json!(digits));
        assert_eq!(
            to_json(&AttributeValue::N("not a number".into())),
            json!("not a number")
        );
        assert_eq!(
            to_json(&AttributeValue::N("-0.00000000000000000000125".into())),
            json!(-1.25e-21)
        );
        assert_eq!(to_json(&AttributeValue::B(Blob::new("hi"))), json!("aGk="));
        assert_eq!(to_json(&AttributeValue::Bs(vec![Blob::new("hi")])), json!(["aGk="]));
        assert_eq!(
            to_json(&AttributeValue::Ss(vec!["b".into(), "a".into()])),
            json!(["a", "b"])
        );
        assert_eq!(to_json(&AttributeValue::Ns(vec!["2".into()])), json!([2]));
        assert_eq!(from_json(&json!(1e300)), AttributeValue::S("1e+300".into()));
    }
}
