from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
RECORDINGS = ("mlb_20250617", "mlb_20250619")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=RECORDINGS)
def recording_path(request: pytest.FixtureRequest) -> Path:
    path = SHARED / f"{request.param}.frames.jsonl.zst"
    if not path.is_file():
        pytest.skip(f"the recording {path.name} is not on this machine")
    return path
