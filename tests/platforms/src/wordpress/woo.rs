//! What the shop plugin stores.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

/// A record of the shop.
#[derive(Clone, Debug)]
pub struct ShopRecord {
    /// The fields, without id and dates.
    pub fields: Map<String, Value>,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub modified: Timestamp,
}

/// A shop's records by collection, which is the path without ids' tail: `orders`, `orders/12/notes`, `products`, ...
#[derive(Clone, Debug)]
pub struct Woo {
    /// The collections with numbered records.
    pub tables: BTreeMap<String, BTreeMap<u64, ShopRecord>>,
    /// The lists without numbers: `taxes/classes`, `payment_gateways`, `settings`, `settings/general`, ...
    pub lists: BTreeMap<String, Vec<Map<String, Value>>>,
    /// Consumer keys: key, secret, whether it may write.
    pub keys: Vec<(String, String, bool)>,
    pub(super) next_id: u64,
}

impl Woo {
    pub(super) fn new() -> Self {
        Self {
            tables: BTreeMap::new(),
            lists: BTreeMap::new(),
            keys: Vec::new(),
            next_id: 5001,
        }
    }

    /// Adds a record and returns its id.
    pub fn add(&mut self, table: &str, fields: Map<String, Value>, at: Timestamp) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let record = ShopRecord {
            fields,
            created: at,
            modified: at,
        };
        self.tables.entry(table.to_owned()).or_default().insert(id, record);
        id
    }

    /// Changes a record and stamps it; `false` if there is none.
    pub fn edit(&mut self, table: &str, id: u64, at: Timestamp, change: impl FnOnce(&mut Map<String, Value>)) -> bool {
        let Some(record) = self.tables.get_mut(table).and_then(|table| table.get_mut(&id)) else {
            return false;
        };
        record.modified = at;
        change(&mut record.fields);
        true
    }

    /// Deletes a record and what hangs on it.
    pub fn delete(&mut self, table: &str, id: u64) -> bool {
        let gone = self
            .tables
            .get_mut(table)
            .is_some_and(|records| records.remove(&id).is_some());
        let below = format!("{table}/{id}/");
        self.tables.retain(|name, _| !name.starts_with(&below));
        gone
    }
}
