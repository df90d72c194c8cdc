"""``polyframe new-plugin``: a plugin package that works, to be made one's own.

The files under ``templates/plugin`` are the package: a guard with settings, veto code, report
section and tests. Nothing is ever overwritten, and a name that could not be used later is
refused now.
"""

from __future__ import annotations

import builtins
import importlib.metadata
import importlib.util
import keyword
import re
import shlex
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

import click

import polyframe
from polyframe import __version__
from polyframe.errors import PolyframeError, UsageError
from polyframe.runtime.claimants import OWN_DISTRIBUTION, claimants
from polyframe.runtime.plugins import RESERVED_NAME

_TEMPLATES = files("polyframe.cli") / "templates" / "plugin"
# Where each template goes; "$plugin" is filled in here as in the files themselves.
_FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "gitignore": ".gitignore",
    "package.py": "$plugin/__init__.py",
    "py.typed": "$plugin/py.typed",
    "test_contract.py": "tests/test_contract.py",
    "test_plugin.py": "tests/test_$plugin.py",
}
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 32
# As a package's folder each of these would be taken for something else.
_FOLDERS = {"build", "dist", "tests"}
# What the package's own module imports besides polyframe's names.
_IMPORTED = {"Annotated", "Any", "Mapping", "Sequence"}
# As a key of a strategy file these are no text.
_YAML_WORDS = {"null", "true", "false"}


@dataclass(frozen=True)
class PluginNames:
    """What a distribution's name makes: ``spread-guard``, ``spread_guard``, ``SpreadGuard``."""

    distribution: str

    @property
    def plugin(self) -> str:
        """The plugin's name, which is also its package's."""
        return self.distribution.replace("-", "_")

    @property
    def class_name(self) -> str:
        """The plugin's class."""
        return "".join(part.capitalize() for part in self.distribution.split("-"))


@click.command("new-plugin")
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    help="The new folder.  [default: ./NAME]",
)
def command(name: str, into: Path | None) -> None:
    """Write a plugin package that works: NAME is its distribution, such as spread-guard."""
    folder = into or Path(name)
    names = checked_names(name, folder)
    written = write_package(names, folder)
    for path in written:
        click.echo(f"wrote {path}")
    click.echo("\nnext:")
    for line in _next_steps(names, folder):
        click.echo(f"  {line}")


def checked_names(name: str, folder: Path) -> PluginNames:
    """Return the names that ``name`` makes; ``folder`` is where the package is to lie.

    Raises:
        UsageError: it is no name for a plugin, or somebody has it already.
    """
    fault = _spelling_fault(name)
    if fault is None:
        names = PluginNames(name)
        fault = _meaning_fault(names) or _clash(names, folder)
    if fault is not None:
        raise UsageError(f"new-plugin: {name[:60]!r} {fault}")
    return names


def write_package(names: PluginNames, folder: Path) -> list[Path]:
    """Write the package into a folder that is empty or does not exist; return its files.

    Raises:
        PolyframeError: the folder holds something, or cannot be written.
    """
    texts = _package_texts(names)
    written = []
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(
                f"new-plugin: {folder} is no empty folder and nothing is overwritten; "
                "choose another with --into"
            )
        for place, text in texts.items():
            path = folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
            written.append(path)
    except OSError as error:
        where = error.filename or folder
        raise PolyframeError(f"{where}: cannot be written: {error.strerror}") from error
    return written


def _package_texts(names: PluginNames) -> dict[str, str]:
    """Return each file's text by its place in the package."""
    values = {
        "distribution": names.distribution,
        "plugin": names.plugin,
        "class_name": names.class_name,
        "framework": f"{OWN_DISTRIBUTION}{compatible_range(__version__)}",
        "framework_for_tests": f"{OWN_DISTRIBUTION}[testing]",
    }
    return {
        Template(place).substitute(values): Template(
            (_TEMPLATES / f"{source}.template").read_text(encoding="utf-8")
        ).substitute(values)
        for source, place in _FILES.items()
    }


def compatible_range(version: str) -> str:
    """Return the releases a plugin written for this one may run on.

    Before 1.0 a minor release may change the contract, after it a major one (semver.org, 4 and 8).
    """
    release = re.match(r"(\d+)\.(\d+)(?:\.\d+)*", version)
    if release is None:
        raise ValueError(f"{version!r} is no release's number")
    major, minor = int(release[1]), int(release[2])
    return f">={release[0]},<{major + 1}" if major else f">={release[0]},<0.{minor + 1}"


def _spelling_fault(name: str) -> str | None:
    if len(name) > _LONGEST:
        return f"is longer than {_LONGEST} characters"
    if _NAME.fullmatch(name):
        return None
    better = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    hint = f"; write {better}" if _NAME.fullmatch(better) else ""
    return f"is not made of a-z, 0-9 and single dashes, a letter first{hint}"


def _meaning_fault(names: PluginNames) -> str | None:
    plugin, class_name = names.plugin, names.class_name
    if plugin == RESERVED_NAME:
        return "is the name under which the engine casts its own vetoes; choose another"
    if plugin.split("_")[0] == "polyframe":
        return "begins with polyframe, as only its own packages do; choose another"
    if keyword.iskeyword(plugin) or keyword.iskeyword(class_name):
        return "is a keyword of Python; choose another"
    if plugin in _YAML_WORDS:
        return "is no text in a strategy file; choose another"
    if plugin in _FOLDERS:
        return "would be a folder that tools take for something else; choose another"
    if hasattr(builtins, class_name) or hasattr(polyframe, class_name) or class_name in _IMPORTED:
        return f"would make a class {class_name}, which stands for something else; choose another"
    return None


def _clash(names: PluginNames, folder: Path) -> str | None:
    owners = [f"{one.distribution} {one.version}" for one in claimants(names.plugin)]
    if owners:
        return f"is a plugin of {' and '.join(owners)} already; choose another"
    try:
        version = importlib.metadata.version(names.distribution)
    except importlib.metadata.PackageNotFoundError:
        pass
    else:
        return f"is the name of an installed distribution ({version}); choose another"
    if names.plugin in sys.stdlib_module_names:
        return f"would hide Python's own module {names.plugin}; choose another"
    if _is_importable(names.plugin, folder):
        return f"would hide the installed module {names.plugin}; choose another"
    return None


def _is_importable(module: str, folder: Path) -> bool:
    """Whether a module of this name is found, other than the (empty) new folder itself."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):  # a broken module of that name is there all the same
        return True
    if spec is None:
        return False
    places = [Path(place).resolve() for place in spec.submodule_search_locations or ()]
    return spec.origin is not None or places != [folder.resolve()]


def _next_steps(names: PluginNames, folder: Path) -> list[str]:
    place = str(folder)
    # A bare name would be looked up in the package index.
    local = place if folder.is_absolute() or place.startswith(".") else f"./{place}"
    return [
        f"pip install -e {shlex.quote(f'{local}[test]')}",
        f"pytest {shlex.quote(place)}",
        f"name it in a strategy file, under 'plugins:'   {names.plugin}: {{}}",
    ]
