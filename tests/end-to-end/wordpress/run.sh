#!/usr/bin/env bash
# Backs up a real WordPress with the real binary, and believes neither: every count, text and file is compared with
# what the site itself says. Needs $SEATBELT, the path of a built `seatbelt`; a smaller site with POSTS, MEDIA, ...
#
#   SEATBELT=target/release/seatbelt tests/end-to-end/wordpress/run.sh [DIR]
#
# 0 all as expected, 1 not, 77 where WordPress cannot be installed. DIR is kept when it was given, with KEEP=1, and after a failure.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${SEATBELT:?set SEATBELT to the path of a built seatbelt binary}"
SEATBELT=$(realpath "$SEATBELT")
system=acme-site
port=${PORT:-$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')}

keep=${KEEP:-}
if [[ -n ${1:-} ]]; then
  keep=yes
  mkdir -p "$1"
  work=$(cd "$1" && pwd -P)
else
  work=$(mktemp -d)
fi
site=$work/site home=$work/home out=$work/out
mkdir -p "$site" "$home" "$out"

step() { printf '\n== %s\n' "$*" >&2; }
seatbelt() { "$SEATBELT" --home "$home" "$@"; }
check() { python3 "$here/check.py" "$@"; }

# A command that must end with a certain code.
expect_code() {
  local wanted=$1 code=0
  shift
  "$@" || code=$?
  ((code == wanted)) || { printf 'FAILED: %s ended with %s, not %s\n' "$*" "$code" "$wanted" >&2; exit 1; }
}

finish() {
  local code=$?
  "$here/site.sh" stop "$site" || true
  if [[ $code == 0 && -z $keep ]]; then rm -rf "$work"; else printf 'left in %s\n' "$work" >&2; fi
  exit "$code"
}

command -v python3 >/dev/null || { echo 'SKIPPED: python3 is not installed'; exit 77; }
"$here/site.sh" install
trap finish EXIT

step 'a site'
"$here/site.sh" start "$site" "$port"
"$here/site.sh" seed "$site" >"$out/seed.json"
"$here/site.sh" truth "$site" >"$out/truth-1.json"

step 'the manifest'
cp "$site/secret.json" "$home/$system.secret.json"
cat >"$work/manifest.toml" <<TOML
[systems.$system]
platform = "wordpress"
name = "The site"
category = "website"
owner = "web@acme.example"
decision = "backup"
reason = "Nobody else has it"
schedule = "daily at 03:30 Europe/Berlin"
rpo = "26h"
secret = "file:$system.secret.json"
# A server of our own: no need to spare it.
settings = { base_url = "http://127.0.0.1:$port", requests_per_second = 60, concurrency = 3 }
TOML
seatbelt manifest import "$work/manifest.toml"
seatbelt check "$system" --json >"$out/check.json"

step 'the first backup holds all that the site has'
# Counted from the clock: what the backup may see is what was there before it.
time seatbelt backup "$system" --json >"$out/backup-1.json"
check complete "$out/backup-1.json"
seatbelt export "$system" --to "$out/export-1" --format ndjson
check counts "$out/truth-1.json" "$out/export-1"

step 'the second one finds nothing new'
time seatbelt backup "$system" --full --json >"$out/backup-2.json"
check complete "$out/backup-2.json"
check unchanged "$out/backup-2.json"

step 'people work on the site'
sleep 1 # Dates have a resolution of one second; nobody edits within the second in which a backup ends.
"$here/site.sh" edit "$site" >"$out/edit.json"
"$here/site.sh" truth "$site" >"$out/truth-2.json"

step 'an incremental backup finds what was added and changed'
time seatbelt backup "$system" --json >"$out/backup-3.json"
check complete "$out/backup-3.json"
seatbelt diff "$system" --json >"$out/diff-3.json"
check diff --without-removed "$out/edit.json" "$out/diff-3.json"

step 'a full one finds what is gone'
seatbelt backup "$system" --full --json >"$out/backup-4.json"
check complete "$out/backup-4.json"
second=$(check snapshot "$out/backup-2.json")
fourth=$(check snapshot "$out/backup-4.json")
seatbelt diff "$system" "$second" "$fourth" --json >"$out/diff-4.json"
check diff "$out/edit.json" "$out/diff-4.json"
seatbelt export "$system" --to "$out/export-4" --format ndjson
check counts "$out/truth-2.json" "$out/export-4"

step 'the past is still there'
seatbelt export "$system" --at "$second" --to "$out/export-2" --format ndjson
check counts "$out/truth-1.json" "$out/export-2"

step 'without Seatbelt, Python and zstd tell the same'
python3 "$here/../../../docs/recover.py" "$home" "$out/recovered" --system "$system" --snapshot "$second" 2>"$out/recover.log"
for exported in "$out/export-2"/*.ndjson; do
  cmp "$exported" "$out/recovered/$(basename "$exported")"
done

# shellcheck source=tests/end-to-end/wordpress/incidents.sh
. "$here/incidents.sh"

step 'the vault is sound, and says so when it is not'
seatbelt verify "$system" --json >"$out/verify-1.json"
damaged=$(check damage "$home")
expect_code 1 seatbelt verify "$system" --json >"$out/verify-2.json"
check named "$damaged" "$out/verify-2.json"

printf '\nall as expected\n' >&2
