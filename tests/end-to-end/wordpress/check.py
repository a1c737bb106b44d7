"""Compares what Seatbelt says with what the site says. All knowledge of Seatbelt's output is in this file.

    check.py complete BACKUP.json           the run ended complete
    check.py unchanged BACKUP.json          it stored no change
    check.py snapshot BACKUP.json           prints the snapshot it committed
    check.py counts TRUTH.json EXPORT       every count, id, text and file of an export
    check.py diff [--without-removed] EDIT.json DIFF.json
    check.py damage HOME                    flips a byte of a stored object and prints the object's name
    check.py named OBJECT VERIFY.json       the object is named
    check.py same STATE.json STATE.json [PART=COUNT ...]  two states of the site are equal, but for so many entries with PART
    check.py planned PLAN.json ACTION RESOURCE COUNT       a plan has so many steps of this kind
    check.py settled PLAN.json              a plan has nothing to write
    check.py restored RESTORED.json         prints the run of a restore in which no record failed
"""

import hashlib
import json
import pathlib
import sqlite3
import sys

# ---- What Seatbelt prints and writes: adapt here ----


def run_of(path):
    """The one run of a `backup --json`."""
    answer = json.loads(pathlib.Path(path).read_text())
    if isinstance(answer, dict) and "runs" in answer:
        answer = answer["runs"]
    if isinstance(answer, list):
        assert len(answer) == 1, f"{path}: {len(answer)} runs"
        answer = answer[0]
    return answer


def changes_of(path):
    """A `diff --json` as {resource: {"added": {keys}, "changed": {keys}, "removed": {keys}}}. Takes one object by resource,
    or one change a line (`{"resource", "key", "change"}`)."""
    text = pathlib.Path(path).read_text()
    found = {}

    def note(resource, change, key):
        found.setdefault(resource, {"added": set(), "changed": set(), "removed": set()})[change].add(own_key(key))

    try:
        answer = json.loads(text)
    except json.JSONDecodeError:
        answer = [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(answer, dict) and "changes" in answer:
        answer = answer["changes"]
    if isinstance(answer, list):
        for one in answer:
            note(one["resource"], one["change"], one["key"])
        return found
    for resource, changes in answer.get("resources", answer).items():
        for change in ("added", "changed", "removed"):
            for one in changes.get(change, []):
                note(resource, change, one["key"] if isinstance(one, dict) else one)
    return found


def own_key(key):
    """A record's own part of a key that begins with its parent's."""
    return str(key).rsplit("/", 1)[-1].replace("~1", "/").replace("~0", "~")


def records_of(export, resource):
    """The records of one resource of an export: one file for each, named after it."""
    path = pathlib.Path(export) / f"{resource}.ndjson"
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


# ---- What the site says, and where Seatbelt keeps it ----

# The site's name of a resource: Seatbelt's, the id within a record, and which records are meant.
RESOURCES = {
    "posts": ("posts", "id", None),
    "pages": ("pages", "id", None),
    "case-studies": ("custom_posts", "id", lambda record: record["type"] == "acme_case"),
    "blocks": ("blocks", "id", None),
    "navigation": ("navigation", "id", None),
    "menu-items": ("menu_items", "id", None),
    "media": ("media", "id", None),
    "users": ("users", "id", None),
    "application-passwords": ("application_passwords", "uuid", None),
    "categories": ("categories", "id", None),
    "tags": ("tags", "id", None),
    "industries": ("custom_terms", "id", lambda record: record["taxonomy"] == "acme_industry"),
    "menus": ("menus", "id", None),
    "menu-locations": ("menu_locations", "name", None),
    "templates": ("templates", "id", None),
    "template-parts": ("template_parts", "id", None),
    "global-styles": ("global_styles", "id", None),
    "plugins": ("plugins", "plugin", None),
    "themes": ("themes", "stylesheet", None),
    "widgets": ("widgets", "id", None),
    "sidebars": ("sidebars", "id", None),
    "types": ("types", "slug", None),
    "taxonomies": ("taxonomies", "slug", None),
}
TEXTS = ["posts", "pages", "case-studies"]
COMMENT_STATUS = {"approved": "approve"}


class Report:
    """Collects what differs, so that one run tells all of it."""

    def __init__(self):
        self.problems, self.compared = [], 0

    def same(self, what, ours, theirs):
        self.compared += 1
        if ours != theirs:
            self.problems.append(f"{what}: Seatbelt has {shown(ours)}, the site {shown(theirs)}")

    def same_ids(self, what, ours, theirs):
        self.compared += len(theirs)
        ours, theirs = {str(key) for key in ours}, {str(key) for key in theirs}
        if ours - theirs:
            self.problems.append(f"{what}: {len(ours - theirs)} too many: {shown(sorted(ours - theirs))}")
        if theirs - ours:
            self.problems.append(f"{what}: {len(theirs - ours)} missing: {shown(sorted(theirs - ours))}")

    def end(self, what):
        for problem in self.problems:
            print(f"FAILED: {problem}", file=sys.stderr)
        assert self.compared, f"{what}: nothing was compared"
        print(f"{what}: {self.compared} compared, {len(self.problems)} differ", file=sys.stderr)
        sys.exit(1 if self.problems else 0)


def shown(value):
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) < 160 else text[:160] + "..."


