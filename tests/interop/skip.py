"""Ends a script that cannot run here with a line that `./run test` counts, and ctest's status for it."""

import pathlib
import sys

SKIPPED = 77  # SKIP_RETURN_CODE in CMakeLists.txt


def skip(reason):
    print(f"SKIPPED: {pathlib.Path(sys.argv[0]).name}: {reason}")
    sys.exit(SKIPPED)
