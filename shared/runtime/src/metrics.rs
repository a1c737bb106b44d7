//! Metrics as CloudWatch takes them from a log: one JSON object on a line of its own, in the embedded metric format. No call is made, so a metric
//! costs no time and cannot fail.
//!
//! Format: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The namespace of all metrics.
pub const NAMESPACE: &str = "Seatbelt";
/// CloudWatch ignores what is beyond.
const MOST_METRICS: usize = 100;

/// Some metrics that share their time and dimensions.
#[derive(Debug, Clone)]
#[must_use = "metrics are written by `emit`"]
pub struct Metrics {
    at: Timestamp,
    /// Each metric is counted once under each of these sets.
    sets: Vec<Vec<String>>,
    declared: Vec<Value>,
    fields: Map<String, Value>,
}

impl Metrics {
    /// Metrics of the moment `now`, without dimensions so far.
    pub fn new(now: Timestamp) -> Self {
        Self {
            at: now,
            sets: vec![Vec::new()],
            declared: Vec::new(),
            fields: Map::new(),
        }
    }

    /// Adds a dimension to every set.
    pub fn dimension(mut self, name: &str, value: &str) -> Self {
        self.sets.iter_mut().for_each(|set| set.push(name.to_owned()));
        self.property(name, value)
    }

    /// Counts each metric under these of the dimensions alone too.
    pub fn also_by(mut self, names: &[&str]) -> Self {
        self.sets.push(names.iter().map(|name| (*name).to_owned()).collect());
        self
    }

    /// A field to search the log by, no dimension: it costs nothing.
    pub fn property(mut self, name: &str, value: &str) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    /// A number of things.
    pub fn count(self, name: &str, value: u64) -> Self {
        self.put(name, "Count", value.into())
    }

    /// A number of bytes.
    pub fn bytes(self, name: &str, value: u64) -> Self {
        self.put(name, "Bytes", value.into())
    }

    /// A duration in milliseconds.
    pub fn millis(self, name: &str, value: u64) -> Self {
        self.put(name, "Milliseconds", value.into())
    }

    /// A duration in seconds.
    pub fn seconds(self, name: &str, value: u64) -> Self {
        self.put(name, "Seconds", value.into())
    }

    fn put(mut self, name: &str, unit: &str, value: Value) -> Self {
        debug_assert!(
            self.declared.len() < MOST_METRICS,
            "CloudWatch ignores more metrics than that"
        );
        self.declared.push(json!({ "Name": name, "Unit": unit }));
        self.fields.insert(name.to_owned(), value);
        self
    }

    /// The line.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = self.fields.clone();
        let directive = json!({ "Namespace": NAMESPACE, "Dimensions": self.sets, "Metrics": self.declared });
        line.insert(
            "_aws".to_owned(),
            json!({ "Timestamp": self.at.as_millisecond(), "CloudWatchMetrics": [directive] }),
        );
        Value::Object(line).to_string()
    }

    /// Writes the line to standard output, where Lambda picks it up.
    #[allow(clippy::print_stdout, reason = "this is how Lambda takes metrics")]
    pub fn emit(&self) {
        println!("{}", self.line());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_what_the_specification_asks_for() {
        let metrics = Metrics::new("2026-11-22T06:00:00Z".parse().unwrap())
            .dimension("System", "acme-site")
            .dimension("Platform", "wordpress")
            .also_by(&["Platform"])
            .property("run", "20261122T060000Z")
            .count("Records", 12)
            .bytes("BytesRead", 3456)
            .millis("DurationMs", 78);
        let line: Value = serde_json::from_str(&metrics.line()).unwrap();
        assert_eq!(
            line,
            json!({
                "_aws": {
                    "Timestamp": 1_795_327_200_000_i64,
                    "CloudWatchMetrics": [{
                        "Namespace": "Seatbelt",
                        "Dimensions": [["System", "Platform"], ["Platform"]],
                        "Metrics": [
                            { "Name": "Records", "Unit": "Count" },
                            { "Name": "BytesRead", "Unit": "Bytes" },
                            { "Name": "DurationMs", "Unit": "Milliseconds" },
                        ],
                    }],
                },
                "System": "acme-site",
                "Platform": "wordpress",
                "run": "20261122T060000Z",
                "Records": 12,
                "BytesRead": 3456,
                "DurationMs": 78,
            })
        );
        assert!(!metrics.line().contains('\n'), "Lambda takes a line for an entry");
    }
}
