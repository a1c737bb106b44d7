//! Made-up records that look, weigh and compress like the issues of GitHub's REST API: 1.5 to 2 KB of JSON, most of it links.

use std::fmt::Write as _;

use fastrand::Rng;

const SYLLABLES: [&str; 24] = [
    "re", "con", "ti", "on", "er", "al", "de", "in", "pro", "ca", "li", "mo", "sta", "ver", "un", "ing", "ed", "pa",
    "the", "se", "ro", "ment", "ex", "co",
];
const LOGINS: u64 = 5_000;
const LABELS: [(&str, &str); 6] = [
    ("bug", "d73a4a"),
    ("enhancement", "a2eeef"),
    ("documentation", "0075ca"),
    ("good first issue", "7057ff"),
    ("question", "d876e3"),
    ("wontfix", "ffffff"),
];

/// The record of this id after so many edits. The same arguments give the same bytes.
pub(crate) fn issue(id: u64, edits: u32) -> String {
    let mut rng = Rng::with_seed(id.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut json = String::with_capacity(2048);
    let api = "https://api.github.example/repos/acme/rocket";
    let number = id - FIRST_ID + 1;
    write(
        &mut json,
        format_args!(
            r#"{{"url":"{api}/issues/{number}","repository_url":"{api}","labels_url":"{api}/issues/{number}/labels{{/name}}","#
        ),
    );
    write(
        &mut json,
        format_args!(r#""comments_url":"{api}/issues/{number}/comments","events_url":"{api}/issues/{number}/events","#),
    );
    write(
        &mut json,
        format_args!(
            r#""html_url":"https://github.example/acme/rocket/issues/{number}","id":{id},"node_id":"I_{:016x}","number":{number},"title":""#,
            rng.u64(..)
        ),
    );
    let words = rng.usize(4..10);
    prose(&mut json, &mut rng, words);
    json.push_str(r#"","user":"#);
    user(&mut json, &mut rng);
    let (label, color) = LABELS[rng.usize(..LABELS.len())];
    write(
        &mut json,
        format_args!(
            r#","labels":[{{"id":{},"name":"{label}","color":"{color}","default":true,"description":null}}],"#,
            208_045_946 + color.len()
        ),
    );
    let state = if rng.u8(..) < 90 { "open" } else { "closed" };
    let comments = rng.u32(..20) + edits;
    write(
        &mut json,
        format_args!(
            r#""state":"{state}","locked":false,"assignee":null,"assignees":[],"milestone":null,"comments":{comments},"#
        ),
    );
    let (day, second) = (rng.u32(..28), rng.u32(..60));
    let created = format_args!(
        "2026-0{}-{:02}T{:02}:{:02}:{second:02}Z",
        1 + rng.u32(..9),
        1 + day,
        rng.u32(..24),
        rng.u32(..60)
    )
    .to_string();
    let updated = format_args!(
        "2026-10-{:02}T{:02}:{:02}:{second:02}Z",
        1 + (day + edits) % 28,
        edits % 24,
        rng.u32(..60)
    )
    .to_string();
    write(
        &mut json,
        format_args!(
            r#""created_at":"{created}","updated_at":"{updated}","closed_at":null,"author_association":"CONTRIBUTOR","active_lock_reason":null,"body":""#
        ),
    );
    let words = rng.usize(20..60);
    prose(&mut json, &mut rng, words);
    if edits > 0 {
        json.push_str(r"\n\nEdit: ");
        prose(&mut json, &mut Rng::with_seed(id ^ u64::from(edits) << 40), 6);
    }
    write(
        &mut json,
        format_args!(
            r#"","reactions":{{"url":"{api}/issues/{number}/reactions","total_count":0,"+1":0,"-1":0,"laugh":0}},"state_reason":null}}"#
        ),
    );
    json
}

/// The id of the first record.
pub(crate) const FIRST_ID: u64 = 1_000_000_001;

/// The key of a record: its id.
pub(crate) fn key(id: u64) -> String {
    id.to_string()
}

fn user(json: &mut String, rng: &mut Rng) {
    let id = rng.u64(..LOGINS);
    let mut login = String::new();
    prose(&mut login, &mut Rng::with_seed(id), 1);
    let api = format!("https://api.github.example/users/{login}{id}");
    write(
        json,
        format_args!(
            r#"{{"login":"{login}{id}","id":{},"node_id":"U_{id:08x}","avatar_url":"https://avatars.github.example/u/{id}?v=4","#,
            583_231 + id
        ),
    );
    write(
        json,
        format_args!(
            r#""url":"{api}","html_url":"https://github.example/{login}{id}","followers_url":"{api}/followers","#
        ),
    );
    write(
        json,
        format_args!(
            r#""gists_url":"{api}/gists{{/gist_id}}","starred_url":"{api}/starred{{/owner}}{{/repo}}","repos_url":"{api}/repos","#
        ),
    );
    write(json, format_args!(r#""type":"User","site_admin":false}}"#));
}

/// Words, common syllables more often than rare ones.
fn prose(json: &mut String, rng: &mut Rng, words: usize) {
    for word in 0..words {
        if word > 0 {
            json.push(' ');
        }
        for _ in 0..rng.usize(1..4) {
            json.push_str(SYLLABLES[rng.usize(..SYLLABLES.len()).min(rng.usize(..SYLLABLES.len()))]);
        }
    }
}

fn write(json: &mut String, text: std::fmt::Arguments<'_>) {
    json.write_fmt(text).expect("a String takes whatever is written");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issues_are_json_of_the_weight_they_should_have_and_only_edits_change_them() {
        for id in FIRST_ID..FIRST_ID + 200 {
            let json = issue(id, 0);
            let value: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert_eq!(value["id"], id);
            assert!((1400..2100).contains(&json.len()), "{} bytes", json.len());
            assert_eq!(json, issue(id, 0));
            assert_ne!(json, issue(id, 1));
            assert_ne!(issue(id, 1), issue(id, 2));
        }
    }
}
