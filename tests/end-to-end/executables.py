"""Reads cargo's JSON messages from standard input and prints the executables of the integration tests of the packages named."""

import json
import sys

for line in sys.stdin:
    message = json.loads(line)
    target = message.get("target", {})
    package = message.get("package_id", "").split("#")[-1].split("@")[0]
    if message.get("executable") and "test" in target.get("kind", []) and package in sys.argv[1:]:
        print(message["executable"])
