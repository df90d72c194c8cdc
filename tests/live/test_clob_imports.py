"""Paper, replay and the command line load neither the official client nor its libraries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from source_tree import ROOT

HEAVY = ("polymarket", "eth_account", "eth_utils", "web3", "pydantic")
TELL = f"import sys; print([one for one in {HEAVY!r} if one in sys.modules])"


def loaded_after(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{TELL}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    "code",
    [
        "import polyframe.cli, polyframe.cli.run",
        "import polyframe.runtime.shell, polyframe.runtime.engine, polyframe.runtime.assemble",
        # Even what speaks to it only does so once it is opened.
        "import polyframe.polymarket.clob_opening, polyframe.polymarket.user_feed",
    ],
)
def test_importing_loads_none_of_them(code: str, tmp_path: Path) -> None:
    assert loaded_after(code, tmp_path) == "[]"


def test_a_paper_run_loads_none_of_them(tmp_path: Path) -> None:
    run = [
        "run", str(ROOT / "strategies" / "maker.yaml"), "--profile", "paper", "--venue",
        "embedded", "--for", "2s", "--plain",
    ]  # fmt: skip
    code = (
        "from polyframe.cli import main\n"
        "try:\n"
        f"    main({run!r})\n"
        "except SystemExit as ended:\n"
        "    assert not ended.code, ended.code\n"
    )
    assert loaded_after(code, tmp_path) == "[]"
