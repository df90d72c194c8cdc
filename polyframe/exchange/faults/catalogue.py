"""Every kind of fault by name: what scripts may say, and the JSON Schema of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from polyframe.exchange.faults import (
    message_kinds,
    rest_kinds,
    settlement_kinds,
    socket_kinds,
    venue_kinds,
)
from polyframe.exchange.faults.fault import Fault

_MODULES = (socket_kinds, message_kinds, rest_kinds, venue_kinds, settlement_kinds)


def _kinds() -> Iterator[tuple[str, type[Fault]]]:
    for module in _MODULES:
        for value in vars(module).values():
            # Only what has a tag of its own is a kind; the others are bases.
            if (
                isinstance(value, type)
                and issubclass(value, Fault)
                and value.__module__ == module.__name__
                and value.__struct_config__.tag != value.__name__
            ):
                yield str(value.__struct_config__.tag), value


KINDS: dict[str, type[Fault]] = dict(_kinds())
"""Kind -> its class, by group and in the order of their modules."""


def summary(kind: str) -> str:
    """Return the kind's first sentence, for lists of kinds.

    Raises:
        KeyError: no such kind.
    """
    text: Any = KINDS[kind].__doc__
    return str(text).split("\n\n")[0].replace("\n    ", " ")
