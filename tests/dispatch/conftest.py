"""Dispatchers over plugin classes written in the tests, registered as a run registers them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from polyframe.plugin import Log
from polyframe.runtime.dispatch import Dispatcher
from polyframe.runtime.plugins import Registered, build_contexts, register


def _registered(**classes: type) -> Registered:
    configs: dict[str, Any] = {name: kind.Config() for name, kind in classes.items()}
    return register(classes, configs, build_contexts(classes, 7, {}, lambda name: Log()))


@pytest.fixture
def registered() -> Callable[..., Registered]:
    """Return a function from plugin classes, by name in file order, to registered plugins."""
    return _registered


@pytest.fixture
def dispatcher() -> Callable[..., Dispatcher]:
    """Return a function from plugin classes, by name in file order, to a dispatcher."""

    def build(options: dict[str, Any] | None = None, /, **classes: type) -> Dispatcher:
        return Dispatcher(_registered(**classes), **(options or {}))

    return build
