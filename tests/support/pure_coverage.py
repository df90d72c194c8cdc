"""How much of the pure modules the tests reach: ``python tests/support/pure_coverage.py``.

Run after ``pytest --cov``, as ``make coverage`` does. Prints the least covered modules and fails
below the bar.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from source_tree import ROOT, STRATEGY, layer_of

LEAST_BRANCHES = 95.0
_SHOWN = 10


def main() -> int:
    """Print the figures; return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "coverage.json"
        command = [sys.executable, "-m", "coverage", "json", "-q", "-o", str(target)]
        subprocess.run(command, cwd=ROOT, check=True)
        files = json.loads(target.read_text())["files"]
    rows = []
    branches = covered = 0
    for name, found in files.items():
        module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        layer = layer_of(module)
        if layer is None or layer >= STRATEGY:
            continue
        summary = found["summary"]
        branches += summary["num_branches"]
        covered += summary["covered_branches"]
        rows.append((summary["percent_covered"], module, summary["missing_branches"]))
    share = 100 * covered / branches
    for percent, module, missing in sorted(rows)[:_SHOWN]:
        print(f"{percent:6.1f} %  {module}  ({missing} branches missed)")  # noqa: T201
    print(  # noqa: T201
        f"pure modules: {covered} of {branches} branches, {share:.1f} % (at least {LEAST_BRANCHES})"
    )
    return 0 if share >= LEAST_BRANCHES else 1


if __name__ == "__main__":
    sys.exit(main())
