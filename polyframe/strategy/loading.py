"""Strategy file -> profile overlay -> typed settings, with every problem told as file:line.

Pure but for reading the file: no environment, no clock. The order of the ``plugins`` mapping is
the order of the hooks, so it is part of a strategy's identity; the order of every other key is
not.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from polyframe.plugin import Config
from polyframe.settings import Settings
from polyframe.strategy.overlay import locate, one_sided, overlaid
from polyframe.strategy.schema import (
    DIST_PIN,
    PLUGIN_NAME,
    PROFILES,
    Configs,
    file_schema,
    resolved_schema,
    unwritten,
)
from polyframe.strategy.source import KeyPath, Problem, Source, printable, read_source
from polyframe.strategy.source import refusal as _refusal
from polyframe.strategy.wording import (
    Explainer,
    ProductionValidator,
    SettingsValidator,
    must_be_written,
    no_pin,
)

Profile = Literal["paper", "production"]
Located = tuple[KeyPath, str]

_AT = re.compile(r" - at `\$(.*)`$", re.DOTALL)
_PART = re.compile(r"\.([^.\[\]]+)|\[([0-9]+)\]")


class PluginRequest(msgspec.Struct, frozen=True):
    """A plugin the file names, and the ``distribution==version`` it must come from, if pinned."""

    name: str
    dist: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """One profile of a strategy file, overlaid, checked, typed.

    ``resolved`` is plain JSON data: ``settings`` (every section, defaults filled) and ``plugins``
    (a list of name, dist, config in hook order). ``config_hash`` is the SHA-256 of its canonical
    JSON (keys sorted, no spaces, UTF-8). Neither depends on the path or on the profile's name.
    """

    settings: Settings
    plugins: Mapping[str, Config]
    requests: tuple[PluginRequest, ...]
    profile: Profile
    path: str
    resolved: dict[str, Any]
    config_hash: str


def named_plugins(path: Path | str) -> list[PluginRequest]:
    """Return the plugins a strategy file names, in hook order, without loading any.

    Raises:
        StrategyError: The file cannot be read or parsed, or its ``plugins`` are not such names.
    """
    return requests_of(read_source(path))


def requests_of(source: Source) -> list[PluginRequest]:
    """Return the plugins a parsed file names; see :func:`named_plugins`."""
    problems: list[Problem] = []
    plugins = source.data.get("plugins")
    if not isinstance(plugins, dict):
        line = source.lines.get(("plugins",), 1)
        text = "is missing or not a mapping; name the plugins in hook order, such as 'qs: {}'"
        raise _refusal(source.path, [*source.problems, Problem(line, ("plugins",), text)])
    requests: list[PluginRequest] = []
    for name, settings in plugins.items():
        where: KeyPath = ("plugins", name)
        if not re.fullmatch(PLUGIN_NAME, name):
            text = "is not a plugin name; use lower-case letters, digits and underscores"
            problems.append(Problem(source.lines[where], where, text))
            continue
        dist = settings.get("dist") if isinstance(settings, dict) else None
        has_pin = isinstance(settings, dict) and "dist" in settings
        if has_pin and not (isinstance(dist, str) and re.fullmatch(DIST_PIN, dist)):
            # Before anything is looked for: what it pins cannot be guessed.
            at = (*where, "dist")
            problems.append(Problem(source.lines.get(at, source.lines[where]), at, no_pin(dist)))
            continue
        requests.append(PluginRequest(name, dist))
    if problems:
        raise _refusal(source.path, [*source.problems, *problems])
    return requests


def load_strategy(path: Path | str, profile: str, configs: Configs) -> Strategy:
    """Read a strategy file, overlay the profile and return the typed result.

    Args:
        path: The YAML file.
        profile: ``paper`` or ``production``.
        configs: Settings class of each plugin the file names; more do no harm.

    Raises:
        StrategyError: Every problem found, one ``file:line: path: message`` line each.
    """
    return resolve(read_source(path), profile, configs)


def resolve(source: Source, profile: str, configs: Configs) -> Strategy:
    """Overlay, check and type one profile of a parsed file; see :func:`load_strategy`."""
    return check_profiles(source, [profile], configs)[profile]


def check_profiles(
    source: Source, profiles: Sequence[str], configs: Configs
) -> dict[str, Strategy]:
    """Return the strategy of each profile, or raise with the problems of all of them at once.

    Raises:
        StrategyError: As :func:`load_strategy`, each problem once.
    """
    requests = requests_of(source)
    problems = list(source.problems)
    for request in requests:
        if request.name not in configs:
            where = ("plugins", request.name)
            text = "no such plugin is loaded; install its distribution or remove the entry"
            problems.append(Problem(source.lines[where], where, text))
    if len(problems) > len(source.problems):
        raise _refusal(source.path, problems)  # a schema with a gap would mislead
    known = {request.name: configs[request.name] for request in requests}
    strategies: dict[str, Strategy] = {}
    for profile in profiles:
        strategy, found = _examine(source, _profile(profile, source.path), requests, known)
        problems += found
        if strategy is not None:
            strategies[profile] = strategy
    if problems:
        raise _refusal(source.path, problems)
    return strategies


def _examine(
    source: Source, profile: Profile, requests: Sequence[PluginRequest], configs: Configs
) -> tuple[Strategy | None, list[Problem]]:
    """Return one profile's strategy, or everything that is wrong with it."""
    problems: list[Problem] = []
    told: set[KeyPath] = set()

    def tell(found: Iterable[Located], overlay: str | None) -> None:
        """Keep a stage's findings, except on paths that an earlier stage has settled."""
        settled = frozenset(told)
        for path, text in found:
            line, where = locate(source, path, overlay)
            blind = any(where[:n] in source.unreadable for n in range(1, len(where) + 1))
            if where not in settled and not blind:
                told.add(where)
                problems.append(Problem(line, where, text))

    tell(_violations(file_schema(configs), source.data), None)
    # A key in one profile only may break the floor as well: two findings, two lines.
    alone = [(path, text) for path, text in one_sided(source) if path not in told]
    document = overlaid(source.data, profile)
    tell(_breaches(document, profile, configs), profile)
    if profile == "production":
        tell(_overlooked(document, configs), profile)
    problems += [Problem(source.lines[path], path, text) for path, text in alone]
    if problems or source.problems:
        return None, problems
    strategy, found = _typed(document, profile, source.path, requests, configs)
    tell(found, profile)
    return strategy, problems


