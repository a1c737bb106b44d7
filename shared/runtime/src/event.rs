//! What a function is called with.

use serde::Deserialize;

/// The event: `{"system": "acme-site"}`, as a schedule sends it or a person from the console.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Event {
    /// The system to back up.
    pub system: String,
    /// Read everything, whatever the cursors say.
    #[serde(default)]
    pub full: bool,
    /// Set by schedules, so that the history tells them from people.
    #[serde(default)]
    pub scheduled: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_needs_to_give_the_system_only() {
        let event: Event = serde_json::from_str(r#"{"system":"acme-site"}"#).unwrap();
        assert_eq!(
            event,
            Event {
                system: "acme-site".into(),
                full: false,
                scheduled: false
            }
        );
        assert!(serde_json::from_str::<Event>("{}").is_err());
    }
}
