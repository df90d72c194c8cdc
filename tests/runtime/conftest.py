"""Fixtures of the end-to-end tests."""

import socket
from pathlib import Path

import pytest

from polyframe.polymarket import hosts

REPOSITORY = Path(__file__).parents[2]
DATA = REPOSITORY.parent / "shared" / "data"


@pytest.fixture
def recording():
    """A real recording of in-play baseball."""
    path = DATA / "mlb_20250619.frames.jsonl.zst"
    if not path.is_file():
        pytest.skip(f"the real recordings are not beside the repository ({path.name})")
    return path


@pytest.fixture
def nowhere(monkeypatch):
    """Make the live venue a loopback port where nobody listens: no test leaves the machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    monkeypatch.setattr(hosts, "CLOB_URL", url)
    monkeypatch.setattr(hosts, "GAMMA_URL", url)
    return url
