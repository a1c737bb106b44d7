//! The message people get.

use proptest::prelude::*;
use seatbelt_watchdog::{Finding, Kind, News, Resolved, Severity, notice};

use crate::at;

fn finding(system: &str, severity: Severity, owner: Option<&str>) -> Finding {
    Finding {
        kind: Kind::Late,
        severity,
        system: system.into(),
        about: String::new(),
        owner: owner.map(str::to_owned),
        since: at("22T04:00"),
        what: "The newest snapshot is 30 h old.".into(),
        todo: "Run `seatbelt backup acme`.".into(),
    }
}

const PLACE: &str = "s3://vault/_seatbelt/status.json";

#[test]
fn it_reads_like_this() {
    let news = News {
        new: vec![
            finding("acme-crm", Severity::Critical, Some("crm@acme.example")),
            finding("acme-site", Severity::Warning, None),
        ],
        reminders: vec![finding("acme-erp", Severity::Critical, None)],
        resolved: vec![Resolved {
            kind: Kind::RunStalled,
            system: "acme-shop".into(),
            about: "20261122T020000Z".into(),
            since: at("22T02:30"),
        }],
        open: 7,
    };
    let notice = notice(at("22T06:00"), "prod", PLACE, &news);
    assert_eq!(
        notice.subject,
        "Seatbelt prod: 1 critical, 1 warning, 1 over: acme-crm past its RPO, acme-site past its RPO"
    );
    let expected = "Seatbelt, stack prod, 2026-11-22 06:00 UTC.

New (2):
CRITICAL acme-crm (crm@acme.example): The newest snapshot is 30 h old. Since 2026-11-22 04:00 UTC. Now: Run `seatbelt backup acme`.
WARNING acme-site: The newest snapshot is 30 h old. Since 2026-11-22 04:00 UTC. Now: Run `seatbelt backup acme`.

Still open since a day or more (1):
CRITICAL acme-erp: The newest snapshot is 30 h old. Since 2026-11-22 04:00 UTC. Now: Run `seatbelt backup acme`.

Over (1):
acme-shop: run stalled (20261122T020000Z), since 2026-11-22 02:30 UTC

7 open in all: s3://vault/_seatbelt/status.json";
    assert_eq!(notice.text, expected);
}

#[test]
fn subjects_say_what_matters_most() {
    let subject = |news: News| notice(at("22T06:00"), "prod", PLACE, &news).subject;
    let still = News {
        reminders: vec![finding("acme-erp", Severity::Critical, None)],
        ..News::default()
    };
    assert_eq!(subject(still), "Seatbelt prod: still 1 critical: acme-erp past its RPO");
    let over = Resolved {
        kind: Kind::Late,
        system: "acme-erp".into(),
        about: String::new(),
        since: at("22T02:30"),
    };
    let over = News {
        resolved: vec![over],
        ..News::default()
    };
    assert_eq!(subject(over), "Seatbelt prod: 1 over: acme-erp past its RPO");
}

#[test]
fn what_does_not_fit_is_counted() {
    let news = News {
        new: (0..200)
            .map(|n| finding(&format!("system-{n:03}"), Severity::Critical, None))
            .collect(),
        open: 200,
        ..News::default()
    };
    let notice = notice(at("22T06:00"), "prod", PLACE, &news);
    let said = notice.text.lines().filter(|line| line.starts_with("CRITICAL")).count();
    assert!(said >= 35, "{said}");
    assert!(notice.text.lines().count() <= 50);
    assert!(notice.text.contains("New (200):") && notice.text.contains(&format!("... and {} more.", 200 - said)));
    assert!(
        notice.subject.starts_with("Seatbelt prod: 200 critical: system-000"),
        "{}",
        notice.subject
    );
    assert!(
        notice.subject.len() == 100 && notice.subject.ends_with("..."),
        "{}",
        notice.subject
    );
}

proptest! {
    #[test]
    fn whatever_people_type_sns_takes_it(stack in "\\PC{0,40}", texts in prop::collection::vec((any::<String>(), any::<String>()), 1..80), over in 0..60usize) {
        let new = texts.iter().map(|(system, what)| {
            let mut finding = finding(system, Severity::Warning, Some(what));
            finding.what.clone_from(what);
            finding
        });
        let resolved = texts.iter().cycle().take(over).map(|(system, about)| Resolved {
            kind: Kind::Unreadable,
            system: system.clone(),
            about: about.clone(),
            since: at("22T02:30"),
        });
        let news = News { new: new.collect(), reminders: Vec::new(), resolved: resolved.collect(), open: 3 };
        let notice = notice(at("22T06:00"), &stack, PLACE, &news);
        prop_assert!((1..=100).contains(&notice.subject.len()));
        prop_assert!(notice.subject.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        prop_assert!(notice.subject.starts_with("Seatbelt"));
        let lines = notice.text.split('\n').count();
        prop_assert!(lines <= 50, "{}", lines);
        let said = notice.text.lines().filter(|line| line.starts_with("WARNING")).count();
        prop_assert!(said + over >= texts.len() + over || notice.text.contains(" more."), "what is left out is counted");
        prop_assert!(notice.text.len() < 256 * 1024, "SNS takes no more");
    }
}