def strategy_from_resolved(
    resolved: Mapping[str, Any], configs: Configs, profile: str, *, origin: str = "resolved"
) -> Strategy:
    """Rebuild a strategy from its ``resolved`` form, as a tape's header holds it.

    Args:
        resolved: ``Strategy.resolved``, possibly after a trip through JSON.
        configs: Settings class of each plugin it names.
        profile: The profile it was resolved for; production's floor is checked again.
        origin: Shown in messages where a file's path would stand.

    Raises:
        StrategyError: The settings do not fit the classes of this installation.
    """
    chosen = _profile(profile, origin)
    try:
        entries: Sequence[Mapping[str, Any]] = resolved["plugins"]
        document = {**resolved["settings"], "plugins": {e["name"]: e["config"] for e in entries}}
        requests = [PluginRequest(e["name"], e["dist"]) for e in entries]
    except (KeyError, TypeError) as error:
        text = f"is not a resolved strategy ({printable(str(error))} is missing); record it anew"
        raise _refusal(origin, [Problem(1, (), text)]) from None
    problems = [
        Problem(1, ("plugins", request.name), "no such plugin is loaded; install its distribution")
        for request in requests
        if request.name not in configs
    ]
    if problems:
        raise _refusal(origin, problems)
    known = {request.name: configs[request.name] for request in requests}
    found = list(_breaches(document, chosen, known))
    strategy: Strategy | None = None
    if not found:
        strategy, found = _typed(document, chosen, origin, requests, known)
    if strategy is None or found:
        raise _refusal(origin, [Problem(1, path, text) for path, text in found])
    return strategy


