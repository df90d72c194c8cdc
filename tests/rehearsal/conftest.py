"""One rehearsal at a time: two of them on two cores would rehearse a slow machine."""

import fcntl
import os

import pytest


def pytest_collection_modifyitems(items):
    """Rehearse first, on one worker: at the end, the other would find nothing else to do and wait.

    The exchange answers an engine in another process here; tracing would only slow it down.
    """
    items.sort(key=lambda item: "stage" not in item.fixturenames)
    for item in items:
        if "stage" in item.fixturenames:
            item.add_marker("no_cover")


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def stage(tmp_path_factory):
    """Hold the machine for as long as an engine trades; released early by ``stage.close()``."""
    root = tmp_path_factory.getbasetemp()
    shared = root.parent if os.environ.get("PYTEST_XDIST_WORKER") else root
    with (shared / "rehearsal.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
