//! What can be wrong with a schedule's text.

/// The forms a schedule may take, as error messages and help show them.
pub const FORMS: &str = "hourly; every 6 hours; daily at 02:00; weekdays at 19:30; weekly on sunday at 03:00; \
     monthly on the 1st at 04:00; monthly on the last day at 04:00; rate(15 minutes); cron(0 2 * * ? *); \
     each may end with a time zone such as Europe/Berlin (UTC without one)";

/// Why a text is no schedule. Every message quotes the text, points at the place, and shows the accepted forms.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The words are not one of the forms, or a number in them is out of range.
    #[error("schedule \"{text}\", column {column}: {problem}; write one of: {FORMS}")]
    Invalid {
        /// The text as it was written.
        text: String,
        /// Where it is wrong, counted in characters from 1.
        column: usize,
        /// What is wrong there.
        problem: String,
    },
    /// A field of `cron(...)` is not as AWS writes it.
    #[error(
        "schedule \"{text}\", column {column}: {problem}; AWS writes cron(minutes hours day-of-month month day-of-week year), \
         for example cron(0 2 * * ? *); or write one of: {FORMS}"
    )]
    Cron {
        /// The text as it was written.
        text: String,
        /// Where it is wrong, counted in characters from 1.
        column: usize,
        /// Which field, and what is wrong with it.
        problem: String,
    },
    /// The time zone at the end is not known.
    #[error("schedule \"{text}\", column {column}: {problem}; a schedule may take these forms: {FORMS}")]
    Zone {
        /// The text as it was written.
        text: String,
        /// Where it is wrong, counted in characters from 1.
        column: usize,
        /// What is wrong with it, with a suggestion where there is one.
        problem: String,
    },
}

impl ScheduleError {
    /// The same error about `text`: what was put together from parts is reported in the words that were written.
    pub(super) fn quoting(mut self, text: &str) -> Self {
        let (Self::Invalid { text: quoted, .. } | Self::Cron { text: quoted, .. } | Self::Zone { text: quoted, .. }) =
            &mut self;
        text.clone_into(quoted);
        self
    }
}