def counts(truth_path, export):
    truth, report = json.loads(pathlib.Path(truth_path).read_text()), Report()
    for name, (resource, key, wanted) in RESOURCES.items():
        records = [record for record in records_of(export, resource) if wanted is None or wanted(record)]
        report.same(f"{name}, records", len(records), truth[name]["count"])
        report.same_ids(name, [record[key] for record in records], truth[name]["ids"])
        if name in TEXTS:
            report.same(f"{name}, texts", texts(records), truth[name]["sha256"])
            report.same(f"{name}, by status", by_status(records), truth[name]["by_status"])
    comments(truth, export, report)
    settings(truth, export, report)
    files(truth, export, report)
    report.end("counts")


def texts(records):
    digest = hashlib.sha256()
    for record in sorted(records, key=lambda record: record["id"]):
        parts = [str(record["id"]), record["title"]["raw"], record["content"]["raw"], record.get("excerpt", {}).get("raw", "")]
        digest.update("".join(part + "\0" for part in parts).encode())
    return digest.hexdigest()


def by_status(records):
    found = {}
    for record in records:
        found[record["status"]] = found.get(record["status"], 0) + 1
    return found


def comments(truth, export, report):
    """Every type together, since the site's list of comments may or may not hold the pingbacks."""
    records = records_of(export, "comments") + records_of(export, "pingbacks")
    for kind, name in (("comment", "comments"), ("pingback", "pingbacks")):
        ours = [record for record in records if record["type"] == kind]
        report.same(f"{name}, records", len(ours), truth[name]["count"])
        report.same_ids(name, [record["id"] for record in ours], truth[name]["ids"])
    for status, theirs in truth["comments"]["by_status"].items():
        ours = [record["id"] for record in records
                if record["type"] == "comment" and COMMENT_STATUS.get(record["status"], record["status"]) == status]
        report.same_ids(f"comments, {status}", ours, theirs["ids"])


def settings(truth, export, report):
    records = records_of(export, "settings")
    report.same("settings, records", len(records), 1)
    for name, theirs in truth["settings"]["values"].items():
        ours = records[0].get(name) if records else None
        if name == "title":  # Stored with entities, answered without or with them.
            ours, theirs = str(ours).replace("&amp;", "&"), theirs.replace("&amp;", "&")
        if name == "default_post_format" and theirs in ("0", ""):
            theirs = ours if ours in ("", "0", "standard") else theirs
        if isinstance(ours, bool):
            theirs = theirs not in ("0", "", False)
        report.same(f"settings, {name}", None if ours is None else str(ours), str(theirs) if ours is not None else None)


