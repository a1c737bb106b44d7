"""Prints the size of each function's package, as it is and zipped, and fails if one is too large: a package's size is its cold start."""

import sys
import zipfile
from io import BytesIO
from pathlib import Path

LARGEST_ZIP_BYTES = 10 << 20

too_large = []
for binary in sorted(Path(sys.argv[1]).glob("*/bootstrap")):
    zipped = BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(binary, "bootstrap")
    size, packed = binary.stat().st_size, zipped.tell()
    print(f"{binary.parent.name:16} {size / 1e6:6.2f} MB, zipped {packed / 1e6:6.2f} MB")
    if packed > LARGEST_ZIP_BYTES:
        too_large.append(binary.parent.name)
if too_large:
    sys.exit(f"larger than {LARGEST_ZIP_BYTES >> 20} MB zipped: {', '.join(too_large)}")
