"""The repository itself: no machine's paths, no registry's hosts, no binaries, no dead links."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from source_tree import ROOT

HOSTS = re.compile(
    r"pypi\.org|pythonhosted\.org|npmjs\.org|npmjs\.com|deb\.debian\.org|crates\.io/api"
)
# What no file may name; this module spells the patterns, and only the patterns, out.
INDEX_OPTIONS = re.compile(r"--(?:extra-)?index-url|--find-links|--trusted-host")
MACHINE_PATHS = re.compile(r"(?<![\w.~}])/(?:work|root|home)/[\w.]|/tmp/(?:venv|v/|bash_)")
BINARY_SUFFIXES = {
    *(".7z", ".a", ".db", ".dll", ".dylib", ".exe", ".gz", ".o", ".parquet", ".pickle", ".pkl"),
    *(".pyc", ".so", ".sqlite", ".sqlite3", ".tar", ".whl", ".zip"),
}
BINARY_MAGIC = (b"PK\x03\x04", b"\x7fELF", b"SQLite format 3", b"MZ\x90", b"\x1f\x8b")
TAPE_SUFFIX = ".zst"
MOST_BYTES = 2_000_000


@pytest.fixture(scope="module")
def files() -> list[Path]:
    """Every file that is or would be in the repository."""
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("not a git checkout")
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    return [path for name in listing.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.fixture(scope="module")
def texts(files: list[Path]) -> dict[str, str]:
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in files
        if path.suffix != TAPE_SUFFIX and b"\0" not in path.read_bytes()
    }


def _hits(pattern: re.Pattern[str], texts: dict[str, str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_registry_host_is_named(texts: dict[str, str]) -> None:
    assert not _hits(HOSTS, texts)
    own = {name: text for name, text in texts.items() if not name.startswith("tests/packaging/")}
    assert not _hits(INDEX_OPTIONS, {k: v for k, v in own.items() if k != "Makefile"})


def test_no_path_of_a_machine_is_written_down(texts: dict[str, str]) -> None:
    assert not _hits(MACHINE_PATHS, texts)


def test_no_binaries_and_no_giants(files: list[Path]) -> None:
    for path in files:
        with path.open("rb") as file:
            start = file.read(16)
        assert path.suffix not in BINARY_SUFFIXES, path
        assert not start.startswith(BINARY_MAGIC), path
        assert path.stat().st_size <= MOST_BYTES, path


def test_the_patterns_see_what_they_are_for() -> None:
    slash = "/"
    for planted in ("work/main/x", "root/.cache", "home/somebody"):
        assert MACHINE_PATHS.search(f"see {slash}{planted}")
    # Look-alikes that are no path of a machine.
    assert not MACHINE_PATHS.search("../home/page, docs/root/x and https://example.com/home/x")
    assert HOSTS.search("files." + "pythonhosted" + ".org")


def test_links_between_documents_are_alive(texts: dict[str, str]) -> None:
    dead = []
    for name, text in texts.items():
        if not name.endswith(".md"):
            continue
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)", prose):
            if "://" in target or target.startswith(("#", "mailto:")):
                continue
            if not (ROOT / name).parent.joinpath(target.split("#")[0]).exists():
                dead.append(f"{name}: {target}")
    assert not dead


def test_every_document_that_is_mentioned_exists(texts: dict[str, str]) -> None:
    missing = []
    for name, text in texts.items():
        if name.endswith((".py", ".md", ".yaml", ".toml")):
            said = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
            mentioned = re.findall(r"(?<![\w/])docs/[\w/-]+\.md", said)
            missing += [f"{name}: {path}" for path in mentioned if not (ROOT / path).is_file()]
    assert not missing


def test_documents_name_only_make_targets_that_exist(texts: dict[str, str]) -> None:
    targets = set(re.findall(r"^([a-z]+):", texts["Makefile"], re.MULTILINE))
    for name in ("README.md", "CONTRIBUTING.md", ".ci/run"):
        commands = re.findall(r"(?:^|`|\$ |step )make ([a-z]+)", texts[name], re.MULTILINE)
        assert commands, f"{name} names no make target"
        assert set(commands) <= targets, name
