//! What EventBridge Scheduler takes, as its API reference and user guide say, written down apart from the code under test.
//!
//! Source: EventBridge Scheduler API reference, `CreateSchedule`; user guide, "Schedule types"; read 2026-11-25.

use serde_json::Value;

const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];

/// Why AWS answers `ValidationException`, if it does, to the body of a creation or an update.
pub(crate) fn problem(name: &str, body: &Value) -> Option<String> {
    let text = |field: &str| body[field].as_str();
    let target = &body["Target"];
    let checks = [
        ("Name", is_name(name)),
        ("GroupName", text("GroupName").is_none_or(is_name)),
        (
            "ScheduleExpression",
            text("ScheduleExpression").is_some_and(is_expression),
        ),
        (
            "ScheduleExpressionTimezone",
            text("ScheduleExpressionTimezone").is_none_or(is_timezone),
        ),
        (
            "Description",
            text("Description").is_none_or(|text| text.chars().count() <= 512),
        ),
        ("State", matches!(text("State"), None | Some("ENABLED" | "DISABLED"))),
        ("FlexibleTimeWindow", is_window(&body["FlexibleTimeWindow"])),
        (
            "ActionAfterCompletion",
            matches!(text("ActionAfterCompletion"), None | Some("NONE" | "DELETE")),
        ),
        (
            "ClientToken",
            text("ClientToken").is_none_or(|token| (1..=64).contains(&token.len()) && is_name(token)),
        ),
        (
            "Target.Arn",
            target["Arn"]
                .as_str()
                .is_some_and(|arn| is_arn(arn, "lambda", "function:")),
        ),
        (
            "Target.RoleArn",
            target["RoleArn"]
                .as_str()
                .is_some_and(|arn| is_arn(arn, "iam", "role/")),
        ),
        (
            "Target.Input",
            target["Input"]
                .as_str()
                .is_none_or(|input| serde_json::from_str::<Value>(input).is_ok()),
        ),
        (
            "Target.DeadLetterConfig",
            target["DeadLetterConfig"]["Arn"]
                .as_str()
                .is_none_or(|arn| is_arn(arn, "sqs", "")),
        ),
        ("Target.RetryPolicy", is_retry(&target["RetryPolicy"])),
    ];
    let wrong = checks.iter().find(|(_, holds)| !holds)?;
    Some(format!("Invalid {}: {}", wrong.0, body))
}

/// `^[0-9a-zA-Z-_.]+$`, 1 to 64.
pub(crate) fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

fn is_arn(arn: &str, service: &str, kind: &str) -> bool {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    parts.len() == 6
        && parts[..3] == ["arn", "aws", service]
        && parts[4].len() == 12
        && parts[5].strip_prefix(kind).is_some_and(|rest| !rest.is_empty())
}

fn is_window(window: &Value) -> bool {
    match (window["Mode"].as_str(), window["MaximumWindowInMinutes"].as_i64()) {
        (Some("OFF"), None) => true,
        (Some("FLEXIBLE"), Some(minutes)) => (1..=1440).contains(&minutes),
        _ => false,
    }
}

fn is_retry(policy: &Value) -> bool {
    let within = |field: &str, range: std::ops::RangeInclusive<i64>| {
        policy[field].as_i64().is_none_or(|number| range.contains(&number))
    };
    within("MaximumRetryAttempts", 0..=185) && within("MaximumEventAgeInSeconds", 60..=86_400)
}

fn is_timezone(name: &str) -> bool {
    name.len() <= 50 && jiff::tz::TimeZone::get(name).is_ok_and(|zone| zone.iana_name() == Some(name))
}

/// `rate(value unit)` or `cron(fields)`; nobody here needs `at(...)`.
pub(crate) fn is_expression(text: &str) -> bool {
    let inside = |form: &str| text.strip_prefix(form)?.strip_suffix(')');
    if text.len() > 256 {
        return false;
    }
    match (inside("rate("), inside("cron(")) {
        (Some(rate), _) => is_rate(rate),
        (_, Some(cron)) => is_cron(cron),
        _ => false,
    }
}

fn is_rate(text: &str) -> bool {
    let Some((value, unit)) = text.split_once(' ') else {
        return false;
    };
    let units = ["minutes", "hours", "days"];
    match value.parse::<u32>() {
        Ok(0) | Err(_) => false,
        Ok(1) => units.iter().any(|plural| plural.strip_suffix('s') == Some(unit)),
        Ok(_) => units.contains(&unit),
    }
}

fn is_cron(text: &str) -> bool {
    let fields: Vec<_> = text.split(' ').collect();
    let &[minutes, hours, days, months, weekdays, years] = &fields[..] else {
        return false;
    };
    let one_mark = (days == "?") != (weekdays == "?");
    one_mark
        && is_field(minutes, 0..=59, &[], 0)
        && is_field(hours, 0..=23, &[], 0)
        && (days == "?"
            || days == "L"
            || days.strip_suffix('W').unwrap_or(days).parse::<u32>().is_ok()
            || is_field(days, 1..=31, &[], 1))
        && is_field(months, 1..=12, &MONTHS, 1)
        && (weekdays == "?" || is_weekday(weekdays))
        && is_field(years, 1970..=2199, &[], 0)
}

fn is_weekday(text: &str) -> bool {
    let day = |text: &str| is_field(text, 1..=7, &DAYS, 1);
    match text.split_once('#') {
        Some((which, nth)) => day(which) && matches!(nth, "1" | "2" | "3" | "4" | "5"),
        None => text == "L" || day(text.strip_suffix('L').unwrap_or(text)),
    }
}

/// `*`, numbers and names, with `,`, `-` and `/`.
fn is_field(text: &str, range: std::ops::RangeInclusive<u32>, names: &[&str], first: u32) -> bool {
    let number = |text: &str| {
        let named = names.iter().position(|name| *name == text);
        let number = named.map(|at| at as u32 + first).or_else(|| text.parse().ok());
        number.is_some_and(|number| range.contains(&number))
    };
    text.split(',').all(|part| {
        let (base, step) = part
            .split_once('/')
            .map_or((part, None), |(base, step)| (base, Some(step)));
        let base = base == "*"
            || base
                .split_once('-')
                .map_or_else(|| number(base), |(from, to)| number(from) && number(to));
        base && step.is_none_or(|step| step.parse::<u32>().is_ok_and(|step| step > 0))
    })
}

/// The stand-in is of use only if it refuses what AWS refuses.
#[test]
fn the_stand_in_is_strict() {
    for good in [
        "rate(1 hour)",
        "rate(15 minutes)",
        "cron(0 2 * * ? *)",
        "cron(30 19 ? * MON-FRI *)",
        "cron(0 4 L * ? *)",
        "cron(0/15 8-17,22 ? JAN-MAR 2#1 2026-2030)",
    ] {
        assert!(is_expression(good), "{good}");
    }
    for bad in [
        "rate(1 hours)",
        "rate(2 hour)",
        "rate(0 minutes)",
        "daily at 02:00",
        "cron(bad)",
        "cron(0 2 * * *)",
        "cron(0 2 * * * *)",
        "cron(0 2 ? * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 2 * FOO ? *)",
        "cron(0 2 ? * 0 *)",
    ] {
        assert!(!is_expression(bad), "{bad}");
    }
    assert!(is_timezone("Europe/Berlin") && is_timezone("UTC"));
    assert!(!is_timezone("Europe/Berlln") && !is_timezone("europe/berlin"));
    assert!(is_name(&"a".repeat(64)) && !is_name(&"a".repeat(65)) && !is_name("a b") && !is_name(""));
}
