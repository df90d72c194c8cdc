"""The arrows of the architecture, checked on the source: what may import what."""

from __future__ import annotations

import re
import sys

import pytest

from source_tree import (
    CONTRACT,
    IMPURE,
    PURE,
    Module,
    core_modules,
    imports_of,
    is_pure,
    layer_of,
    plugin_modules,
    plugin_packages,
    resolve,
)

MOST_LINES = 450
PLUGIN_API = {
    "polyframe",
    "polyframe.hooks",
    "polyframe.model",
    "polyframe.money",
    "polyframe.plugin",
}
# Clocks, sockets, tasks, processes and terminals: pure modules and plugins never see them.
OUTSIDE = {
    "aiohttp",
    "anyio",
    "asyncio",
    "click",
    "concurrent",
    "http",
    "httpx",
    "multiprocessing",
    "opentelemetry",
    "queue",
    "requests",
    "rich",
    "sched",
    "select",
    "selectors",
    "signal",
    "socket",
    "socketserver",
    "sqlite3",
    "ssl",
    "subprocess",
    "threading",
    "time",
    "urllib.request",
    "websockets",
}
# msgspec makes the values that hooks speak, so it is part of the contract.
PLUGIN_LIBRARIES = {"msgspec"}

VAGUE = {"common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}

CORE = core_modules()
PLUGINS = plugin_modules()
KNOWN = frozenset(module.name for module in CORE)


def backward_arrows(text: str, name: str, *, is_package: bool = False) -> list[str]:
    """Return ``line: target`` for each import from a higher layer."""
    layer = layer_of(name)
    assert layer is not None
    found = []
    for item in imports_of(text, name, is_package=is_package):
        if item.target.split(".")[0] != "polyframe":
            continue
        target = resolve(item.target, KNOWN)
        target_layer = layer_of(target)
        if target_layer is None or target_layer > layer:
            found.append(f"{item.line}: {target}")
    return found


def outside_imports(text: str, name: str) -> list[str]:
    """Return ``line: target`` for each import of a module that touches the outside."""
    return [
        f"{item.line}: {item.target}"
        for item in imports_of(text, name)
        if any(f"{item.target}.".startswith(f"{banned}.") for banned in OUTSIDE)
    ]


def foreign_to_plugin(text: str, name: str, *, is_package: bool = False) -> list[str]:
    """Return ``line: target`` for each import that a plugin has no right to."""
    own = name.split(".")[0]
    found = []
    for item in imports_of(text, name, is_package=is_package):
        top = item.target.split(".")[0]
        if top == "polyframe":
            allowed = resolve(item.target, KNOWN) in PLUGIN_API
        else:
            allowed = top == own or top in sys.stdlib_module_names or top in PLUGIN_LIBRARIES
        if not allowed:
            found.append(f"{item.line}: {item.target}")
    return found


def _report(violations: list[tuple[Module, list[str]]]) -> str:
    return "\n".join(f"{module.place}:{item}" for module, found in violations for item in found)


def test_every_core_module_has_its_layer() -> None:
    unplaced = [module.place for module in CORE if layer_of(module.name) is None]
    assert not unplaced, "say in tests/support/source_tree.py which layer they belong to"


def test_the_list_of_impure_modules_is_current() -> None:
    assert not sorted(IMPURE - KNOWN), "these are gone: strike them from source_tree.IMPURE"


def test_core_imports_point_one_way() -> None:
    arrows = [(m, backward_arrows(m.text, m.name, is_package=m.is_package)) for m in CORE]
    assert not _report(arrows), f"imports from a higher layer:\n{_report(arrows)}"


def test_pure_modules_and_plugins_never_import_the_outside() -> None:
    found = [(m, outside_imports(m.text, m.name)) for m in [*filter(is_pure, CORE), *PLUGINS]]
    assert not _report(found), f"clocks, sockets and tasks live in the shell:\n{_report(found)}"


def test_core_imports_no_plugin() -> None:
    found = [
        (
            module,
            [
                f"{item.line}: {item.target}"
                for item in imports_of(module.text, module.name, is_package=module.is_package)
                if item.target.startswith(("polyframe_", "plugins."))
            ],
        )
        for module in CORE
    ]
    assert not _report(found), _report(found)


def test_plugins_import_only_the_public_api() -> None:
    found = [(m, foreign_to_plugin(m.text, m.name, is_package=m.is_package)) for m in PLUGINS]
    assert not _report(found), f"not public:\n{_report(found)}"


def test_no_import_cycle_in_the_core() -> None:
    arrows = {
        module.name: {
            resolve(item.target, KNOWN)
            for item in imports_of(module.text, module.name, is_package=module.is_package)
            if item.target.split(".")[0] == "polyframe"
        }
        - {module.name}
        for module in CORE
        if not module.is_package
    }
    finished: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, "import cycle: " + " -> ".join([*path, name])
        if name in finished:
            return
        for target in sorted(arrows.get(name, ())):
            visit(target, (*path, name))
        finished.add(name)

    for name in sorted(arrows):
        visit(name, ())


def test_modules_stay_readable() -> None:
    lengths = {module.place: len(module.text.splitlines()) for module in CORE + PLUGINS}
    too_long = {place: lines for place, lines in lengths.items() if lines > MOST_LINES}
    assert not too_long, f"over {MOST_LINES} lines, so they hold two ideas: {too_long}"


def test_modules_are_named_after_what_they_hold() -> None:
    vague = [m.place for m in CORE + PLUGINS if VAGUE & set(re.split(r"[._]", m.name))]
    assert not vague


def test_every_plugin_folder_holds_one_package_of_its_name() -> None:
    for package in plugin_packages():
        assert package.name == f"polyframe_{package.parent.name}"
        assert (package / "py.typed").is_file(), f"{package.name} has no py.typed"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("from polyframe.events import Tick", "polyframe.money"),
        ("from polyframe import events", "polyframe.money"),
        ("from .settings import Settings", "polyframe.hooks"),
        ("from ..cli import main", "polyframe.runtime.engine"),
        ("def f():\n    from polyframe.cli import main", "polyframe.runtime.engine"),
        ("import polyframe.cli", "polyframe.runtime.shell"),
        (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import polyframe.cli",
            "polyframe.settings",
        ),
    ],
)
def test_a_planted_backward_arrow_is_found(text: str, name: str) -> None:
    assert backward_arrows(text, name)


