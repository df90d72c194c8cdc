"""``polyframe new-plugin``: what it writes is clean and works, what it refuses leaves no trace."""

from __future__ import annotations

import importlib.util
import inspect
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import polyframe
from determinism import findings
from fresh_environment import EXAMPLES
from polyframe.cli import main
from polyframe.cli.new_plugin import _LONGEST, PluginNames, compatible_range, write_package
from polyframe.hooks import Hooks
from polyframe.runtime.plugins import check_class, check_hooks, hook_markers

# Names at both ends of what is allowed: the texts around them must stay as ruff would have them.
LONGEST = "-".join(["abcdefgh", "ijklmnop", "qrstuvwx", "yzabc"])
NAMES = ("spread-guard", "a", LONGEST)


def new_plugin(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["new-plugin", *arguments])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    home = tmp_path_factory.mktemp("generated")
    for name in NAMES:
        write_package(PluginNames(name), home / name)
    return {name: home / name for name in NAMES} | {path.name: path for path in EXAMPLES}


def tool(project: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


# --- what it writes ----------------------------------------------------------------------


def test_it_says_what_it_wrote_and_what_comes_next(folder: Path) -> None:
    result = new_plugin("spread-guard")
    assert result.exit_code == 0, result.output
    said = result.output.splitlines()
    written = {line.removeprefix("wrote ") for line in said if line.startswith("wrote ")}
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert written == there
    assert {"spread-guard/tests/test_contract.py", "spread-guard/spread_guard/py.typed"} < there
    assert [line.strip() for line in said[-3:]] == [
        "pip install -e './spread-guard[test]'",
        "pytest spread-guard",
        "name it in a strategy file, under 'plugins:'   spread_guard: {}",
    ]


def test_it_writes_into_a_folder_of_ones_own_choice(folder: Path) -> None:
    (folder / "some where").mkdir()  # empty: nothing is lost
    result = new_plugin("spread-guard", "--into", "some where")
    assert result.exit_code == 0, result.output
    assert (folder / "some where" / "pyproject.toml").is_file()
    assert "pip install -e './some where[test]'" in result.output
    assert "pytest 'some where'" in result.output


def test_the_package_depends_on_releases_that_keep_the_contract(generated: Any) -> None:
    text = (generated["spread-guard"] / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    assert project["name"] == "spread-guard"
    assert project["dependencies"] == [f"polyframe-mm{compatible_range(polyframe.__version__)}"]
    assert project["optional-dependencies"] == {"test": ["polyframe-mm[testing]"]}
    assert project["entry-points"]["polyframe.plugins"] == {
        "spread_guard": "spread_guard:SpreadGuard"
    }


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("0.1.0", ">=0.1.0,<0.2"),
        ("0.12.3.dev1", ">=0.12.3,<0.13"),
        ("1.4.2", ">=1.4.2,<2"),
        ("2.0", ">=2.0,<3"),
    ],
)
def test_the_range_ends_where_the_contract_may_change(version: str, expected: str) -> None:
    assert compatible_range(version) == expected


def test_the_cases_are_what_they_are_called() -> None:
    assert len(LONGEST) == _LONGEST
    assert EXAMPLES


@pytest.mark.parametrize("name", [*NAMES, *(path.name for path in EXAMPLES)])
def test_a_package_is_clean_by_its_own_rules(generated: dict[str, Path], name: str) -> None:
    project = generated[name]
    tool(project, "ruff", "check", "--no-cache", ".")
    tool(project, "ruff", "format", "--no-cache", "--check", ".")
    # One cache: most of the work is polyframe itself.
    cache = str(generated["a"].parent / "mypy")
    tool(project, "mypy", "--cache-dir", cache)


@pytest.mark.parametrize("name", ["spread-guard", *(path.name for path in EXAMPLES)])
def test_a_package_can_be_replayed(generated: dict[str, Path], name: str) -> None:
    modules = sorted((generated[name] / name.replace("-", "_")).glob("*.py"))
    assert modules
    for module in modules:
        assert not findings(module.read_text(encoding="utf-8")), module


