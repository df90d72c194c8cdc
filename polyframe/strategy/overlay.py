"""Profiles on top of the base: what wins, where it stands in the file, what is one-sided."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from polyframe.strategy.schema import PROFILES
from polyframe.strategy.source import KeyPath, Source, dotted


def overlaid(data: Mapping[str, Any], profile: str) -> dict[str, Any]:
    """Return the file's settings as the profile sees them, without ``profiles`` and pins."""
    base = {key: value for key, value in data.items() if key != "profiles"}
    if isinstance(plugins := base.get("plugins"), dict):
        base["plugins"] = {
            name: {key: value for key, value in settings.items() if key != "dist"}
            if isinstance(settings, dict)
            else settings
            for name, settings in plugins.items()
        }
    profiles = data.get("profiles")
    overlay = profiles.get(profile) if isinstance(profiles, dict) else None
    return merged(base, overlay if isinstance(overlay, dict) else {})


def merged(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` with ``overlay`` on top: mappings key by key, everything else replaced.

    Neither argument is changed and the result shares nothing with them.
    """
    result = {key: copy.deepcopy(value) for key, value in base.items()}
    for key, value in overlay.items():
        below = base.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            result[key] = merged(below, value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def locate(source: Source, path: KeyPath, profile: str | None) -> tuple[int, KeyPath]:
    """Return the line and the written path of a setting, or the line of its nearest parent."""
    if profile is not None and (written := ("profiles", profile, *path)) in source.lines:
        return source.lines[written], written
    for length in range(len(path), -1, -1):
        if profile is not None and length:
            above = ("profiles", profile, *path[:length])
            if above in source.lines:
                return source.lines[above], path
        if path[:length] in source.lines:
            return source.lines[path[:length]], path
    return 1, path


def one_sided(source: Source) -> Iterator[tuple[KeyPath, str]]:
    """Yield overlay keys that stand in one profile only: the other would inherit silently."""
    profiles = source.data.get("profiles")
    if not isinstance(profiles, dict):
        return
    for profile, other in (PROFILES, PROFILES[::-1]):
        if not isinstance(profiles.get(profile), dict) or other not in profiles:
            continue
        for path in _leaves(profiles[profile], ()):
            if ("profiles", other, *path) not in source.lines:
                yield (
                    ("profiles", profile, *path),
                    f"stands in {profile} only; say profiles.{other}.{dotted(path)} too",
                )


def _leaves(value: Any, path: KeyPath) -> Iterator[KeyPath]:
    if not isinstance(value, dict):
        yield path
        return
    for key, below in value.items():
        yield from _leaves(below, (*path, key))
