"""What an operator types in a bad hour: cancel-all, kill, resume; and what is shown then."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager

import pytest
from click.testing import CliRunner

from leaks import leaks
from operator_bench import (
    ADDRESS,
    CREDENTIALS,
    KEY,
    NOWHERE,
    api_of,
    open_venue,
    run,
    run_beside,
    url_of,
)
from polyframe import cli
from polyframe.cli import cancelling, main
from polyframe.events import Side
from polyframe.exchange.faults import rest_kinds as kinds
from polyframe.exchange.public.gamma_objects import market_token_ids
from polyframe.polymarket.hosts import loopback_urls
from polyframe.polymarket.keys import PrivateKey
from polyframe.runtime.live.account_folder import AccountFolder, source_of
from polyframe.runtime.live.journal_rows import RunRow
from polyframe.runtime.live.order_states import OrderState
from polyframe.runtime.live.rows import BookingKind, LedgerRow, OrderRow
from polyframe.runtime.live.store import LedgerStore
from private_client import PrivateClient

pytestmark = pytest.mark.anyio
OTHER_KEY = "11" * 32
MARKET = "0x" + "ab" * 32


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


@asynccontextmanager
async def resting(orders=3, **terms):
    """An exchange where the throwaway key has so many orders resting."""
    async with open_venue(has_api_key=False, **terms) as exchange:
        client = PrivateClient(exchange, int(KEY, 16))
        client._salt = 1
        async with client:
            token = market_token_ids(exchange.source.markets()[0])[0]
            for number in range(orders):
                placed = await client.ask("POST", "/order", client.post(token, 100, 20 + number))
                assert placed.json()["status"] == "live", placed.text
            yield exchange


def open_ids(exchange):
    api_key = api_of(exchange)["POLY_API_KEY"]
    return exchange.private.desk.registry.open_ids(api_key, "", "")


def folder_of(exchange, tmp_path, state="state"):
    return AccountFolder(tmp_path / state, source_of(loopback_urls(url_of(exchange))), ADDRESS)


def sound(done, code=0):
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.exit_code == code, done.output
    assert leaks(done.output, KEY) == []
    return done


# --- cancel-all -------------------------------------------------------------------------------


@pytest.mark.parametrize("api_is_given", [False, True])
async def test_cancel_all_ends_with_the_venues_word_that_nothing_rests(api_is_given):
    async with resting() as exchange:
        assert len(open_ids(exchange)) == 3
        environ = {**CREDENTIALS, **(api_of(exchange) if api_is_given else {})}
        done = sound(await run_beside("cancel-all", "--venue", url_of(exchange), environ=environ))
        assert open_ids(exchange) == []
    assert "nothing rests any more: 3 orders cancelled by this, verified after" in done.stdout


async def test_cancel_all_says_it_in_json():
    async with resting() as exchange:
        done = sound(await run_beside("cancel-all", "--json", "--venue", url_of(exchange)))
        [told] = json.loads(done.stdout)["cancelled"]
        assert (told["venue"], told["is_empty"], told["cancelled"], told["left"]) == (
            url_of(exchange), True, 3, [],
        )  # fmt: skip
        again = sound(await run_beside("cancel-all", "--venue", url_of(exchange)))
        assert "0 orders cancelled" in again.stdout


async def test_a_clock_that_is_wrong_keeps_nobody_from_cancelling():
    async with resting(ahead_s=3_600, max_skew_s=10) as exchange:
        sound(await run_beside("cancel-all", "--venue", url_of(exchange)))
        assert open_ids(exchange) == []


async def test_a_cancel_whose_answer_is_lost_is_asked_again():
    async with resting() as exchange:
        exchange.injection.add(
            [
                kinds.ServerError(route="DELETE /cancel-all", status=500, count=1),
                kinds.ConnectionReset(route="DELETE /cancel-all", count=1),
                kinds.Restarting(route="/data/orders", count=2),
            ]
        )
        done = sound(await run_beside("cancel-all", "--venue", url_of(exchange)))
        assert open_ids(exchange) == []
    assert "nothing rests any more" in done.stdout


async def test_what_is_left_is_said_loudly(monkeypatch):
    monkeypatch.setattr(cancelling, "WITHIN_S", 1.0)
    async with resting() as exchange:
        exchange.injection.add([kinds.ServerError(route="DELETE /cancel-all", status=500)])
        done = sound(await run_beside("cancel-all", "--venue", url_of(exchange)), code=5)
        ids = open_ids(exchange)
        assert len(ids) == 3
        assert "3 ORDERS STILL REST at " in done.stderr
        assert all(order_id in done.stderr for order_id in ids)
        assert "BUY 20 at 0.01" in done.stderr
        told = sound(await run_beside("cancel-all", "--json", "--venue", url_of(exchange)), code=5)
        [told] = json.loads(told.stdout)["cancelled"]
        assert (told["is_empty"], sorted(told["left"])) == (False, sorted(ids))
        exchange.injection.add([kinds.ServerError(route="/data/orders", status=500)])
        silent = sound(await run_beside("cancel-all", "--venue", url_of(exchange)), code=5)
        assert "ORDERS MAY STILL REST" in silent.stderr


async def test_offline_and_refused_are_one_line(monkeypatch):
    monkeypatch.setattr(cancelling, "WITHIN_S", 0.5)
    done = sound(await run_beside("cancel-all", "--venue", NOWHERE), code=5)
    assert (done.stdout, len(done.stderr.splitlines())) == ("", 1)
    async with open_venue(has_api_key=False) as exchange:
        done = sound(await run_beside("cancel-all", "--venue", url_of(exchange)), code=5)
        assert "no API key was ever made" in done.stderr
        assert exchange.private.keys.of_address(ADDRESS) == []
    done = sound(await run_beside("cancel-all", environ={}), code=2)
    assert "no key to sign with" in done.stderr


# --- kill and resume ----------------------------------------------------------------------------


async def test_kill_throws_the_switch_then_empties_the_venue(tmp_path):
    async with resting() as exchange:
        folder = folder_of(exchange, tmp_path)
        folder.make()
        done = sound(await run_beside("kill", "--why", "a drill"))
        killed = folder.killed()
        assert (killed.why, open_ids(exchange)) == ("a drill", [])
    lines = done.stdout.splitlines()
    assert lines[0] == f"state/{folder.name}: killed: a drill"
    assert "nothing rests any more: 3 orders cancelled" in lines[1]
    back = sound(run("resume"))
    assert f"by {killed.by}: a drill" in back.stdout
    assert "resumed: a run may start" in back.stdout
    assert folder.killed() is None
    nothing = sound(run("resume"), code=2)
    assert "nothing is to be resumed" in nothing.stderr


async def test_kill_makes_the_folder_of_an_account_that_has_none(tmp_path):
    async with resting() as exchange:
        sound(await run_beside("kill", "--venue", url_of(exchange)))
        assert folder_of(exchange, tmp_path).killed().why == "no reason given"


async def test_kill_works_without_credentials_and_says_what_it_could_not(tmp_path):
    """The switch comes first, for every account there is; the venue cannot be asked."""
    for source in ("live", "loopback-1"):
        AccountFolder(tmp_path / "state", source, ADDRESS).make()
    (tmp_path / ".env").write_text(f"POLY_PRIVATE_KEY={KEY}\n")
    (tmp_path / ".env").chmod(0o644)
    done = sound(run("kill", "--why", "x", environ={}), code=1)
    assert len(done.stdout.splitlines()) == 2
    assert "NOTHING WAS CANCELLED" in done.stderr
    assert "chmod 600" in done.stderr
    for source in ("live", "loopback-1"):
        assert AccountFolder(tmp_path / "state", source, ADDRESS).killed().why == "x"


async def test_kill_offline_throws_the_switch_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(cancelling, "WITHIN_S", 0.5)
    folder = AccountFolder(tmp_path / "state", "loopback-9", ADDRESS)
    folder.make()
    done = sound(await run_beside("kill"), code=1)
    assert folder.killed() is not None
    assert "killed, but NOTHING WAS CANCELLED: http://127.0.0.1:9" in done.stderr
    environ = {
        **CREDENTIALS,
        "POLY_API_KEY": "7d3a5c0e-1111",
        "POLY_API_SECRET": "AAAA" * 11,
        "POLY_API_PASSPHRASE": "x" * 20,
    }
    told = sound(await run_beside("kill", "--json", "--venue", NOWHERE, environ=environ), code=5)
    assert json.loads(told.stdout)["killed"] == {f"state/{folder.name}": "no reason given"}


async def test_kill_reaches_an_engine_that_keeps_its_account_elsewhere(tmp_path):
    """Typed in another working directory, it finds by the machine's lock where the engine looks."""
    async with resting() as exchange:
        elsewhere = folder_of(exchange, tmp_path, "elsewhere")
        with elsewhere.lock():
            sound(await run_beside("kill", "--why", "stop", "--venue", url_of(exchange)))
            assert elsewhere.killed().why == "stop"
            assert folder_of(exchange, tmp_path).killed().why == "stop"