def test_its_tests_pass(generated: dict[str, Path]) -> None:
    # Here without installing it; `make examples` has it installed, the contract's test with it.
    tool(
        *(generated["spread-guard"], "pytest", "-q", "-p", "no:cacheprovider"),
        "--ignore=tests/test_contract.py",
    )


def test_it_is_a_plugin_with_the_contracts_own_annotations(generated: dict[str, Path]) -> None:
    source = generated["spread-guard"] / "spread_guard" / "__init__.py"
    spec = importlib.util.spec_from_file_location("spread_guard", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["spread_guard"] = module  # where the annotations of its Config are looked up
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules["spread_guard"]
    kind = module.SpreadGuard
    check_class("spread_guard", kind)
    check_hooks("spread_guard", kind)
    assert hook_markers(kind)
    for hook in hook_markers(kind):
        declared = inspect.signature(getattr(Hooks, hook)).parameters
        for name, parameter in inspect.signature(getattr(kind, hook)).parameters.items():
            assert parameter.annotation == declared[name].annotation, (hook, name)


# --- what it refuses -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Spread_Guard", "write spread-guard"),
        ("spread--guard", "write spread-guard"),
        ("9lives", "a letter first"),
        ("-guard", "write guard"),
        ("", "a letter first"),
        ("a\x1b[31m", "a letter first"),
        ("guard\n", "write guard"),
        ("../guard", "write guard"),
        ("s\u0440read", "a-z"),
        ("a" * (_LONGEST + 1), f"longer than {_LONGEST}"),
        ("class", "keyword of Python"),
        ("none", "keyword of Python"),
        ("null", "no text in a strategy file"),
        ("runtime", "its own vetoes"),
        ("polyframe", "begins with polyframe"),
        ("polyframe-guard", "begins with polyframe"),
        ("tests", "a folder that tools take"),
        ("dist", "a folder that tools take"),
        ("veto", "a class Veto"),
        ("any", "a class Any"),
        ("exception", "a class Exception"),
        ("json", "Python's own module json"),
        ("msgspec", "an installed distribution"),
        ("ruamel-yaml", "an installed distribution"),
        ("polyframe-maker", "begins with polyframe"),
        ("source-tree", "would hide the installed module source_tree"),
        ("maker", f"a plugin of polyframe-mm {polyframe.__version__} already"),
    ],
)
def test_a_name_that_could_not_be_used_is_one_clear_line(
    folder: Path, name: str, words: str
) -> None:
    result = new_plugin("--", name)
    assert result.exit_code == 2
    [line] = result.output.splitlines()
    assert words in line
    assert line.isprintable()
    assert not list(folder.iterdir())


def test_a_name_that_is_taken_says_by_whom(folder: Path, install: Any) -> None:
    install("acme-guard", "spread_guard", version="1.2")
    install("zeta-guard", "spread_guard", version="0.9")
    result = new_plugin("spread-guard")
    assert result.exit_code == 2
    assert "a plugin of acme-guard 1.2 and zeta-guard 0.9 already" in result.output
    assert "acme_guard" not in sys.modules
    assert not (folder / "spread-guard").exists()


def test_nothing_is_ever_overwritten(folder: Path) -> None:
    kept = folder / "spread-guard" / "README.md"
    kept.parent.mkdir()
    kept.write_text("mine")
    for arguments in (["spread-guard"], ["other-guard", "--into", "spread-guard"]):
        result = new_plugin(*arguments)
        assert result.exit_code == 2
        assert "nothing is overwritten" in result.output
    assert [path.name for path in kept.parent.iterdir()] == ["README.md"]
    assert kept.read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_one_line(folder: Path) -> None:
    (folder / "file").touch()
    result = new_plugin("spread-guard", "--into", "file/below")
    assert result.exit_code == 1
    assert "cannot be written" in result.output
    assert "Traceback" not in result.output
