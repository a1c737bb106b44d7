//! What a function is called with.

use jiff::Timestamp;
use seatbelt_model::RunId;
use serde::{Deserialize, Serialize};

/// The event: `{"system": "acme-site"}` from a person; a schedule says what is due, a hand-over which run goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// The system to back up.
    pub system: String,
    /// Read everything, whatever the cursors say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub full: bool,
    /// The firing of the schedule, as EventBridge Scheduler fills it in for `<aws.scheduler.scheduled-time>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
    /// The run to go on with, in a hand-over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The number of this worker among those that work on a run side by side; the first, who leads, has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<u32>,
    /// How often this worker has handed over.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hop: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Event {
    /// The firing's time; `None` where no schedule fired, or one that did not fill it in.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        self.due.as_deref()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_needs_to_give_the_system_only() {
        let event: Event = serde_json::from_str(r#"{"system":"acme-site"}"#).unwrap();
        let expected = Event {
            system: "acme-site".into(),
            ..Event::default()
        };
        assert_eq!(event, expected);
        assert_eq!(serde_json::to_string(&event).unwrap(), r#"{"system":"acme-site"}"#);
        assert!(serde_json::from_str::<Event>("{}").is_err());
        let slip = serde_json::from_str::<Event>(r#"{"system":"acme-site","ful":true}"#);
        assert!(
            slip.unwrap_err().to_string().contains("`ful`"),
            "a slip is not passed over"
        );
    }

    #[test]
    fn a_keyword_that_nobody_filled_in_is_no_time() {
        let due = |due: &str| {
            let due = Some(due.to_owned());
            Event {
                due,
                ..Event::default()
            }
            .due_at()
        };
        assert_eq!(
            due("2026-11-22T06:00:00Z"),
            Some("2026-11-22T06:00:00Z".parse().unwrap())
        );
        assert_eq!(due("<aws.scheduler.scheduled-time>"), None);
    }
}
