"""The strategy file and its plugins."""

from __future__ import annotations

from pathlib import Path

from polyframe.doctor.findings import Finding, doubt, fault, sound, split
from polyframe.errors import PluginError, StrategyError
from polyframe.runtime.claimants import claimants
from polyframe.runtime.plugins import configs_of, load_plugin_classes
from polyframe.strategy import Strategy, check_profiles, read_source, requests_of

_REST = "'polyframe check' shows every line"


def installed_plugins() -> list[Finding]:
    """Return what is installed, where no strategy file says what is needed."""
    names = [one.name for one in claimants()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        fix = "pin each in the strategy file with 'dist: DISTRIBUTION==VERSION'"
        return [doubt("plugins", f"claimed more than once: {', '.join(twice)}", fix)]
    return [sound("plugins", f"{len(names)} installed: {', '.join(names)}")]


def strategy_file(path: Path, profile: str) -> tuple[list[Finding], Strategy | None]:
    """Return what is found of a strategy file and its plugins, and the strategy if it is sound."""
    try:
        source = read_source(path)
        requests = requests_of(source)
    except StrategyError as error:
        return [_refused(error), doubt("plugins", "not known: the file names none")], None
    try:
        classes = load_plugin_classes(requests, production=profile == "production")
    except PluginError as error:
        found, fix = split(str(error), "see 'polyframe plugins'")
        unknown = doubt("strategy", "not known: its plugins do not load")
        return [unknown, fault("plugins", found, fix)], None
    pinned = sum(1 for request in requests if request.dist is not None)
    plugins = sound("plugins", f"{len(requests)} loaded, {pinned} pinned")
    try:
        strategy = check_profiles(source, [profile], configs_of(classes))[profile]
    except StrategyError as error:
        return [_refused(error), plugins], None
    told = f"{path}: {profile}: config {strategy.config_hash[:12]}"
    return [sound("strategy", told), plugins], strategy


def _refused(error: StrategyError) -> Finding:
    first, *others = error.problems
    found, fix = split(first, _REST)
    more = f" (and {len(others)} more)" if others else ""
    return fault("strategy", f"{found}{more}", fix if not others else f"{fix}; {_REST}")
