#!/usr/bin/env bash
# Deploys infra/template.yaml with the real functions on an emulator of AWS, and lives through a day of an operator there.
# Usage: run.sh PYTHON, a Python that has ministack, aws-sam-translator and boto3. The workspace must be built (debug).
set -euo pipefail
cd "$(dirname "$0")/../../.."
python=$1
port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
endpoint=http://127.0.0.1:$port
work=$(mktemp -d)
# Without BIND_HOST it would listen on every interface; without AWS_ENDPOINT_URL its functions would call the real AWS.
export AWS_ENDPOINT_URL=$endpoint AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
BIND_HOST=127.0.0.1 GATEWAY_PORT=$port TMPDIR=$work "$python" -m ministack >"$work/emulator.log" 2>&1 &
emulator=$!
trap 'kill $emulator 2>/dev/null || true; wait $emulator 2>/dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 150); do
    "$python" -c "import socket; socket.create_connection(('127.0.0.1', $port), 1).close()" 2>/dev/null && break
    kill -0 $emulator || { cat "$work/emulator.log"; exit 1; }
    sleep 0.2
done
target=${CARGO_TARGET_DIR:-target}/debug
for function in wordpress github schedule-sync watchdog retention; do
    [ -x "$target/seatbelt-$function" ] || { echo "$target/seatbelt-$function is missing; \`cargo build --workspace\` makes it" >&2; exit 1; }
done
status=0
SEATBELT_TARGET=$target SEATBELT_WORK=$work "$python" -m unittest --verbose --failfast tests/end-to-end/aws/test_stack.py || status=$?
[ $status -eq 0 ] || tail -60 "$work/emulator.log" >&2
exit $status
