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
cargo build --quiet --package seatbelt-wordpress
SEATBELT_TEST_DYNAMODB_ENDPOINT=$endpoint cargo test --quiet --package seatbelt-catalog --test it
SEATBELT_TEST_AWS_ENDPOINT=$endpoint cargo test --quiet --package seatbelt-end-to-end --test it lambda || { tail -50 "$log"; exit 1; }