def files(truth, export, report):
    """What was uploaded, bit for bit: under each record's key, and all of it."""
    folder = pathlib.Path(export) / "files" / "media"
    for record in records_of(export, "media"):
        theirs = truth["media"]["files"].get(str(record["id"]))
        held = [path for path in folder.glob("*") if path.name.split("-")[0].split(".")[0] == str(record["id"])]
        if theirs is None:
            continue  # Reported above.
        body = held[0].read_bytes() if len(held) == 1 else b""
        report.same(f"media {record['id']} {theirs['path']}, bytes", len(body), theirs["bytes"])
        report.same(f"media {record['id']} {theirs['path']}, digest", hashlib.sha256(body).hexdigest(), theirs["sha256"])
    exported = [path for path in (pathlib.Path(export) / "files").rglob("*") if path.is_file()]
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in exported}
    wanted = {file["sha256"] for file in truth["media"]["files"].values()}
    report.same_ids("exported files", digests & wanted, wanted)


def diff(edit_path, diff_path, with_removed):
    """Exactly the edits: all of them, and beyond them only what WordPress did by itself because of them."""
    edit, found, report = json.loads(pathlib.Path(edit_path).read_text()), changes_of(diff_path), Report()
    changed, added, removed, followed = edit["changed"], edit["added"], edit["removed"], edit["followed"]

    def of(resource, change):
        return found.get(resource, {}).get(change, set())

    def exactly(what, ours, must, may=()):
        must, may = {str(key) for key in must}, {str(key) for key in may}
        report.same_ids(what, ours - (may - must), must)

    exactly("posts added", of("posts", "added"), added["posts"])
    exactly("posts changed", of("posts", "changed"), changed["posts"] + changed["posts_trashed"], followed["posts_reordered"])
    exactly("media added", of("media", "added"), added["media"])
    exactly("media changed", of("media", "changed"), [])
    exactly("comments changed", of("comments", "changed"), changed["comments"] + followed["comments_changed"], followed["comments_moved"])
    exactly("menu items changed", of("menu_items", "changed"), changed["menu-items"], followed["menu-items"])
    exactly("categories changed", of("categories", "changed"), changed["categories"], followed.get("counts_of_category", []))
    exactly("tags changed", of("tags", "changed"), [], followed.get("counts_of_post_tag", []))
    report.same("settings changed", len(of("settings", "changed")), 1)
    if with_removed:
        exactly("posts removed", of("posts", "removed"), removed["posts"])
        exactly("media removed", of("media", "removed"), removed["media"])
        exactly("comments removed", of("comments", "removed"), followed["comments_removed"])
    touched = {"posts", "media", "comments", "pingbacks", "menu_items", "categories", "tags", "custom_terms", "settings", "revisions"}
    for resource, changes in found.items():
        if resource not in touched:
            report.same(f"{resource}, changes", sum(map(len, changes.values())), 0)
    report.end("diff")


def complete(path):
    run = run_of(path)
    assert run["status"] == "complete", f"{path}: the run is {run['status']}: {run.get('error')}"


def unchanged(path):
    changed = {name: counts["changes"] for name, counts in run_of(path)["resources"].items() if any(counts["changes"].values())}
    assert not changed, f"{path}: changes where there were none: {shown(changed)}"


