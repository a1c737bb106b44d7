#!/usr/bin/env python3
"""Recovers a Seatbelt snapshot without Seatbelt. Needs Python 3.9 and the `zstd` program, nothing else.

    aws s3 sync s3://BUCKET/SYSTEM ./SYSTEM
    python3 recover.py ./SYSTEM ./recovered [--snapshot 20261122T060000Z] [--resource NAME]
    python3 recover.py ./seatbelt-home ./recovered --system NAME     # from the folder of one machine

Writes one file a resource, NAME.ndjson, with the vendor's records as they came, in the order of their keys; files go to
files/NAME/. Every object is checked against its SHA-256. FORMAT.md beside this script explains each step.
"""
import argparse
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile

NAME = b'"_seatbelt":'


def fetch(system, sha256):
    """An object's bytes; its name is their hash."""
    path = os.path.join(system, "objects", sha256[:2], sha256)
    with open(path, "rb") as file:
        stored = file.read()
    if hashlib.sha256(stored).hexdigest() != sha256:
        sys.exit(f"{path}: damaged, its SHA-256 is not its name")
    return stored


def unzstd(stored):
    return subprocess.run(["zstd", "-dc"], input=stored, stdout=subprocess.PIPE, check=True).stdout


def appended(line):
    """Where the member that Seatbelt appended begins, and its value; (None, None) if there is none."""
    at = line.rfind(NAME)
    if at >= 0 and line.endswith(b"}}"):
        try:
            return at, json.loads(line[at + len(NAME):-1])
        except ValueError:
            pass  # it stands deeper inside: the vendor's own
    return None, None


def vendor(line):
    """The record as the vendor sent it."""
    at, _ = appended(line)
    if at is None:
        return line
    inner = line[:at]
    return (inner[:-1] if inner.endswith(b",") else inner) + b"}"


def control(line):
    """What Seatbelt says in a line that is no record, else None."""
    if not line.startswith(b"{" + NAME + b"{"):
        return None
    at, _ = appended(line)
    if at is not None and at != 1:
        return None  # a vendor's record that looks like ours has one of ours behind it
    value = json.loads(line)["_seatbelt"]
    return value if "removed" in value or "before" in value else None


def key_of(line, rule):
    if rule == "written":
        return appended(line)[1]["key"]
    value = json.loads(line, parse_int=str, parse_float=str)
    for part in rule["pointer"].split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        value = value[int(part)] if isinstance(value, list) else value[part]
    return {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value


def order(key):
    """Part by part: the empty part, whole numbers by value, everything else by its bytes."""
    def part(text):
        if text == "":
            return (0, 0, b"")
        if text.isascii() and text.isdigit() and (text == "0" or text[0] != "0"):
            return (1, len(text), text.encode())
        return (2, 0, text.encode())
    return [part(text) for text in key.split("/")]


def read_state(system, state):
    """All records of a resource, by key: layers from the oldest on, later ones win."""
    records = {}
    for layer in state["layers"]:
        index = json.loads(unzstd(fetch(system, layer["index"])))
        for chunk in index["chunks"]:
            for line in unzstd(fetch(system, chunk["object"])).split(b"\n")[:-1]:
                said = control(line)
                if said is None:
                    records[key_of(line, state["key"])] = line
                elif "removed" in said:
                    records.pop(said["removed"], None)
                # else: what the record on the next line was before
    return records


def save_body(system, line, key, folder):
    _, extra = appended(line)
    body = (extra or {}).get("body", {})
    if "sha256" not in body:
        return
    os.makedirs(folder, exist_ok=True)
    name = os.path.basename(body.get("name") or "") or "body"
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in f"{key}-{name}")
    path = os.path.join(system, "objects", body["sha256"][:2], body["sha256"])
    hashed = hashlib.sha256()
    with open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            hashed.update(piece)
    if hashed.hexdigest() != body["sha256"]:
        sys.exit(f"{path}: damaged, its SHA-256 is not its name")
    shutil.copyfile(path, os.path.join(folder, safe[-200:]))


def lay_out(home, system, into):
    """Links the objects of one system in a home's folder under their keys: in the folder itself, an index tells them."""
    index = sqlite3.connect(f"file:{os.path.join(home, 's3', 'index.sqlite')}?mode=ro", uri=True)
    found = index.execute("SELECT key, file FROM objects WHERE key LIKE ? || '/%'", (system,)).fetchall()
    if not found:
        sys.exit(f"{home}: holds nothing of {system}")
    for key, file in found:
        path = os.path.join(into, *key.split("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.symlink(os.path.abspath(os.path.join(home, "s3", "data", file[:2], file)), path)
    return os.path.join(into, system)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", help="the system's objects, or with --system a home")
    arguments.add_argument("to", help="where to write")
    arguments.add_argument("--snapshot", help="its id; the newest if left out")
    arguments.add_argument("--resource", help="only this one")
    arguments.add_argument("--system", help="the folder is a home; recover this system of it")
    given = arguments.parse_args()
    if not given.system:
        return recover(given.folder, given)
    with tempfile.TemporaryDirectory() as into:
        recover(lay_out(given.folder, given.system, into), given)


def recover(system, given):
    folder = os.path.join(system, "snapshots")
    name = f"{given.snapshot}.json" if given.snapshot else max(os.listdir(folder))
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        snapshot = json.load(file)
    if snapshot["format"] != "seatbelt/1":
        sys.exit(f"{name}: format {snapshot['format']} is not the one this script reads")
    os.makedirs(given.to, exist_ok=True)
    for resource, state in snapshot["resources"].items():
        if given.resource not in (None, resource):
            continue
        records = read_state(system, state)
        if len(records) != state["records"]:
            sys.exit(f"{resource}: {len(records)} records found, {state['records']} expected")
        with open(os.path.join(given.to, f"{resource}.ndjson"), "wb") as out:
            for key in sorted(records, key=order):
                out.write(vendor(records[key]) + b"\n")
                save_body(system, records[key], key, os.path.join(given.to, "files", resource))
        print(f"{resource}: {len(records)} records", file=sys.stderr)


if __name__ == "__main__":
    main()
