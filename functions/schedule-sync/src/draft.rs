//! A schedule as it is to be, and how it differs from the one that is there.

use aws_sdk_scheduler::{
    operation::get_schedule::GetScheduleOutput,
    types::{
        ActionAfterCompletion, DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy,
        ScheduleState, Target,
    },
};
use jiff::SignedDuration;
use seatbelt_model::{
    Finding, SystemName,
    schedule::{Schedule, Zone},
};
use serde::Serialize;

use crate::place::{Place, is_name};

/// Many systems say `daily at 02:00`; within this time of it they start one after the other. It is nothing to an RPO of hours.
const WINDOW_MINUTES: i32 = 5;
/// Schedules that fire more often are kept to the minute.
const WINDOW_FROM: SignedDuration = SignedDuration::from_hours(1);
/// The most that AWS takes, which is also what it does if nothing is said.
const ATTEMPTS: i32 = 185;
/// The shortest and longest time AWS tries to deliver a firing.
const AGE_S: std::ops::RangeInclusive<i64> = 60..=86_400;
/// EventBridge Scheduler's limits (API reference, `CreateSchedule`, read 2026-11-25), in characters.
const LONGEST_EXPRESSION: usize = 256;
const LONGEST_TIMEZONE: usize = 50;
const LONGEST_DESCRIPTION: usize = 512;

/// One schedule, with every field that AWS keeps for it: an update replaces them all.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The system's name, which is the schedule's: so a system has one schedule whatever happens.
    pub name: String,
    /// For people in the console.
    pub description: String,
    /// `rate(...)` or `cron(...)`.
    pub expression: String,
    /// An IANA name.
    pub timezone: String,
    /// Whether it fires; a paused system's does not, and is kept.
    pub enabled: bool,
    /// Within how many minutes of its time it fires; `None` for at its time.
    pub window_minutes: Option<i32>,
    /// The backup function.
    pub target_arn: String,
    /// What the function is called with.
    pub input: String,
    /// The role it is called with.
    pub role_arn: String,
    /// Where a firing goes that could not be delivered.
    pub dead_letter_arn: String,
    /// For how many seconds delivery is tried: until the next firing is due.
    pub max_age_s: i32,
}

#[derive(Serialize)]
struct Input<'a> {
    system: &'a str,
    /// EventBridge Scheduler fills in the firing's time.
    due: &'static str,
}

impl Draft {
    /// The schedule of `system`, backed up by the function of `platform`.
    ///
    /// # Errors
    /// A finding if AWS would not take it, which the types of the model rule out; emulators take anything.
    pub fn new(
        system: &SystemName,
        platform: &str,
        schedule: &Schedule,
        enabled: bool,
        place: &Place,
    ) -> Result<Self, Finding> {
        let told = schedule.to_eventbridge();
        let interval = schedule.interval();
        let input = Input {
            system: system.as_str(),
            due: "<aws.scheduler.scheduled-time>",
        };
        let age = interval.map_or(*AGE_S.end(), |interval| interval.as_secs());
        let draft = Self {
            name: system.as_str().to_owned(),
            description: format!(
                "Seatbelt backs up {system} {schedule}, as the manifest says. Edits made here are undone."
            ),
            expression: told.expression,
            timezone: told.timezone,
            enabled,
            window_minutes: interval
                .filter(|interval| *interval >= WINDOW_FROM)
                .map(|_| WINDOW_MINUTES),
            target_arn: place.function_arn(platform),
            input: serde_json::to_string(&input).expect("two texts are valid JSON"),
            role_arn: place.role_arn().to_owned(),
            dead_letter_arn: place.dead_letter_arn().to_owned(),
            max_age_s: i32::try_from(age.clamp(*AGE_S.start(), *AGE_S.end())).expect("a day of seconds fits"),
        };
        draft.check().map(|()| draft)
    }

