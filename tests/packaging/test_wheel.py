"""The distribution: what is in the wheel, and that it works where only the wheel is installed."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

import pytest

import polyframe
from polyframe.testing import CHECKS
from source_tree import ROOT, core_modules, plugin_modules, plugin_packages

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ENTRY_POINTS = PYPROJECT["project"]["entry-points"]["polyframe.plugins"]


def _run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel built from the sdist, as a stranger would build it, with the pinned backend."""
    out = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="session")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return HeaderParser().parsestr(archive.read(name).decode())


def _files_of(package: Path, import_root: Path) -> set[str]:
    return {
        path.relative_to(import_root).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_wheel_holds_exactly_the_packages_of_the_tree(names: set[str]) -> None:
    expected = _files_of(ROOT / "polyframe", ROOT)
    for package in plugin_packages():
        expected |= _files_of(package, package.parent)
    assert {name for name in names if ".dist-info/" not in name} == expected


def test_wheel_claims_only_names_of_its_own(names: set[str]) -> None:
    top = {name.split("/")[0] for name in names}
    assert all(re.fullmatch(r"polyframe(_\w+)?(-.*\.dist-info)?", part) for part in top), top
    assert not [name for name in names if "/tests/" in name or name.endswith((".pyc", ".so"))]


def test_wheel_is_typed_and_licensed(names: set[str], metadata: Message) -> None:
    packages = ["polyframe", *(package.name for package in plugin_packages())]
    assert {f"{package}/py.typed" for package in packages} <= names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert metadata["License-Expression"] == "Apache-2.0"


def test_metadata(metadata: Message) -> None:
    assert metadata["Name"] == "polyframe-mm"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Version"] == polyframe.__version__
    assert metadata.get_payload(), "the README is the long description"
    assert sorted(metadata.get_all("Provides-Extra", ())) == ["judge", "testing"]
    needs = metadata.get_all("Requires-Dist", ())
    for package, extra in (("pytest", "testing"), ("mbo-queue", "judge")):
        asked = [one for one in needs if package in one]
        assert asked
        assert all(f"extra == '{extra}'" in one for one in asked), "it is no runtime need"


def test_every_plugin_folder_is_built_typed_and_registered() -> None:
    packages = plugin_packages()
    folders = [package.relative_to(ROOT).as_posix() for package in packages]
    hatch = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    mypy = PYPROJECT["tool"]["mypy"]
    assert hatch == ["polyframe", *folders]
    assert mypy["packages"] == ["polyframe", *(package.name for package in packages)]
    assert mypy["mypy_path"] == [
        package.parent.relative_to(ROOT).as_posix() for package in packages
    ]
    assert sorted(ENTRY_POINTS) == [package.parent.name for package in packages]
    for name, target in ENTRY_POINTS.items():
        assert target.split(":")[0] == f"polyframe_{name}"


def test_version_is_written_in_one_place() -> None:
    assert "version" not in PYPROJECT["project"]
    assert PYPROJECT["tool"]["hatch"]["version"]["path"] == "polyframe/__init__.py"
    places = [
        module.place
        for module in [*core_modules(), *plugin_modules()]
        if re.search(r"^_*version_*\b.*=\s*[\"']", module.text, re.MULTILINE | re.IGNORECASE)
    ]
    assert places == ["polyframe/__init__.py"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{polyframe.__version__}]" in changelog


# --- installed somewhere else --------------------------------------------------------


def _outer_python() -> str:
    """Return an interpreter that has pip: ours, or the one our environment was made with."""
    if importlib.util.find_spec("pip"):
        return sys.executable
    base = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    done = subprocess.run(
        [base, "-m", "pip", "--version"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip("no interpreter with pip at hand to install the wheel with")
    return str(base)


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel in it; dependencies are linked in, not downloaded."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home / "env", with_pip=False)
    python = home / "env" / "bin" / "python"
    _run(
        *(_outer_python(), "-m", "pip", "--python", python, "--disable-pip-version-check"),
        *("install", "--quiet", "--no-deps", "--no-index", wheel),
        cwd=home,
    )
    dependencies = home / "dependencies"
    dependencies.mkdir()
    for place in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for entry in Path(place).iterdir():
            if "polyframe" not in entry.name and entry.suffix != ".pth":
                (dependencies / entry.name).symlink_to(entry)
    site_packages = _run(
        python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home
    ).strip()
    (Path(site_packages) / "dependencies.pth").write_text(f"{dependencies}\n", encoding="utf-8")
    return home


def test_installed_command_answers(installed: Path) -> None:
    binaries = installed / "env" / "bin"
    for command in ([binaries / "polyframe"], [binaries / "python", "-m", "polyframe"]):
        assert polyframe.__version__ in _run(*command, "--version", cwd=installed)


def test_installed_plugins_load_from_the_wheel(installed: Path) -> None:
    script = (
        "import importlib.metadata, inspect\n"
        "for point in importlib.metadata.entry_points(group='polyframe.plugins'):\n"
        "    print(point.name, inspect.getfile(point.load()))\n"
    )
    lines = _run(installed / "env" / "bin" / "python", "-c", script, cwd=installed).splitlines()
    found = dict(line.split(" ", 1) for line in lines)
    assert sorted(found) == sorted(ENTRY_POINTS)
    assert all(Path(place).is_relative_to(installed) for place in found.values()), found


def test_a_stranger_s_three_lines_run_from_the_wheel(installed: Path) -> None:
    (installed / "test_contract.py").write_text(
        "from polyframe.testing import PluginContract\n\n\n"
        "class TestContract(PluginContract):\n"
        '    plugin = "qs"\n',
        encoding="utf-8",
    )
    python = installed / "env" / "bin" / "python"
    shown = _run(*(python, "-m", "pytest", "-q", "test_contract.py"), cwd=installed)
    assert f"{len(CHECKS)} passed" in shown
    assert "hook call times" in shown