async def test_an_engine_sees_the_switch_within_a_second(tmp_path):
    """A process that looks five times a second, as the engine's watch does."""
    async with resting() as exchange:
        folder = folder_of(exchange, tmp_path)
        code = (
            "import pathlib, time\n"
            "from polyframe.runtime.live.account_folder import AccountFolder\n"
            f"folder = AccountFolder(pathlib.Path({str(tmp_path / 'state')!r}),"
            f" {folder.name.rpartition('-')[0]!r}, {ADDRESS!r})\n"
            "with folder.lock():\n    print('up', flush=True)\n"
            "    while folder.killed() is None: time.sleep(0.2)\n"
            "    print(folder.killed().why, flush=True)\n"
        )
        with subprocess.Popen(  # noqa: ASYNC220 - the exchange serves meanwhile in its own loop
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
        ) as engine:
            assert engine.stdout.readline() == "up\n"
            sound(await run_beside("kill", "--why", "now"))
            assert engine.stdout.readline() == "now\n"
            assert engine.wait(10) == 0


def test_kill_asks_no_venue_for_an_account_inside_the_engine(tmp_path):
    folder = AccountFolder(tmp_path / "state", "embedded", ADDRESS)
    folder.make()
    told = json.loads(sound(run("kill", "--json")).stdout)
    assert told == {
        "killed": {f"state/{folder.name}": "no reason given"},
        "failures": [],
        "cancelled": [],
    }
    assert folder.killed() is not None


