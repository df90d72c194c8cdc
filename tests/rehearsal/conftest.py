"""One rehearsal at a time: two of them on two cores would rehearse a slow machine."""

import fcntl
import os

import pytest


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