def plain(settings: Any) -> Any:
    """Return typed settings as what JSON can hold: dicts with text keys, lists, finite numbers.

    Raises:
        ValueError: A number is not finite.
    """
    return json.loads(json.dumps(msgspec.to_builtins(settings, str_keys=True), allow_nan=False))


def canonical_json(resolved: Mapping[str, Any]) -> bytes:
    """Return the one spelling of resolved settings that is hashed."""
    return json.dumps(
        resolved, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def _profile(profile: str, path: str) -> Profile:
    if profile == "paper":
        return "paper"
    if profile == "production":
        return "production"
    text = f"'{printable(profile)}' is not a profile; choose one of {', '.join(PROFILES)}"
    raise _refusal(path, [Problem(1, ("profiles",), text)])


def _violations(
    schema: dict[str, Any], document: Any, validator: Any = SettingsValidator
) -> Iterator[Located]:
    explainer = Explainer(schema)
    for error in validator(schema).iter_errors(document):
        yield from explainer.explain(error)


def _breaches(document: dict[str, Any], profile: Profile, configs: Configs) -> Iterator[Located]:
    """Yield what the resolved settings break: the schema and, in production, the floor."""
    schema = resolved_schema(configs)
    if profile == "paper":
        yield from _violations(schema, document)
        return
    yield from _violations(schema, document, ProductionValidator)
    venue = document.get("venue")
    if isinstance(venue, dict) and venue.get("fallback", "none") != "none":
        yield (
            ("venue", "fallback"),
            "production trades on the live venue or not at all; write none under "
            "profiles.production",
        )


def _overlooked(document: dict[str, Any], configs: Configs) -> Iterator[Located]:
    """Yield the settings that nobody may leave to a default where real money is traded."""
    for path, schema in unwritten(resolved_schema(configs), document):
        yield path, must_be_written(path, schema)


def _typed(
    document: dict[str, Any],
    profile: Profile,
    path: str,
    requests: Sequence[PluginRequest],
    configs: Configs,
) -> tuple[Strategy | None, list[Located]]:
    """Return the typed strategy, or why its classes refuse what the schema let through."""
    sections = {key: value for key, value in document.items() if key != "plugins"}
    found: list[Located] = []

    def convert(values: Any, into: type[Any], where: KeyPath) -> Any:
        try:
            # Twice, so that a default declared 1 and a setting written 1.0 hash the same.
            once = plain(msgspec.convert(values, into, str_keys=True))
            return msgspec.convert(once, into, str_keys=True)
        except (ValueError, OverflowError) as error:
            text = str(error)
            at = _AT.search(text)
            below = _parts(at[1]) if at else ()
            reason = printable(text[: at.start()] if at else text, 160)
            found.append(((*where, *below), f"{reason}; correct it"))
            return None

    settings = convert(sections, Settings, ())
    plugins = {
        request.name: convert(
            document["plugins"][request.name], configs[request.name], ("plugins", request.name)
        )
        for request in requests
    }
    if found:
        return None, found
    filled = plain(settings)
    resolved = {
        "settings": filled,
        "plugins": [
            {
                "name": request.name,
                "dist": request.dist,
                "config": plain(plugins[request.name]),
            }
            for request in requests
        ],
    }
    complete = {**filled, "plugins": {e["name"]: e["config"] for e in resolved["plugins"]}}
    # Once more with the defaults filled in: a default must not lie below the floor either.
    found = list(_breaches(complete, profile, configs))
    if found:
        return None, found
    return (
        Strategy(
            settings=settings,
            plugins=MappingProxyType(plugins),
            requests=tuple(requests),
            profile=profile,
            path=path,
            resolved=resolved,
            config_hash=hashlib.sha256(canonical_json(resolved)).hexdigest(),
        ),
        [],
    )


def _parts(at: str) -> KeyPath:
    return tuple(int(m[2]) if m[1] is None else m[1] for m in _PART.finditer(at))