    /// Whether AWS takes it.
    fn check(&self) -> Result<(), Finding> {
        let refuse = |problem: String| Err(Finding::error("schedule", problem));
        if !is_name(&self.name) {
            return refuse(format!(
                "\"{}\" cannot be a schedule's name: at most 64 of 0-9 a-z A-Z - _ .",
                self.name
            ));
        }
        let known = ["rate(", "cron("].iter().any(|form| self.expression.starts_with(form));
        if !known || !self.expression.ends_with(')') || self.expression.len() > LONGEST_EXPRESSION {
            return refuse(format!("EventBridge does not take the expression {}", self.expression));
        }
        if self.timezone.len() > LONGEST_TIMEZONE || Zone::named(&self.timezone).is_err() {
            return refuse(format!("EventBridge does not know the time zone {}", self.timezone));
        }
        if self.description.chars().count() > LONGEST_DESCRIPTION {
            return refuse(format!(
                "its description is longer than {LONGEST_DESCRIPTION} characters"
            ));
        }
        Ok(())
    }

    /// What it says, for messages.
    #[must_use]
    pub fn summary(&self) -> String {
        summary(Some(&self.expression), Some(&self.timezone), Some(&self.state()))
    }

    pub(crate) fn state(&self) -> ScheduleState {
        if self.enabled {
            ScheduleState::Enabled
        } else {
            ScheduleState::Disabled
        }
    }

    pub(crate) fn window(&self) -> FlexibleTimeWindow {
        let mode = match self.window_minutes {
            Some(_) => FlexibleTimeWindowMode::Flexible,
            None => FlexibleTimeWindowMode::Off,
        };
        FlexibleTimeWindow::builder()
            .mode(mode)
            .set_maximum_window_in_minutes(self.window_minutes)
            .build()
            .expect("the mode is set")
    }

    pub(crate) fn target(&self) -> Target {
        let retry = RetryPolicy::builder()
            .maximum_retry_attempts(ATTEMPTS)
            .maximum_event_age_in_seconds(self.max_age_s)
            .build();
        Target::builder()
            .arn(&self.target_arn)
            .role_arn(&self.role_arn)
            .input(&self.input)
            .retry_policy(retry)
            .dead_letter_config(DeadLetterConfig::builder().arn(&self.dead_letter_arn).build())
            .build()
            .expect("both ARNs are set")
    }

    /// The fields in which the schedule that is there differs, by AWS's names; none if it is as it should be.
    #[must_use]
    pub fn differences(&self, found: &GetScheduleOutput) -> Vec<&'static str> {
        let unlimited = found.start_date().is_none() && found.end_date().is_none();
        let stays = matches!(
            found.action_after_completion(),
            None | Some(ActionAfterCompletion::None)
        );
        let fields = [
            (
                "ScheduleExpression",
                found.schedule_expression() == Some(self.expression.as_str()),
            ),
            (
                "ScheduleExpressionTimezone",
                found.schedule_expression_timezone() == Some(self.timezone.as_str()),
            ),
            ("State", found.state() == Some(&self.state())),
            (
                "FlexibleTimeWindow",
                found.flexible_time_window() == Some(&self.window()),
            ),
            ("Target", found.target() == Some(&self.target())),
            ("Description", found.description() == Some(self.description.as_str())),
            ("StartDate or EndDate", unlimited),
            ("ActionAfterCompletion", stays),
            ("KmsKeyArn", found.kms_key_arn().is_none()),
        ];
        fields
            .iter()
            .filter(|(_, same)| !same)
            .map(|(field, _)| *field)
            .collect()
    }
}

/// What a schedule that is there says, for messages.
pub(crate) fn summary_of(found: &GetScheduleOutput) -> String {
    summary(
        found.schedule_expression(),
        found.schedule_expression_timezone(),
        found.state(),
    )
}

fn summary(expression: Option<&str>, timezone: Option<&str>, state: Option<&ScheduleState>) -> String {
    let (expression, timezone) = (expression.unwrap_or("?"), timezone.unwrap_or("UTC"));
    let paused = if state == Some(&ScheduleState::Disabled) {
        ", paused"
    } else {
        ""
    };
    format!("{expression} {timezone}{paused}")
}
