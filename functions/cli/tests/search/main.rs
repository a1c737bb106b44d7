//! `seatbelt search`, the real binary on a vendor whose data is known.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers fail and speak as tests do"
)]

#[allow(
    dead_code,
    reason = "this suite needs fewer of the helpers than the one they were made for"
)]
#[path = "../it/support.rs"]
mod support;

use std::time::Duration;

use seatbelt_platforms::practice::crm;
use serde_json::Value;

use support::{Company, Home};

/// A vendor with texts that are hard to find, backed up.
fn company() -> (Company, Home, [u64; 3]) {
    let vendor = Company::start();
    let ids = vendor.company.crm.ids("contacts");
    let texts = [
        "Jürgen \"Joe\" O'Neill\\Sons",
        "see https://old.acme/x\nand call",
        "price 12.50 😀",
    ];
    for (id, text) in ids.iter().zip(texts) {
        vendor.company.crm.edit("contacts", *id, |fields| {
            fields.insert("job_title".into(), text.into());
        });
    }
    let home = vendor.home(crm::READ_ONLY_TOKEN);
    home.ok(&["backup", "crm", "--quiet"]);
    (vendor, home, [ids[0], ids[1], ids[2]])
}

fn places(hits: &[Value]) -> Vec<(String, String, String)> {
    let text = |hit: &Value, name: &str| hit[name].as_str().unwrap_or_default().to_owned();
    hits.iter()
        .map(|hit| (text(hit, "resource"), text(hit, "key"), text(hit, "field")))
        .collect()
}

#[test]
fn finds_texts_however_they_are_written() {
    let (_vendor, home, ids) = company();
    let at = |id: u64| vec![("contacts".to_owned(), id.to_string(), "/job_title".to_owned())];
    for (text, id) in [
        ("Jürgen \"Joe\"", ids[0]),
        ("O'Neill\\Sons", ids[0]),
        ("https://old.acme/x\nand", ids[1]),
        ("12.50 😀", ids[2]),
    ] {
        let hits = home.json(&["search", "crm", text]);
        assert_eq!(places(&hits), at(id), "{text}");
        assert_eq!((&hits[0]["in"], hits[0].get("side")), (&Value::from("value"), None));
    }
    assert!(home.json(&["search", "crm", "jürgen \"JOE\""]).is_empty());
    assert_eq!(
        places(&home.json(&["search", "crm", "JÜRGEN \"joe\"", "-i"])),
        at(ids[0])
    );
    let pattern = r"^see https?://old\.\w+/x$";
    assert!(home.json(&["search", "crm", pattern, "--regex"]).is_empty());
    let pattern = r"(?s)^see https?://old\.\w+/x.*call$";
    assert_eq!(places(&home.json(&["search", "crm", pattern, "--regex"])), at(ids[1]));
}

/// What the command finds is what a reader of all records finds.
#[test]
fn finds_every_place_a_plain_reader_finds() {
    let (_vendor, home, _) = company();
    for resource in home.json(&["show", "crm"]) {
        let resource = resource["resource"].as_str().unwrap();
        let records = home.json(&["show", "crm", resource]);
        for needle in ["1", "an", "Jürgen"] {
            let mut wanted = Vec::new();
            for record in &records {
                collect(&record["record"], "", needle, &mut |field| {
                    wanted.push((resource.to_owned(), record["key"].as_str().unwrap().to_owned(), field));
                });
            }
            let mut found = places(&home.json(&["search", "crm", needle, "--resource", resource]));
            wanted.sort();
            found.sort();
            assert_eq!(found, wanted, "{needle} in {resource}");
            assert!(
                needle != "1" || records.is_empty() || !wanted.is_empty(),
                "{resource} has no 1 anywhere"
            );
        }
    }
}

fn collect(value: &Value, path: &str, needle: &str, found: &mut impl FnMut(String)) {
    match value {
        Value::String(text) if text.contains(needle) => found(path.to_owned()),
        Value::Number(number) if number.to_string().contains(needle) => found(path.to_owned()),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                collect(item, &format!("{path}/{at}"), needle, found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                collect(member, &format!("{path}/{name}"), needle, found);
            }
        }
        _ => {}
    }
}

