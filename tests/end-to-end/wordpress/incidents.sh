#!/usr/bin/env bash
# Four incidents on the running site, and the way back from each. Sourced by run.sh, whose functions and variables it uses.
# shellcheck disable=SC2154 # They are set there.

now_state() { "$here/site.sh" state "$site" >"$out/$1.json"; }

incident() { INCIDENT=$1 "$here/site.sh" incident "$site" >"$out/harm-$1.json"; sleep 1; }

# A full backup, since what is deleted leaves no date behind; prints its snapshot.
snapshot_now() {
  seatbelt backup "$system" --full --json >"$out/$1.json"
  check complete "$out/$1.json"
  check snapshot "$out/$1.json"
}

# Ends with 0, or with 3 where something is kept or impossible.
may_keep() {
  local code=0
  "$@" || code=$?
  ((code == 0 || code == 3)) || { printf 'FAILED: %s ended with %s\n' "$*" "$code" >&2; exit 1; }
}

# Makes the plan between two snapshots, shows it, carries it out, and backs up again: NAME GOOD BAD
way_back() {
  local name=$1 good=$2 bad=$3
  may_keep seatbelt restore "$system" --between "$good..$bad" --plan "$out/$name.ndjson" >"$out/$name.plan.txt"
  head -40 "$out/$name.plan.txt" >&2
  may_keep seatbelt restore "$system" --apply "$out/$name.ndjson" --json >"$out/$name.restored.json"
  snapshot_now "$name-after" >"$out/$name.snapshot"
  may_keep seatbelt restore "$system" --between "$good..$(<"$out/$name.snapshot")" --plan "$out/$name-left.ndjson" >"$out/$name-left.txt"
}

step 'pages with their pictures and comments are deleted, and come back'
incident prepare
good=$(snapshot_now incidents-good)
now_state state-good
incident deleted
bad=$(snapshot_now deleted-bad)
way_back deleted "$good" "$bad"
check planned "$out/deleted.ndjson" create pages 6
check planned "$out/deleted.ndjson" create media 6
check restored "$out/deleted.restored.json" >/dev/null
check settled "$out/deleted-left.ndjson"
now_state state-deleted
# Two menu items were not harmed, and still name the item they stood under by the number it had: WordPress leaves such numbers alone, and so
# they are no difference to give back.
check same "$out/state-good.json" "$out/state-deleted.json" under=2

step 'a search-and-replace over 300 posts is undone, and what people did since is kept'
good=$(<"$out/deleted.snapshot")
incident replaced
bad=$(snapshot_now replaced-bad)
incident edited
way_back replaced "$good" "$bad"
harmed=$(python3 -c 'import json, sys; print(len(json.load(open(sys.argv[1]))["posts"]))' "$out/harm-replaced.json") # 300, on a site that has them
check planned "$out/replaced.ndjson" update posts "$((harmed - 5))"
check planned "$out/replaced.ndjson" conflict posts 5
check restored "$out/replaced.restored.json" >/dev/null
now_state state-replaced
check same "$out/state-deleted.json" "$out/state-replaced.json" excerpt=20 content=5

step 'an import that overwrote authors and dates is undone, and the undo undone'
good=$(<"$out/replaced.snapshot")
incident imported
bad=$(snapshot_now imported-bad)
now_state state-imported
way_back imported "$good" "$bad"
check settled "$out/imported-left.ndjson"
now_state state-imported-after
check same "$out/state-replaced.json" "$out/state-imported-after.json"
run=$(check restored "$out/imported.restored.json")
may_keep seatbelt restore "$system" --undo "$run" --apply --json >"$out/undone.json"
check restored "$out/undone.json" >/dev/null
now_state state-undone
check same "$out/state-imported.json" "$out/state-undone.json"
way_back imported-again "$good" "$(snapshot_now undone-bad)"

step 'styles, menus, widgets, a template and settings are put back'
now_state state-before-design
good=$(<"$out/imported-again.snapshot")
incident designed
bad=$(snapshot_now designed-bad)
way_back designed "$good" "$bad"
check restored "$out/designed.restored.json" >/dev/null
check settled "$out/designed-left.ndjson"
now_state state-designed
# The menus were emptied and their items created again: the two that named an item by a number that was gone name it by its new one.
check same "$out/state-before-design.json" "$out/state-designed.json" under=2
# So after all four the site is what it was before the first, but for what people did in between.
check same "$out/state-good.json" "$out/state-designed.json" excerpt=20 content=5
