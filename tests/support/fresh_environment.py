"""What plugin authors are promised, kept in a fresh environment: ``make examples``.

In an environment that holds the pins and polyframe's wheel, nothing else: the example and a
package that ``polyframe new-plugin`` wrote are installed, from a wheel and editable, and pass their
tests in their own folders; then the written one takes part in a run and its refusals are counted.

Runs on any Python 3.11 with pip, the one environment it needs is made here. Only the standard
library is imported: nothing has been installed by hand.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/pyproject.toml"))
# What pytest needs beyond the pins of a plain run; were one missing, pip would name it.
TEST_PINS = ("iniconfig", "packaging", "pluggy", "pygments", "pytest")

_PIN = re.compile(r"^([a-z0-9-]+)==.*\\\n(?:    --hash=.*\n)+", re.MULTILINE)
# Settings of the caller's that would reach into the environment under test.
_NOT_HANDED_DOWN = ("PAPER_MODE", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")


class Broken(Exception):
    """A promise that was not kept, or a command that failed."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment without pip; the pip that fills it is the outer Python's."""

    folder: Path

    @property
    def binaries(self) -> Path:
        """Where its commands are."""
        return self.folder / "bin"

    def create(self) -> None:
        """Make it, empty."""
        venv.create(self.folder, with_pip=False, symlinks=True)

    def pip(self, *arguments: str | Path) -> None:
        """Run pip on it."""
        python = self.binaries / "python"
        run(sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check",
            *arguments, cwd=self.folder.parent)  # fmt: skip

    def install(self, *what: str | Path) -> None:
        """Install from this machine alone; what is missing is an error and not a download."""
        self.pip("install", "--quiet", "--no-index", "--no-build-isolation", *what)

    def wheel(self, source: Path, into: Path) -> Path:
        """Build a project's wheel with the pinned backend; return it."""
        into.mkdir(parents=True, exist_ok=True)
        before = set(into.iterdir())
        self.pip("wheel", "--quiet", "--no-index", "--no-build-isolation", "--no-deps",
                 "--wheel-dir", into, source)  # fmt: skip
        (built,) = set(into.iterdir()) - before
        return built

    def polyframe(self, *arguments: str | Path, cwd: Path) -> str:
        """Run the installed command; return what it printed."""
        return run(self.binaries / "polyframe", *arguments, cwd=cwd)

    def where(self, module: str) -> Path:
        """Return the file from which a module is imported."""
        code = f"import {module}; print({module}.__file__)"
        printed = run(self.binaries / "python", "-c", code, cwd=self.folder.parent)
        return Path(printed.strip()).resolve()


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command; return its output.

    Raises:
        Broken: with its output, when it fails.
    """
    environment = {key: text for key, text in os.environ.items() if key not in _NOT_HANDED_DOWN}
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise Broken(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def promise(kept: bool, text: str) -> None:
    """Raise when something promised is not so."""
    if not kept:
        raise Broken(f"not so: {text}")


# --- the steps -------------------------------------------------------------------------


def set_up(environment: Environment, home: Path) -> None:
    """Fill the environment: the pins, what pytest needs, and polyframe from its wheel."""
    environment.create()
    pins = home / "pins.txt"
    pins.write_text(_pins(), encoding="utf-8")
    environment.pip("install", "--quiet", "--require-hashes", "--only-binary", ":all:",
                    "--requirement", pins)  # fmt: skip
    environment.install("--no-deps", environment.wheel(ROOT, home / "wheels"))
    promise(_is_in(environment, "polyframe"), "polyframe is imported from its wheel")


def _pins() -> str:
    run_pins = (ROOT / "requirements" / "run.txt").read_text(encoding="utf-8")
    dev_pins = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
    known = {found[1] for found in _PIN.finditer(run_pins)}
    added = [
        found[0]
        for found in _PIN.finditer(dev_pins)
        if found[1] in TEST_PINS and found[1] not in known
    ]
    return run_pins + "".join(added)


def _is_in(environment: Environment, module: str) -> bool:
    return environment.where(module).is_relative_to(environment.folder.resolve())


def keeps_its_tests(environment: Environment, project: Path, home: Path) -> None:
    """Install a plugin package from its wheel, then editable; its tests pass both times."""
    module = project.name.replace("-", "_")
    environment.install(environment.wheel(project, home / "wheels"))
    promise(_is_in(environment, module), f"{module} is imported from its wheel")
    _test(environment, project)
    environment.install("--editable", f"{project}[test]")
    promise(not _is_in(environment, module), f"{module} is imported from its folder")
    _test(environment, project)
    facts = json.loads(environment.polyframe("plugins", "show", module, "--json", cwd=home))
    promise(facts["distribution"] == project.name, f"plugins show {module} says whose it is")
    _check_readme(environment, project, home)


def _check_readme(environment: Environment, project: Path, home: Path) -> None:
    """Check the settings that its README shows, put into a copy of the maker's file."""
    readme = (project / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```yaml\nplugins:\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    (home / "readme.yaml").write_text(_maker_with(shown), encoding="utf-8")
    environment.polyframe("check", "readme.yaml", "--profile", "paper", cwd=home)


def _maker_with(plugin: str) -> str:
    """Return the maker's strategy file with one more plugin."""
    before, plugins, after = (
        (ROOT / "strategies" / "maker.yaml").read_text(encoding="utf-8").partition("\nplugins:\n")
    )
    return f"{before}{plugins}{plugin}{after}"


def _test(environment: Environment, project: Path) -> None:
    # The command and not "python -m pytest", which would put the folder on the path.
    printed = run(environment.binaries / "pytest", "-q", cwd=project)
    (closing,) = [line for line in printed.splitlines() if re.match(r"\d+ passed", line)]
    say(f"   {project.name}: {closing}")


def take_part_in_a_run(environment: Environment, folder: Path) -> None:
    """Name the written plugin in a copy of the maker's file; its refusals are counted."""
    (folder / "maker.yaml").write_text(_maker_with("  spread_guard: {}\n"), encoding="utf-8")
    environment.polyframe("check", "maker.yaml", "--profile", "paper", cwd=folder)
    printed = environment.polyframe(
        *("run", "maker.yaml", "--profile", "paper", "--venue", "embedded", "--speed", "60"),
        *("--for", "8s", "--summary-json", "summary.json"),
        cwd=folder,
    )
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    refused = summary["vetoes"]["spread_guard.tight"]
    promise(summary["plugin_problems"] == 0, "no plugin has a problem")
    promise(summary["orders"] > 0, "markets that are wide enough are quoted")
    promise(refused > 0, "the summary counts the plugin's vetoes")
    (told,) = [line for line in printed.splitlines() if line.startswith("vetoes: ")]
    promise(f" spread_guard.tight={refused}" in told, f"the end of the run names them: {told}")
    _check_reports(folder, summary["run_id"], refused)
    _check_spans(environment, folder, refused)
    environment.polyframe("replay", summary["tape"], cwd=folder)
    say(f"   {told}")


def _check_spans(environment: Environment, folder: Path, refused: int) -> None:
    printed = environment.polyframe("trace", "--code", "spread_guard.tight", "--json", cwd=folder)
    spans = [json.loads(line) for line in printed.splitlines()]
    promise(len(spans) == refused, f"each veto is in one span: {len(spans)}, {refused}")
    last = spans[-1]["attributes"]
    screen = environment.polyframe("why", str(last["polyframe.market.id"]), cwd=folder)
    promise("spread_guard" in screen, f"why names the plugin: {screen}")
    at = str(last["polyframe.decision.id"])
    screen = environment.polyframe("trace", at, cwd=folder)
    (row,) = [line for line in screen.splitlines() if line.startswith("VETO      spread_guard")]
    promise(" < limit 2" in row, f"it says by which numbers: {row}")
    say(f"   {row}")


def _check_reports(folder: Path, run_id: str, refused: int) -> None:
    # A run over midnight has two days.
    days = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("reports/*.json")]
    runs: list[dict[str, Any]] = [day["runs"][run_id] for day in days]
    counted = sum(one["report"]["vetoes"]["spread_guard.tight"] for one in runs)
    promise(counted == refused, f"the report counts as many vetoes: {counted}, {refused}")
    sections = [one["sections"]["spread_guard"] for one in runs]
    own = sum(section["refused"] for section in sections)
    promise(own > 0, f"the plugin's own section counts its refusals: {sections}")


def main() -> int:
    """Take the steps; return the exit code."""
    home = Path(tempfile.mkdtemp(prefix="fresh-"))
    environment, folder = Environment(home / "env"), home / "empty"
    folder.mkdir()
    written = folder / "spread-guard"
    steps = [
        ("set up from the pins and the wheel", lambda: set_up(environment, home)),
        *(
            (f"examples/{example.name}", lambda at=example: keeps_its_tests(environment, at, home))
            for example in EXAMPLES
        ),
        ("new-plugin", lambda: environment.polyframe("new-plugin", written.name, cwd=folder)),
        (f"its {written.name}", lambda: keeps_its_tests(environment, written, home)),
        ("a run with it", lambda: take_part_in_a_run(environment, folder)),
    ]
    try:
        for words, step in steps:
            started = time.monotonic()
            step()
            say(f"{words}: {time.monotonic() - started:.1f} s")
    except Broken as error:
        sys.stderr.write(f"{words}: {error}\n")
        return 1
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
