"""In paper no key is loaded and nothing that could place an order exists (quant.md I19).

By type, over every object of the process, after a second of quoting; the exchange is another
process, because the embedded one verifies signatures with the same keys.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from exchange_side import KEY, WALLET, exchange_of

# What may not even be imported, by the beginning of its name.
NEVER_IMPORTED = (
    "polymarket", "eth_account", "eth_keys", "coincurve", "polyframe.secrets",
    "polyframe.polymarket.clob", "polyframe.polymarket.keys",
    "polyframe.polymarket.official_client", "polyframe.polymarket.order_signing",
    "polyframe.polymarket.user_feed", "polyframe.polymarket.operator_requests",
    "polyframe.runtime.live",
)  # fmt: skip
# Reads of books that everybody may ask for; no account is named.
PUBLIC = ("polyframe.polymarket.clob_public",)
# What may not exist, should it be imported one day for its words.
NEVER_MADE = ("Clob", "PrivateKey", "AsyncSecureClient", "AccountReads", "OrderSender", "LiveDesk",
              "LiveAccount", "Credentials", "Secret", "UserFeed", "OperatorAccount")  # fmt: skip
# Looks when the run stops: everything that traded is still there.
PROBE = f"""
import gc, json, sys
from polyframe.cli import main
from polyframe.runtime.status import PlainStatus

sys.argv = ["polyframe", *json.loads(sys.argv[1])]
seen = {{}}
line = PlainStatus.line

def is_forbidden(name):
    known = (name == one or name.startswith((one + ".", one + "_")) for one in {NEVER_IMPORTED!r})
    return any(known) and name not in {PUBLIC!r}

def look(self, message, fields):
    line(self, message, fields)
    if message == "Run stopping":
        kinds = {{type(one) for one in gc.get_objects()}}
        names = {{f"{{kind.__module__}}.{{kind.__qualname__}}" for kind in kinds}}
        seen["modules"] = sorted(filter(is_forbidden, sys.modules))
        seen["objects"] = sorted(
            name for name in names
            if name.rpartition(".")[2] in {NEVER_MADE!r} and name.startswith("poly")
        )
        seen["is_trading"] = "polyframe.runtime.assemble.Machine" in names

PlainStatus.line = look
try:
    main()
except SystemExit as ended:
    seen["code"] = ended.code
print(json.dumps(seen))
"""


def probed(folder: Path, url: str, *, holds: str = "") -> dict[str, object]:
    """Run paper in a process of its own, and return what was in it at the end."""
    strategy = Path(__file__).parents[2] / "strategies" / "maker.yaml"
    run = ["run", str(strategy), "--profile", "paper", "--venue", url, "--for", "2s", "--plain"]
    environment = {
        **os.environ, "POLY_PRIVATE_KEY": KEY, "POLY_SIGNATURE_TYPE": "0",
        "TRADING_ADDRESS": WALLET, "POLY_API_KEY": "a", "POLY_API_SECRET": "b",
        "POLY_API_PASSPHRASE": "c",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", holds + PROBE, json.dumps(run)],
        cwd=folder, env=environment, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    told: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    assert not told["code"], done.stdout + done.stderr
    assert "status source=url" in done.stdout
    assert "resting=" in done.stdout
    return told


@pytest.fixture
def paper(tmp_path):
    def run(**more: str) -> dict[str, object]:
        async def whole() -> dict[str, object]:
            async with exchange_of(1.0) as exchange:
                return await anyio.to_thread.run_sync(
                    lambda: probed(tmp_path, exchange.urls.clob_url, **more)
                )

        return anyio.run(whole)

    return run


def test_in_paper_no_key_is_loaded_and_no_way_to_an_order_exists(paper):
    told = paper()
    assert told["is_trading"]  # there was something to be found
    assert told["modules"] == []
    assert told["objects"] == []


def test_the_probe_finds_what_it_looks_for(paper):
    told = paper(
        holds="from polyframe.polymarket.keys import PrivateKey\nheld = [PrivateKey(b'1' * 32)]\n"
    )
    assert "polyframe.polymarket.keys" in told["modules"]
    assert told["objects"] == ["polyframe.polymarket.keys.PrivateKey"]
