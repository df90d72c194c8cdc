"""The pins: complete, hashed, and without a word about where they come from."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from source_tree import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PIN = re.compile(r"([a-z0-9-]+)==([^ ]+)(?: ; [^\\]+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")


def _pins(name: str) -> dict[str, Version]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return {found[1]: Version(found[2]) for found in PIN.finditer(text)}


def _group(name: str) -> list[Requirement]:
    wanted = []
    for entry in PYPROJECT["dependency-groups"][name]:
        if isinstance(entry, str):
            wanted.append(Requirement(entry))
        else:
            wanted += _group(entry["include-group"])
    return wanted


@pytest.mark.parametrize("name", ["run", "dev"])
def test_every_line_is_a_pin_or_its_hash(name: str) -> None:
    lines = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    odd = [line for line in lines if not PIN.fullmatch(line) and not HASH.fullmatch(line)]
    assert not odd
    unhashed = [
        line
        for line, following in zip(lines, [*lines[1:], ""], strict=True)
        if PIN.fullmatch(line) and not HASH.fullmatch(following)
    ]
    assert not unhashed


@pytest.mark.parametrize(("name", "group"), [("run", "build"), ("dev", "dev")])
def test_pins_answer_what_the_project_asks_for(name: str, group: str) -> None:
    pins = _pins(name)
    asked = [Requirement(text) for text in PYPROJECT["project"]["dependencies"]]
    for requirement in [*asked, *_group(group)]:
        version = pins.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name}: run `make pins`"
        assert version in requirement.specifier, f"{requirement}: run `make pins`"


def test_tests_run_on_what_users_run_on() -> None:
    run, dev = _pins("run"), _pins("dev")
    assert run.items() <= dev.items()


def test_what_is_excluded_is_not_pinned() -> None:
    # A uv that does not know the setting passes over it.
    excluded = set(PYPROJECT["tool"]["uv"]["exclude-dependencies"])
    assert excluded
    assert not excluded & {*_pins("run"), *_pins("dev")}


def test_the_build_backend_is_pinned() -> None:
    # The tree is installed with --no-build-isolation: whatever builds it must be in the pins.
    pins = _pins("run")
    for text in PYPROJECT["build-system"]["requires"]:
        requirement = Requirement(text)
        assert pins[canonicalize_name(requirement.name)] in requirement.specifier
