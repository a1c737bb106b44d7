#!/usr/bin/env bash
# Starts the emulator on a free port and runs what needs one: the catalog's suite, and a Lambda binary on emulated AWS.
# Usage: emulator.sh PYTHON, a Python that has ministack.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=$1
port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
endpoint=http://127.0.0.1:$port
log=$(mktemp)
# Without BIND_HOST it would listen on every interface; without AWS_ENDPOINT_URL its functions would call the real AWS.
BIND_HOST=127.0.0.1 GATEWAY_PORT=$port AWS_ENDPOINT_URL=$endpoint "$python" -m ministack >"$log" 2>&1 &
emulator=$!
trap 'kill $emulator 2>/dev/null || true; rm -f "$log"' EXIT
for _ in $(seq 100); do
    "$python" -c "import urllib.request; urllib.request.urlopen('$endpoint', timeout=1)" 2>/dev/null && break
    "$python" -c "import socket; socket.create_connection(('127.0.0.1', $port), 1).close()" 2>/dev/null && break
    kill -0 $emulator || { cat "$log"; exit 1; }
    sleep 0.2
done
# The whole workspace at once, so that dependencies are built with one set of features; then only the suites that need the emulator.
suites=$(cargo test --workspace --no-run --message-format json 2>/dev/null | "$python" tests/end-to-end/executables.py seatbelt-catalog seatbelt-end-to-end)
export SEATBELT_TEST_DYNAMODB_ENDPOINT=$endpoint SEATBELT_TEST_AWS_ENDPOINT=$endpoint RUST_BACKTRACE=0
for suite in $suites; do
    "$suite" --nocapture >"$log.out" 2>&1 || { cat "$log.out"; tail -50 "$log"; exit 1; }
    grep -E '^test result' "$log.out"
    ! grep SKIPPED "$log.out" || { echo "a suite was skipped although the emulator runs"; exit 1; }
done
rm -f "$log.out"
