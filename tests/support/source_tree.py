"""The source tree as the lint tests see it: which module is in which layer, who imports whom.

Everything is read with ``ast``; no module of polyframe is imported.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]

# The arrows of docs/adr/0001: a module may import from its own layer and from lower ones.
LAYER_NAMES = (
    "numbers",
    "vocabulary",
    "contract",
    "settings",
    "pure",
    "strategy",
    "shell",
    "top",
)
NUMBERS, VOCABULARY, CONTRACT, SETTINGS, PURE, STRATEGY, SHELL, TOP = range(len(LAYER_NAMES))

LAYER_OF = {
    "polyframe.errors": NUMBERS,
    "polyframe.hazards": NUMBERS,
    "polyframe.money": NUMBERS,
    "polyframe.model": VOCABULARY,
    "polyframe.commands": VOCABULARY,
    "polyframe.events": VOCABULARY,
    "polyframe.views": VOCABULARY,
    "polyframe.budget": CONTRACT,
    "polyframe.hooks": CONTRACT,
    "polyframe.plugin": CONTRACT,
    "polyframe": CONTRACT,  # the public API re-exports the contract
    "polyframe.live_settings": SETTINGS,
    "polyframe.settings": SETTINGS,
    "polyframe.__main__": TOP,
}
# These packages are pure, but for the modules named in IMPURE.
PACKAGE_LAYER = {
    "polyframe.runtime": PURE,
    "polyframe.exchange": PURE,
    "polyframe.polymarket": PURE,
    "polyframe.secrets": PURE,
    "polyframe.explain": PURE,
    "polyframe.tracing": PURE,
    "polyframe.validation": PURE,
    "polyframe.strategy": STRATEGY,
    "polyframe.cli": TOP,
    "polyframe.dashboard": TOP,
    "polyframe.doctor": TOP,
    "polyframe.testing": TOP,
}
# The shells: they touch the clock, files or sockets. A new module is pure until it is named here.
IMPURE = {
    "polyframe.exchange",
    "polyframe.exchange.admin",
    "polyframe.exchange.chain.relayer",
    "polyframe.exchange.chain.rpc",
    "polyframe.exchange.channel",
    "polyframe.exchange.clock",
    "polyframe.exchange.faults.injection",
    "polyframe.exchange.faults.rest",
    "polyframe.exchange.faults.script",
    "polyframe.exchange.ip_gate",
    "polyframe.exchange.private.limits",
    "polyframe.exchange.private.notices",
    "polyframe.exchange.private.paging",
    "polyframe.exchange.private.requests",
    "polyframe.exchange.private.rest_account",
    "polyframe.exchange.private.rest_auth",
    "polyframe.exchange.private.rest_orders",
    "polyframe.exchange.private.rest_rewards",
    "polyframe.exchange.private.side",
    "polyframe.exchange.private.user_channel",
    "polyframe.exchange.recording",
    "polyframe.exchange.rest_answers",
    "polyframe.exchange.public.rest_clob",
    "polyframe.exchange.public.rest_data",
    "polyframe.exchange.public.rest_gamma",
    "polyframe.exchange.public.rest_markets",
    "polyframe.exchange.server",
    "polyframe.exchange.sockets",
    "polyframe.exchange.state",
    "polyframe.explain.blocks",
    "polyframe.explain.lookup",
    "polyframe.polymarket.clob",
    "polyframe.polymarket.clob_account",
    "polyframe.polymarket.clob_opening",
    "polyframe.polymarket.chores",
    "polyframe.polymarket.clob_public",
    "polyframe.polymarket.feed",
    "polyframe.polymarket.gamma",
    "polyframe.polymarket.market_file",
    "polyframe.polymarket.official_client",
    "polyframe.polymarket.operator_requests",
    "polyframe.polymarket.rest",
    "polyframe.polymarket.shard",
    "polyframe.runtime.metadata",
    "polyframe.runtime.orderly_stop",
    "polyframe.runtime.live.account_facts",
    "polyframe.runtime.live.chore_runner",
    "polyframe.runtime.live.run",
    "polyframe.runtime.live.desk",
    "polyframe.runtime.live.earnings_keeper",
    "polyframe.runtime.live.ending",
    "polyframe.runtime.live.halt_keeper",
    "polyframe.runtime.live.last_resort",
    "polyframe.runtime.live.opening",
    "polyframe.runtime.live.order_sender",
    "polyframe.runtime.live.payouts",
    "polyframe.runtime.live.reconciler",
    "polyframe.runtime.live.sweeper",
    "polyframe.runtime.live.user_words",
    "polyframe.runtime.live.watches",
    "polyframe.runtime.live.writer",
    "polyframe.polymarket.data_positions",
    "polyframe.polymarket.geoblock",
    "polyframe.runtime.live.account_reading",
    "polyframe.runtime.live.store",
    "polyframe.runtime.live.store_file",
    "polyframe.polymarket.user_feed",
    "polyframe.runtime.live.account_folder",
    "polyframe.runtime.live.arming",
    "polyframe.runtime.replay",
    "polyframe.runtime.report_writer",
    "polyframe.runtime.run_state",
    "polyframe.runtime.shell",
    "polyframe.runtime.status",
    "polyframe.runtime.stop_signals",
    "polyframe.runtime.tape",
    "polyframe.runtime.terminal",
    "polyframe.runtime.venues",
    "polyframe.secrets.credentials",
    "polyframe.secrets.files",
    "polyframe.secrets.keystore",
    "polyframe.tracing.complaints",
    "polyframe.tracing.files",
    "polyframe.tracing.metrics",
    "polyframe.tracing.opening",
    "polyframe.tracing.sdk",
    "polyframe.tracing.tracer",
}


def layer_of(module: str) -> int | None:
    """Return the layer of a core module, None for a module nobody has placed yet."""
    if module in LAYER_OF:
        return LAYER_OF[module]
    if module in IMPURE:
        return SHELL
    for package, layer in PACKAGE_LAYER.items():
        if f"{module}.".startswith(f"{package}."):
            return layer
    return None


@dataclass(frozen=True)
class Module:
    """One Python file: its dotted name, where it lies, and whether it is a package's init."""

    name: str
    path: Path
    is_package: bool = False

    @property
    def place(self) -> str:
        """The path from the root of the repository."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        """The source."""
        return self.path.read_text(encoding="utf-8")


def _modules_under(folder: Path, import_root: Path) -> list[Module]:
    found = []
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(import_root).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        found.append(Module(".".join(parts[:-1] if is_package else parts), path, is_package))
    return found


def core_modules() -> list[Module]:
    """Return every module of the ``polyframe`` package."""
    return _modules_under(ROOT / "polyframe", ROOT)


def plugin_packages() -> list[Path]:
    """Return the import package of every first-party plugin."""
    return sorted(path for path in (ROOT / "plugins").glob("*/polyframe_*") if path.is_dir())


def plugin_modules() -> list[Module]:
    """Return every module of every first-party plugin."""
    return [
        module
        for package in plugin_packages()
        for module in _modules_under(package, package.parent)
    ]


def is_pure(module: Module) -> bool:
    """Whether the module must not know of clocks, sockets or chance."""
    layer = layer_of(module.name)
    return layer is not None and layer <= PURE


@dataclass(frozen=True)
class Import:
    """One imported name as written, made absolute: ``from polyframe import money`` is
    ``polyframe.money``."""

    line: int
    target: str


def imports_of(text: str, name: str, *, is_package: bool = False) -> list[Import]:
    """Return every import of a source, also those inside functions and ``TYPE_CHECKING``."""
    package = name.split(".") if is_package else name.split(".")[:-1]
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [Import(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            prefix = ".".join([*base, *([node.module] if node.module else [])])
            found += [Import(node.lineno, f"{prefix}.{alias.name}") for alias in node.names]
    return found


def resolve(target: str, known: frozenset[str]) -> str:
    """Return the longest prefix of a target that is a module: the rest is a name inside it."""
    parts = target.split(".")
    for end in range(len(parts), 0, -1):
        candidate = ".".join(parts[:end])
        if candidate in known:
            return candidate
    return target
