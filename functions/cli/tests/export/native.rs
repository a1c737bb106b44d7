//! Files, and forms of the vendors' own.

use std::process::Command;

use quick_xml::{Reader, events::Event};
use rusqlite::Connection;
use serde_json::json;

use crate::world::{Record, World, plain};

fn site() -> World {
    let posts: Vec<Record> = (1..=3)
        .map(|id| {
            let record = json!({
                "id": id, "type": "post", "status": "publish", "slug": format!("post-{id}"), "author": 7,
                "date": "2026-11-20T10:00:00", "date_gmt": "2026-11-20T09:00:00",
                "title": {"raw": format!("Post {id} <&> \"Ü\" 😀"), "rendered": "no"},
                "content": {"raw": format!("<p>Body {id} ]]> end & more</p>\n\u{1}"), "rendered": "no"},
                "excerpt": {"raw": "", "rendered": ""}, "categories": [4], "tags": [], "parent": 0, "menu_order": 0,
                "link": format!("https://acme.example/{id}"), "meta": {},
            });
            (record.to_string(), None)
        })
        .collect();
    let comment = |id: u64, post: u64| {
        let record = json!({
            "id": id, "post": post, "parent": 0, "author_name": format!("Reader {id} & Co"), "status": "approved",
            "content": {"raw": format!("Comment {id} on {post}")}, "date": "2026-11-21T10:00:00", "type": "comment",
        });
        (record.to_string(), None)
    };
    let media = (
        json!({
            "id": 9, "type": "attachment", "slug": "logo", "author": 7, "title": {"raw": "Logo"},
            "source_url": "https://acme.example/logo.png", "status": "inherit", "date": "2026-11-20T10:00:00",
        })
        .to_string(),
        Some(("logo.png".to_owned(), b"\x89PNG bytes".to_vec())),
    );
    World::new(
        "wordpress",
        [
            ("posts", posts),
            ("comments", vec![comment(20, 3), comment(21, 1), comment(22, 3)]),
            (
                "categories",
                plain(&[r#"{"id":4,"name":"News & more","slug":"news","parent":0,"taxonomy":"category"}"#]),
            ),
            (
                "users",
                plain(&[r#"{"id":7,"username":"ann","slug":"ann","name":"Ann","email":"ann@acme.example"}"#]),
            ),
            ("media", vec![media]),
        ],
    )
}

/// What an item says, by the name of its element; comments in a list of their own.
#[derive(Debug, Default)]
struct Item {
    fields: std::collections::BTreeMap<String, String>,
    comments: Vec<String>,
}

/// Reads the items with a reader of XML that refuses what is not well formed.
fn items(xml: &str) -> Vec<Item> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let (mut items, mut path, mut text) = (Vec::<Item>::new(), Vec::<String>::new(), String::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                let name = String::from_utf8(start.name().as_ref().to_vec()).unwrap();
                if name == "item" {
                    items.push(Item::default());
                }
                path.push(name);
                text.clear();
            }
            Event::CData(data) => text += std::str::from_utf8(&data).unwrap(),
            Event::Text(data) => text += std::str::from_utf8(&data).unwrap(),
            Event::GeneralRef(name) => {
                let name = std::str::from_utf8(&name).unwrap();
                text += match name {
                    "amp" => "&",
                    "lt" => "<",
                    "gt" => ">",
                    "quot" => "\"",
                    "apos" => "'",
                    other => panic!("a reference no reader knows: {other}"),
                };
            }
            Event::End(_) => {
                let name = path.pop().unwrap();
                match (items.last_mut(), name.as_str()) {
                    (Some(item), "wp:comment_content") => item.comments.push(text.clone()),
                    (Some(item), _) if path.last().is_some_and(|parent| parent == "item") => {
                        item.fields.insert(name, text.clone());
                    }
                    _ => {}
                }
                text.clear();
            }
            Event::Eof => break,
            _ => {}
        }
    }
    assert!(path.is_empty(), "elements that were not ended: {path:?}");
    items
}

#[test]
fn wordpress_has_a_form_its_importer_reads() {
    let world = site();
    let folder = world.export("wxr");
    let xml = std::fs::read_to_string(folder.join("wordpress.xml")).unwrap();
    assert!(xml.contains("<wp:wxr_version>1.2</wp:wxr_version>"));
    let items = items(&xml);
    assert_eq!(items.len(), 4);
    let post = |id: &str| items.iter().find(|item| item.fields["wp:post_id"] == id).unwrap();
    for id in 1..=3 {
        let item = post(&id.to_string());
        assert_eq!(item.fields["title"], format!("Post {id} <&> \"Ü\" 😀"));
        // XML has no place for the control character.
        assert_eq!(
            item.fields["content:encoded"].trim_end(),
            format!("<p>Body {id} ]]> end & more</p>")
        );
        assert_eq!(
            (&*item.fields["category"], &*item.fields["dc:creator"]),
            ("News & more", "ann")
        );
    }
    assert_eq!(post("3").comments, ["Comment 20 on 3", "Comment 22 on 3"]);
    assert_eq!(post("1").comments, ["Comment 21 on 1"]);
    assert!(post("2").comments.is_empty());
    assert_eq!(post("9").fields["wp:attachment_url"], "https://acme.example/logo.png");
    assert_eq!(
        std::fs::read(folder.join("files/media/9-logo.png")).unwrap(),
        b"\x89PNG bytes"
    );
    assert!(
        !crate::support::names(&folder).iter().any(|name| name.starts_with('.')),
        "nothing is left of the work"
    );
}

#[test]
fn a_form_belongs_to_its_platform() {
    let world = World::new("practice_crm", [("few", plain(&[r#"{"id":1}"#]))]);
    let said = world.run(&["export", "acme", "--to", "out", "--format", "wxr"]);
    assert!(said.code == 2 && said.err.contains("has no form wxr"), "{said:?}");
    let said = world.run(&["export", "acme", "--to", "out", "--format", "docx"]);
    assert!(said.code == 2 && said.err.contains("wxr"), "{said:?}");
    let said = site().run(&[
        "export",
        "acme",
        "--to",
        "out",
        "--format",
        "wxr",
        "--resource",
        "posts",
    ]);
    assert!(said.code == 2 && said.err.contains("several resources"), "{said:?}");
}

#[test]
fn files_are_found_from_their_records() {
    let world = site();
    let folder = world.export("sqlite");
    let database = Connection::open(folder.join("acme.sqlite")).unwrap();
    let path: String = database
        .query_row("SELECT _file FROM media WHERE _key = '9'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(std::fs::read(folder.join(&path)).unwrap(), b"\x89PNG bytes");
    let size: i64 = database
        .query_row("SELECT size_bytes FROM _files WHERE path = ?", [&path], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(size, 10);
    let folder = world.export("csv");
    let mut index = csv::Reader::from_path(folder.join("files/_index.csv")).unwrap();
    let rows: Vec<_> = index.records().map(Result::unwrap).collect();
    assert_eq!((rows.len(), &rows[0][1], &rows[0][2]), (1, "9", path.as_str()));
}

#[test]
fn git_clones_from_an_exported_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command
            .current_dir(folder.path())
            .args(["-c", "user.name=a", "-c", "user.email=a@b.example"]);
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    };
    git(&["init", "-q", "-b", "main", "."]);
    std::fs::write(folder.path().join("readme"), "hello").unwrap();
    git(&["add", "readme"]);
    git(&["commit", "-q", "-m", "first"]);
    git(&["bundle", "create", "-q", "site.bundle", "--all"]);
    let bytes = std::fs::read(folder.path().join("site.bundle")).unwrap();
    let record = (
        r#"{"id":1,"name":"site"}"#.to_owned(),
        Some(("site.bundle".to_owned(), bytes)),
    );
    let world = World::new("github", [("git", vec![record])]);
    let bundle = world.export("ndjson").join("files/git/1-site.bundle");
    git(&["clone", "-q", bundle.to_str().unwrap(), "clone"]);
    assert_eq!(
        std::fs::read_to_string(folder.path().join("clone/readme")).unwrap(),
        "hello"
    );
}
