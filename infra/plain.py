"""Writes the template as plain CloudFormation, without loops and shorthand, for tools that do not understand those.

Usage: plain.py FILE
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "tests"))

import stack  # noqa: E402

template = stack.read()
plain = stack.expand(template, {"PlatformNames": template["Parameters"]["PlatformNames"]["Default"]})
Path(sys.argv[1]).write_text(json.dumps(plain, indent=1, default=str))