def test_resume_shows_a_switch_nobody_can_read(tmp_path):
    folder = AccountFolder(tmp_path / "state", "live", ADDRESS)
    folder.make()
    (folder.path / "KILL").touch()
    told = json.loads(sound(run("resume", "--json")).stdout)
    assert "cannot be read" in told["killed"]["why"]
    assert told["engine_pid"] is None


# --- which account ----------------------------------------------------------------------


def test_several_accounts_are_told_apart(tmp_path):
    other = PrivateKey.from_hex(OTHER_KEY).address
    for address in (ADDRESS, other):
        AccountFolder(tmp_path / "state", "live", address).make()
    mine = json.loads(sound(run("status", "--json")).stdout)
    assert mine["account"] == f"live-{ADDRESS.lower()}"
    theirs = json.loads(sound(run("status", "--json", "--account", other)).stdout)
    assert theirs["account"] == f"live-{other.lower()}"
    named = json.loads(sound(run("status", "--json", "--account", theirs["account"])).stdout)
    assert named == theirs
    lost = sound(run("status", environ={}), code=2)
    assert "choose one with --account: " in lost.stderr
    assert "no account 0x12" in sound(run("status", "--account", "0x12"), code=2).stderr
    assert "no account in it" in sound(run("status", "--state", "nowhere"), code=2).stderr
    assert "no account in it" in sound(run("status", "--venue", NOWHERE), code=2).stderr


# --- what is stored ----------------------------------------------------------------------


def stored(tmp_path):
    """An account with two open orders, one of them of unknown fate, some cash and a holding."""
    folder = AccountFolder(tmp_path / "state", "live", ADDRESS)
    folder.make()
    now_ns = 1_800_000_000 * 10**9
    orders = [
        OrderRow(
            order_id=f"o-00000{number}", venue_id="0x" + f"{number}" * 64, market_id=MARKET,
            token_id="123", side=Side.BUY, price_e4=4_500, size_e6=20_000_000,
            expires_ns=now_ns + 10**12, post_only=True, component="maker", decision_id=1,
            placed_ns=now_ns, body=b"", run_id="r", state=state, filled_e6=5_000_000,
        )
        for number, state in ((1, OrderState.LIVE), (2, OrderState.UNKNOWN), (3, OrderState.FILLED))
    ]  # fmt: skip
    ledger = [
        LedgerRow(
            seq=1, ts_ns=now_ns, kind=BookingKind.OPENED, reference="a", cash_e12=500 * 10**12
        ),
        LedgerRow(
            seq=2, ts_ns=now_ns, kind=BookingKind.FILL, reference="b", cash_e12=-9 * 10**12,
            tokens_e6={"123": 20_000_000}, market_id=MARKET, order_id="o-000001",
            trade_id="t", price_e4=4_500, size_e6=20_000_000,
        ),
    ]  # fmt: skip
    store = LedgerStore(folder.store_path)
    run_row = RunRow(run_id="r", started_ns=now_ns, config_hash="c", version="1")
    store.apply([run_row, *orders, *ledger])
    store.close()
    return folder


def test_orders_lists_what_may_still_trade(tmp_path):
    stored(tmp_path)
    rows = json.loads(sound(run("orders", "--json")).stdout)
    assert [(row["order"], row["state"]) for row in rows] == [
        ("o-000001", "live"),
        ("o-000002", "unknown"),
    ]
    assert (rows[0]["price"], rows[0]["size"], rows[0]["filled"]) == (0.45, 20.0, 5.0)
    lines = sound(run("orders")).stdout.splitlines()
    assert lines[0].split() == [
        "order", "state", "side", "price", "filled", "size", "component", "market", "venue", "id",
    ]  # fmt: skip
    assert lines[1].split()[:7] == ["o-000001", "live", "BUY", "0.45", "5", "20", "maker"]


