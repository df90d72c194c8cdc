"""What a plugin leaves in ``context.store`` must come back from JSON as it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class NotJson(Exception):
    """A stored document is not what JSON would give back."""


def through_json(store: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document after a trip through JSON.

    Raises:
        NotJson: JSON cannot carry it, or gives something else back.
    """
    try:
        after: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(store))
    except (TypeError, ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise NotJson(f"JSON cannot carry it: {error}") from None
    changed = _first_change(dict(store), after, "context.store")
    if changed is not None:
        raise NotJson(changed)
    return after


def _first_change(before: Any, after: Any, path: str) -> str | None:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        if list(before) != list(after):
            odd = next((key for key in before if type(key) is not str), None)
            what = f"the key {odd!r} is no text" if odd is not None else "its keys change"
            return f"{path}: {what}; JSON has text keys only"
        found = (_first_change(before[key], after[key], f"{path}[{key!r}]") for key in before)
        return next((change for change in found if change is not None), None)
    if isinstance(before, (list, tuple)) and isinstance(after, list):
        found = (
            _first_change(old, new, f"{path}[{at}]")
            for at, (old, new) in enumerate(zip(before, after, strict=True))
        )
        return next((change for change in found if change is not None), None)
    if before != after:
        return f"{path} is {before!r:.60}, and comes back as {after!r:.60}"
    return None
