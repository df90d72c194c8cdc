"""Third-party plugin packages made on the spot: a folder with metadata on ``sys.path``, no pip."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

GUARD = """
    from polyframe import Plugin, Veto, hookimpl

    class Guard(Plugin):
        codes = ("{name}.always",)

        @hookimpl
        def pre_quote_veto(self, quote):
            return [Veto("{name}.always")]
"""

Install = Callable[..., Path]


@dataclass(frozen=True)
class Request:
    """What the strategy file says of one plugin."""

    name: str
    dist: str | None = None


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Return a function that installs a distribution offering one plugin, as pip leaves it."""
    modules: list[str] = []

    def _install(
        distribution: str,
        name: str,
        *,
        version: str = "1.0",
        module: str | None = None,
        source: str = GUARD,
        target: str = "Guard",
        folder: str | None = None,
    ) -> Path:
        module = module or distribution.replace("-", "_").replace(".", "_").lower()
        site = tmp_path / (folder or distribution)
        info = site / f"{module}-{version}.dist-info"
        info.mkdir(parents=True)
        (site / f"{module}.py").write_text(textwrap.dedent(source).replace("{name}", name))
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        )
        (info / "entry_points.txt").write_text(f"[polyframe.plugins]\n{name} = {module}:{target}\n")
        (info / "RECORD").write_text(
            "".join(
                f"{path},,\n"
                for path in (
                    f"{module}.py",
                    *(f"{info.name}/{file}" for file in ("METADATA", "entry_points.txt", "RECORD")),
                )
            )
        )
        monkeypatch.syspath_prepend(str(site))
        modules.append(module)
        return site

    yield _install
    for module in modules:
        sys.modules.pop(module, None)


@pytest.fixture
def request_for() -> type[Request]:
    """Return the shape of a request."""
    return Request