def test_an_order_is_found_by_either_name_also_when_it_is_over(tmp_path):
    stored(tmp_path)
    told = json.loads(sound(run("orders", "o-000003", "--json")).stdout)
    assert (told["order"], told["state"], told["decision"]) == ("o-000003", "filled", 1)
    assert told["venue_id"] == "0x" + "3" * 64
    lines = sound(run("orders", told["venue_id"])).stdout.splitlines()
    assert lines[0].split() == ["order", "o-000003"]
    nobody = run("orders", "o-9\x1b[2J")
    assert nobody.exit_code == 2
    assert "no order o-9\\x1b[2J" in nobody.output


def test_positions_list_what_is_held(tmp_path):
    stored(tmp_path)
    told = json.loads(sound(run("positions", "--json")).stdout)
    assert told == {
        "cash_usd": 491.0,
        "set_aside_usd": 0.0,
        "positions": [{"market": MARKET, "token": "123", "shares": 20.0}],
        "set_aside_shares": {},
    }
    lines = sound(run("positions")).stdout.splitlines()
    assert lines[0] == "cash 491.000000 USD, set aside 0.000000 USD"
    assert lines[2].split() == [MARKET, "123", "20.000000"]


def test_status_shows_all_of_it_beside_an_engine(tmp_path):
    folder = stored(tmp_path)
    with folder.lock():
        told = json.loads(sound(run("status", "--json")).stdout)
        assert told["engine"]["pid"] > 0
        assert told["killed"] is None
        assert (told["store"]["open_orders"], told["store"]["unknown_orders"]) == (2, 1)
        assert told["store"]["cash_usd"] == 491.0
        beside = sound(run("status")).stdout
        assert "2 open orders, " in beside
        assert "WAS CUT OFF" not in beside
    folder.kill("enough", "me")
    text = sound(run("status")).stdout
    assert "2 open orders WHEN THE RUN ENDED (the next one asks the venue), " in text
    assert "1 OF UNKNOWN FATE" in text
    assert "YES, " in text
    assert "by me: enough" in text


def test_an_account_without_a_store_is_said_and_a_broken_one_too(tmp_path):
    folder = AccountFolder(tmp_path / "state", "live", ADDRESS)
    folder.make()
    assert "none yet" in sound(run("status")).stdout
    for verb in ("orders", "positions"):
        assert "there is no account store" in sound(run(verb), code=1).stderr
    folder.store_path.write_bytes(b"no database at all" * 100)
    for verb in ("orders", "positions", "status"):
        done = sound(run(verb), code=1)
        assert len(done.stderr.splitlines()) == 1


# --- the last net ----------------------------------------------------------------------


def test_an_error_after_the_key_was_loaded_is_struck_through():
    """Also a bug's traceback: as a process, with a message nobody thought of."""
    code = (
        "import os, sys\nfrom polyframe import cli\nfrom polyframe.cli.credentials import load\n"
        "from polyframe.errors import VenueError\n"
        "credentials = load()\n"
        "cli.report_error(VenueError('no: ' + credentials.key_hex.reveal()))\n"
        "raise ValueError(['0x' + credentials.key_hex.reveal().upper()])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        env={**CREDENTIALS, "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 1
    assert leaks(done.stdout + done.stderr, KEY) == []
    assert "polyframe: error: no: ***" in done.stderr
    assert "ValueError: ['0x***']" in done.stderr
    assert cli.redact("nothing loaded here") == "nothing loaded here"


@pytest.mark.parametrize("verb", ["doctor", "cancel-all", "kill"])
def test_none_of_them_needs_the_official_client(verb, tmp_path):
    """What must work while it hangs, or is not installed as it should be, does not import it."""
    code = (
        "import sys\nfrom polyframe.cli import main\n"
        f"try:\n    main([{verb!r}, '--venue', {NOWHERE!r}])\nexcept SystemExit:\n    pass\n"
        "print('loaded', [name for name in sys.modules if name.split('.')[0] == 'polymarket'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**CREDENTIALS, "PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "loaded []", done.stdout + done.stderr


def test_a_cancel_all_without_a_network_says_that_nothing_was_cancelled(monkeypatch):
    monkeypatch.setenv("POLY_PRIVATE_KEY", OTHER_KEY)
    monkeypatch.setattr(cli, "redact", cli.redact)  # a key that is loaded replaces both
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(cancelling, "_AGAIN_S", 0.0)
    told = CliRunner().invoke(main, ["cancel-all", "--venue", "http://127.0.0.1:9"])
    assert told.exit_code == 5
    assert len(told.stderr.splitlines()) == 1
    assert "NOTHING WAS CANCELLED, and what rests is not known" in told.stderr