#[test]
fn changes_are_searched_on_both_sides() {
    let (vendor, home, ids) = company();
    vendor.company.clock.advance(Duration::from_secs(600));
    vendor.company.crm.edit("contacts", ids[0], |fields| {
        fields.insert("job_title".into(), "Captain".into());
    });
    vendor.company.crm.delete("contacts", ids[2]);
    home.ok(&["backup", "crm", "--full", "--quiet"]);

    let snapshots = home.json(&["snapshots", "crm"]);
    let mut names: Vec<_> = snapshots
        .iter()
        .map(|snapshot| snapshot["snapshot"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    let between = format!("{}..{}", names[0], names[1]);
    let sides = |text: &str, between: &str| -> Vec<(String, String)> {
        let hits = home.json(&["search", "crm", text, "--between", between, "--resource", "contacts"]);
        let hits = hits.iter().filter(|hit| hit["field"] == "/job_title");
        hits.map(|hit| {
            (
                hit["key"].as_str().unwrap().to_owned(),
                hit["side"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
    };
    let one = |id: u64, side: &str| vec![(id.to_string(), side.to_owned())];
    assert_eq!(sides("Captain", &between), one(ids[0], "after"));
    assert_eq!(sides("Jürgen", &between), one(ids[0], "before"));
    assert_eq!(sides("12.50 😀", &between), one(ids[2], "before"));
    assert_eq!(sides("old.acme", &between), [], "what did not change is not looked at");
    // The other way round is what going back would do; an open end is the newest.
    assert_eq!(
        sides("Captain", &format!("{}..{}", names[1], names[0])),
        one(ids[0], "before")
    );
    assert_eq!(sides("Captain", &format!("{}..", names[0])), one(ids[0], "after"));
    // What stands on both sides is said once.
    let email = vendor.company.crm.get("contacts", ids[0]).unwrap()["email"]
        .as_str()
        .unwrap()
        .to_owned();
    let hits = home.json(&["search", "crm", &email, "--between", &between]);
    let same: Vec<_> = hits
        .iter()
        .filter(|hit| hit["field"] == "/email")
        .map(|hit| &hit["side"])
        .collect();
    assert_eq!(same, ["both"]);
    // An older snapshot still holds what is gone.
    assert_eq!(home.json(&["search", "crm", "12.50 😀", "--at", names[0]]).len(), 1);
    assert!(home.json(&["search", "crm", "12.50 😀"]).is_empty());
}

#[test]
fn people_read_short_pieces_within_a_line_and_a_limit() {
    let (vendor, home, ids) = company();
    let long = format!("{} needle {}", "before\u{1b}[31m ".repeat(400), "behind ".repeat(400));
    vendor.company.clock.advance(Duration::from_secs(600));
    vendor.company.crm.edit("contacts", ids[1], |fields| {
        fields.insert("job_title".into(), long.into());
    });
    home.ok(&["backup", "crm", "--full", "--quiet"]);
    let said = home.run(&["search", "crm", "needle"]);
    let head = format!("contacts {}\n  /job_title\n    …", ids[1]);
    assert!(said.code == 0 && said.out.starts_with(&head), "{said:?}");
    assert!(said.out.lines().all(|line| line.chars().count() <= 80) && !said.out.contains('\u{1b}'));
    assert!(
        said.err.contains("1 place in ") && !said.err.contains("needle"),
        "{said:?}"
    );

    let said = home.run(&["search", "crm", "a", "--limit", "7"]);
    assert_eq!(said.out.lines().filter(|line| line.starts_with("    ")).count(), 7);
    assert!(
        said.err.contains("7 places in ") && said.err.contains("--limit 0"),
        "{said:?}"
    );
    let all = home.json(&["search", "crm", "a"]);
    assert!(all.len() > 100, "{} is no more than people are shown", all.len());
    assert_eq!(home.json(&["search", "crm", "a", "--limit", "7"]), all[..7]);

    // Exactly as many as there are is not fewer than there are.
    let one = home.run(&["search", "crm", "needle", "--limit", "1"]);
    assert!(!one.err.contains("--limit 0"), "{one:?}");
}

#[test]
fn names_and_keys_count_only_where_they_are_asked_for() {
    let (_vendor, home, ids) = company();
    assert!(
        home.json(&["search", "crm", "job_titl", "--resource", "contacts"])
            .is_empty()
    );
    let hits = home.json(&["search", "crm", "job_titl", "--names", "--resource", "contacts"]);
    assert!(
        hits.iter()
            .all(|hit| hit["in"] == "name" && hit["field"] == "/job_title"),
        "{hits:?}"
    );
    assert!(hits.len() >= 3);
    let key = ids[0].to_string();
    let hits = home.json(&[
        "search",
        "crm",
        &format!("^{key}$"),
        "--regex",
        "--names",
        "--resource",
        "contacts",
    ]);
    let keys: Vec<_> = hits
        .iter()
        .filter(|hit| hit["in"] == "key")
        .map(|hit| &hit["key"])
        .collect();
    assert_eq!(keys, [&key]);
}

#[test]
fn nothing_found_is_fine_and_nonsense_is_refused() {
    let (_vendor, home, _) = company();
    let said = home.run(&["search", "crm", "nowhere to be found"]);
    assert_eq!((said.code, said.out.as_str()), (0, ""));
    assert!(said.err.contains("0 places in "), "{said:?}");
    assert_eq!(
        home.ok(&["search", "crm", "nowhere to be found", "--json"]).trim(),
        "[]"
    );
    home.fails(2, &["search", "crm", ""], &["TEXT is empty"]);
    home.fails(
        2,
        &["search", "crm", "(", "--regex"],
        &["no regular expression", "unclosed group"],
    );
    home.fails(
        2,
        &["search", "crm", "x", "--between", "yesterday"],
        &["two points in time"],
    );
    home.fails(
        2,
        &["search", "crm", "x", "--between", "a..b", "--at", "now"],
        &["cannot be used with"],
    );
    home.fails(
        1,
        &["search", "crm", "x", "--resource", "contact"],
        &["did you mean contacts?"],
    );
    home.fails(1, &["search", "cmr", "x"], &["there is no system"]);
}