def damage(home):
    """Flips one byte in the middle of the largest stored object: one that a snapshot names for sure."""
    index = sqlite3.connect(f"file:{home}/s3/index.sqlite?mode=ro", uri=True)
    key, file, size = index.execute(
        "SELECT key, file, size FROM objects WHERE key LIKE '%/objects/%' ORDER BY size DESC LIMIT 1").fetchone()
    found = [path for path in pathlib.Path(home, "s3", "data").rglob(pathlib.Path(file).name) if path.is_file()]
    assert len(found) == 1, f"{len(found)} files for {key}"
    path = found[0]
    with path.open("r+b") as data:
        data.seek(size // 2)
        byte = data.read(1)[0]
        data.seek(size // 2)
        data.write(bytes([byte ^ 1]))
    print(key)


def named(key, path):
    digest = key.rsplit("/", 1)[-1]
    assert digest in pathlib.Path(path).read_text(), f"{path} does not name {key}"
    print(f"the damaged object is named: {key}", file=sys.stderr)


# ---- Restores ----


def steps_of(path):
    """The steps of a plan: JSON lines, the header first."""
    return [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()[1:]]


def planned(path, action, resource, count):
    found = [step for step in steps_of(path) if step["action"] == action and step["resource"] == resource]
    assert len(found) == int(count), f"{path}: {len(found)} to {action} in {resource}, not {count}"
    print(f"plan: {count} to {action} in {resource}", file=sys.stderr)


def settled(path):
    left = [step for step in steps_of(path) if step["action"] not in ("fine", "link")]  # Links repeat what stands already.
    shown_left = [(step["resource"], step["key"], step["action"], [field["field"] for field in step.get("fields", []) + step.get("kept", [])],
                   step.get("why")) for step in left[:8]]
    assert not left, f"{path}: {len(left)} steps are left: {shown_left}"
    print("nothing is left to give back", file=sys.stderr)


def restored(path):
    answer = json.loads(pathlib.Path(path).read_text())
    bad = [record for record in answer["records"] if record["result"] in ("failed", "differs")]
    assert not bad, f"{path}: {len(bad)} records: {[(record['resource'], record['key'], record.get('why')) for record in bad[:8]]}"
    print(json.dumps(answer["results"]), file=sys.stderr)
    print(answer["run"]["id"])


def differing(a, b, at=""):
    """The places where two JSON values differ."""
    if isinstance(a, dict) and isinstance(b, dict):
        return [place for key in sorted(a.keys() | b.keys()) for place in differing(a.get(key), b.get(key), f"{at}/{key}")]
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        ordered = [sorted(side, key=lambda one: json.dumps(one, sort_keys=True)) for side in (a, b)]
        return [place for number, pair in enumerate(zip(*ordered)) for place in differing(*pair, f"{at}/{number}")]
    return [] if a == b else [(at, shown(a), shown(b))]


def same(before, after, allowed):
    """All places are equal, but for exactly so many whose last part is named."""
    before, after = (json.loads(pathlib.Path(path).read_text()) for path in (before, after))
    assert len(before) > 50, "the state is nearly empty"
    left = differing(before, after)
    for rule in allowed:
        part, count = rule.split("=")
        found = [place for place in left if place[0].rsplit("/", 1)[-1] == part]
        left = [place for place in left if place not in found]
        assert len(found) == int(count), f"{len(found)} differ in {part}, not {count}: {found[:5]}"
    assert not left, f"{len(left)} places differ: {left[:12]}"
    print(f"states: {len(before)} entries, equal", file=sys.stderr)


def main(arguments):
    match arguments:
        case ["complete", path]:
            complete(path)
        case ["unchanged", path]:
            unchanged(path)
        case ["snapshot", path]:
            print(run_of(path)["snapshot"])
        case ["counts", truth, export]:
            counts(truth, export)
        case ["diff", edit, path]:
            diff(edit, path, True)
        case ["diff", "--without-removed", edit, path]:
            diff(edit, path, False)
        case ["damage", home]:
            damage(home)
        case ["named", key, path]:
            named(key, path)
        case ["planned", path, action, resource, count]:
            planned(path, action, resource, count)
        case ["settled", path]:
            settled(path)
        case ["restored", path]:
            restored(path)
        case ["same", before, after, *allowed]:
            same(before, after, allowed)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except AssertionError as failed:
        sys.exit(f"FAILED: {failed}")
