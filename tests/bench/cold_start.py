"""Package size, time from start to the first request for an event, and peak memory until then, of each function.

Usage: cold_start.py [FOLDER], where the functions' programs are; `cargo build --profile lambda -p seatbelt-wordpress ...` makes them in target/lambda.
"""

import http.server
import io
import os
import statistics
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

FUNCTIONS = ("wordpress", "github", "schedule-sync", "watchdog", "retention")
ROUNDS = 9
ARN = "arn:aws:{}:us-east-1:000000000000:{}"
ENVIRONMENT = {
    "AWS_LAMBDA_FUNCTION_NAME": "cold", "AWS_LAMBDA_FUNCTION_VERSION": "1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "SEATBELT_STACK": "cold", "SEATBELT_BUCKET": "cold",
    "SEATBELT_MANIFEST_TABLE": "manifest", "SEATBELT_RUNS_TABLE": "runs", "SEATBELT_PLATFORMS": "wordpress", "SEATBELT_SCHEDULE_GROUP": "cold",
    "SEATBELT_BACKUP_ARN_PREFIX": ARN.format("lambda", "function:cold-backup-"), "SEATBELT_SCHEDULER_ROLE_ARN": "arn:aws:iam::000000000000:role/cold",
    "SEATBELT_SCHEDULE_DLQ_ARN": ARN.format("sqs", "cold"), "SEATBELT_TOPIC_ARN": ARN.format("sns", "cold"),
}


class RuntimeApi(http.server.BaseHTTPRequestHandler):
    """Notes when an event is asked for, and has none."""

    asked = threading.Event()
    at = 0.0

    def do_GET(self):
        RuntimeApi.at = time.monotonic()
        RuntimeApi.asked.set()
        time.sleep(2)

    def log_message(self, *_):
        """Says nothing."""


def start(program, port):
    """Milliseconds until the program asks for an event, and its peak memory in kB."""
    RuntimeApi.asked.clear()
    environment = os.environ | ENVIRONMENT | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}"}
    began = time.monotonic()
    process = subprocess.Popen([program], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        if not RuntimeApi.asked.wait(10):
            sys.exit(f"{program} asked for no event within 10 s")
        status = Path(f"/proc/{process.pid}/status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return (RuntimeApi.at - began) * 1000, int(peak.split()[1])
    finally:
        process.kill()
        process.wait()


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "target/lambda")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), RuntimeApi)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("| function | program | package | start to first request for an event | peak memory |\n| --- | --- | --- | --- | --- |")
    for name in FUNCTIONS:
        program = folder / f"seatbelt-{name}"
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(program, "bootstrap")
        starts = [start(program, server.server_port) for _ in range(ROUNDS)]
        median, peak = statistics.median(ms for ms, _ in starts), max(kb for _, kb in starts)
        size = program.stat().st_size / 1e6
        print(f"| {name} | {size:.1f} MB | {len(package.getvalue()) / 1e6:.1f} MB | {median:.0f} ms | {peak / 1024:.1f} MB |")


if __name__ == "__main__":
    main()