@pytest.mark.parametrize(
    "text",
    ["import time", "from time import monotonic", "import anyio.abc", "import urllib.request"],
)
def test_a_planted_outside_import_is_found(text: str) -> None:
    assert outside_imports(text, "polyframe.money")


@pytest.mark.parametrize(
    "text",
    [
        "from polyframe.runtime.books import Book",
        "from polyframe import events",
        "import polyframe_qs",
        "import numpy",
    ],
)
def test_a_planted_foreign_import_of_a_plugin_is_found(text: str) -> None:
    assert foreign_to_plugin(text, "polyframe_maker")


def test_what_a_plugin_may_import_is_not_refused() -> None:
    text = (
        "import math\nfrom polyframe import Plugin, hookimpl\n"
        "from polyframe.money import floor_to_tick\nfrom .bands import half_width\n"
    )
    assert not foreign_to_plugin(text, "polyframe_maker", is_package=True)


def test_layers_are_what_the_design_says() -> None:
    order = "errors model plugin settings runtime.engine strategy.loading runtime.shell cli.run"
    layers = [layer_of(f"polyframe.{name}") for name in order.split()]
    assert layers == sorted(set(layers))
    assert layer_of("polyframe.polymarket.codec") == PURE
    assert layer_of("polyframe") == CONTRACT
    assert layer_of("polyframe.something_new") is None
