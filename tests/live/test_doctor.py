"""``polyframe doctor``: one cause is one failing line with what to do; nothing secret is told."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import tempfile
import time
from pathlib import Path

import pytest

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
from polyframe.doctor import machine
from polyframe.doctor.reach import Reach, clock
from polyframe.exchange.faults.rest_kinds import ServerError
from polyframe.exchange.faults.settlement_kinds import AllowanceRevoked
from polyframe.exchange.public import rest_clob
from polyframe.polymarket.contracts import NEG_RISK_EXCHANGE
from polyframe.polymarket.hosts import loopback_urls
from polyframe.polymarket.wallets import deposit_wallets
from polyframe.runtime.live.account_folder import AccountFolder, source_of
from polyframe.runtime.live.store import LedgerStore
from written_limits import WRITTEN_LIMITS

pytestmark = pytest.mark.anyio
NAMES = [
    "python", "packages", "plugins", "disk", "network", "clock", "geoblock", "credentials",
    "wallet", "relayer", "balance", "allowances", "closed_only", "rate_tier", "store",
    "kill_switch", "engine",
]  # fmt: skip
MAKER = Path(__file__).parents[2] / "strategies" / "maker.yaml"


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def read(done):
    """Return the findings by name, and hold the output to its promises."""
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert done.stderr == ""
    assert leaks(done.output, KEY) == []
    findings = {}
    for line in done.stdout.splitlines():
        result, name, told = re.fullmatch(r"(pass|warn|fail)  (\w+) +  ?(.*)", line).groups()
        findings[name] = (result, *told.partition("  -> ")[::2])
    assert done.exit_code == int(any(one[0] == "fail" for one in findings.values()))
    return findings


def only_failure(done):
    findings = read(done)
    [(name, (_, found, fix))] = [item for item in findings.items() if item[1][0] == "fail"]
    assert fix, "a failing line says what to do"
    return name, found, fix, findings


async def test_a_sound_account_passes_every_check():
    async with open_venue() as exchange:
        done = await run_beside("doctor", "--venue", url_of(exchange))
    findings = read(done)
    assert list(findings) == NAMES
    assert {one[0] for one in findings.values()} == {"pass"}, done.stdout
    assert "polymarket-client 0.14.0" in findings["packages"][1]
    assert findings["wallet"][1] == f"{ADDRESS}, EOA"
    assert findings["balance"][1] == "10000.00 USD, a bankroll of 5000"
    assert findings["rate_tier"][1] == "Standard: 40 orders/s, 80 cancels/s"
    assert "user socket" in findings["network"][1]
    assert findings["credentials"][1] == "the environment, API key derived, taken by the venue"


async def test_it_says_the_same_in_json_and_with_given_credentials():
    async with open_venue() as exchange:
        given = {**CREDENTIALS, **api_of(exchange)}
        done = await run_beside("doctor", "--json", "--venue", url_of(exchange), environ=given)
        told = json.loads(done.stdout)
        secret = given["POLY_API_SECRET"]
    assert told["ok"] is True
    assert [check["name"] for check in told["checks"]] == NAMES
    assert {tuple(check) for check in told["checks"]} == {("result", "name", "found", "fix")}
    assert leaks(done.output, secret) == []


# --- one cause, one failing line ------------------------------------------------------------


def test_offline_is_one_line_and_quick():
    started = time.monotonic()
    name, found, fix, findings = only_failure(run("doctor", "--venue", NOWHERE))
    assert time.monotonic() - started < 30
    assert name == "network"
    assert "nothing of the venue answers" in found
    assert "check the connection" in fix
    assert findings["clock"] == ("warn", "not known: the CLOB does not answer", "")
    assert findings["credentials"][1].startswith("the environment, not verified")
    assert list(findings) == NAMES


async def test_a_wrong_key_is_one_line():
    async with open_venue() as exchange:
        other = {**CREDENTIALS, **api_of(exchange), "POLY_PRIVATE_KEY": "11" * 32}
        del other["TRADING_ADDRESS"]
        other["POLY_SIGNATURE_TYPE"] = "0"
        for environ in (other, {**CREDENTIALS, **api_of(exchange), "POLY_API_SECRET": "AAAA" * 11}):
            done = await run_beside("doctor", "--venue", url_of(exchange), environ=environ)
            name, found, fix, findings = only_failure(done)
            assert (name, "refused by the venue (401)" in found) == ("credentials", True)
            assert "POLY_API_SECRET" in fix
            assert findings["balance"][1] == "not known: the credentials are not verified"


async def test_a_closed_only_account_is_one_line():
    async with open_venue() as exchange:
        exchange.private.desk.closed_only[ADDRESS.lower()] = None
        done = await run_beside("doctor", "--venue", url_of(exchange))
    name, found, fix, _ = only_failure(done)
    assert name == "closed_only"
    assert "may only reduce" in found
    assert "support" in fix


@pytest.mark.parametrize("ahead_s", [-90.0, 90.0])
async def test_skewed_time_is_one_line_and_everything_else_is_known(ahead_s):
    """The exchange refuses what is signed at our time; the doctor signs at the exchange's."""
    async with open_venue(ahead_s=ahead_s, max_skew_s=10) as exchange:
        done = await run_beside("doctor", "--venue", url_of(exchange))
    name, found, fix, findings = only_failure(done)
    assert name == "clock"
    assert re.match(r"at least (8[89]|90)\.\d s (ahead of|behind) the venue's clock, at m", found)
    assert ("behind" in found) == (ahead_s > 0)
    assert "NTP" in fix
    assert {one[0] for key, one in findings.items() if key != "clock"} == {"pass"}


async def test_no_credentials_is_one_line():
    async with open_venue() as exchange:
        done = await run_beside("doctor", "--venue", url_of(exchange), environ={})
    name, found, fix, findings = only_failure(done)
    assert (name, found) == ("credentials", "no key to sign with")
    assert "POLY_KEYSTORE" in fix
    assert findings["balance"][0] == "warn"


async def test_loose_permissions_are_one_line_with_the_command(tmp_path):
    (tmp_path / ".env").write_text(f"POLY_PRIVATE_KEY={KEY}\n")
    (tmp_path / ".env").chmod(0o644)
    async with open_venue() as exchange:
        done = await run_beside("doctor", "--venue", url_of(exchange), environ={})
    name, found, fix, _ = only_failure(done)
    assert (name, fix) == ("credentials", f"run: chmod 600 {tmp_path / '.env'}")
    assert "mode 644" in found


async def test_a_poor_account_and_missing_allowances_are_lines_of_their_own():
    async with open_venue(funds_usd=99) as exchange:
        done = await run_beside("doctor", "--venue", url_of(exchange))
        name, found, *_ = only_failure(done)
        assert (name, found) == ("balance", "99.00 USD, a run wants 100 or more")
    async with open_venue(funds_usd=1000) as exchange:
        exchange.injection.add([AllowanceRevoked(spender=NEG_RISK_EXCHANGE)])
        exchange.injection.tick(exchange.clock())
        done = await run_beside("doctor", "--venue", url_of(exchange))
        name, found, _, findings = only_failure(done)
        assert name == "allowances"
        assert found == f"too small for negative risk ({NEG_RISK_EXCHANGE})"
        assert findings["balance"] == (
            "warn", "1000.00 USD, less than the bankroll of 5000",
            "deposit, or lower capital.bankroll_usd",
        )  # fmt: skip


async def test_a_blocked_place_is_one_line(monkeypatch):
    async def blocked(self, request):
        told = {"blocked": True, "ip": "203.0.113.42", "country": "US", "region": "NY"}
        return rest_clob.answer(told)

    monkeypatch.setattr(rest_clob._Clob, "geoblock", blocked)
    async with open_venue() as exchange:
        name, found, *_ = only_failure(await run_beside("doctor", "--venue", url_of(exchange)))
    assert (name, found) == ("geoblock", "US-NY is blocked")


async def test_a_host_that_fails_alone_is_named_alone():
    async with open_venue() as exchange:
        exchange.injection.add([ServerError(route="/data-api/*", status=500)])
        name, found, *_ = only_failure(await run_beside("doctor", "--venue", url_of(exchange)))
    assert name == "network"
    assert found.startswith("data: ")
    assert "answering: clob" in found


# --- doubts that fail nothing ---------------------------------------------------------------


async def test_no_api_key_yet_is_a_doubt_and_none_is_made():
    async with open_venue(has_api_key=False) as exchange:
        findings = read(await run_beside("doctor", "--venue", url_of(exchange)))
        assert exchange.private.keys.of_address(ADDRESS) == []
    assert findings["credentials"][0] == "warn"
    assert "no API key was ever made" in findings["credentials"][1]


async def test_an_unnamed_wallet_is_a_doubt():
    async with open_venue() as exchange:
        environ = {"POLY_PRIVATE_KEY": KEY, "POLY_RELAYER_KEY": "a relayer's"}
        done = await run_beside("doctor", "--venue", url_of(exchange), environ=environ)
    result, found, fix = read(done)["wallet"]
    assert result == "warn"
    assert all(one in found for one in deposit_wallets(ADDRESS))
    assert "TRADING_ADDRESS" in fix


# --- what the relayer is needed for -----------------------------------------------------------

DEPOSIT = {"POLY_PRIVATE_KEY": KEY, "TRADING_ADDRESS": deposit_wallets(ADDRESS)[0]}


async def test_chores_without_a_relayers_key_are_one_line():
    async with open_venue() as exchange:
        done = await run_beside("doctor", "--venue", url_of(exchange), environ=DEPOSIT)
        name, found, fix, _ = only_failure(done)
        assert name == "relayer"
        assert "POLY_RELAYER_KEY is not set" in found
        assert "capital.merge_above_usd" in found
        assert "production.redeem" in found
        assert "production.redeem: false" in fix
        secret = "a-relayers-key-of-ours"
        done = await run_beside(
            "doctor", "--venue", url_of(exchange), environ={**DEPOSIT, "POLY_RELAYER_KEY": secret}
        )
    assert read(done)["relayer"][0] == "pass"
    assert leaks(done.output, secret) == []


def test_a_file_without_chores_wants_no_relayers_key(tmp_path):
    text = MAKER.read_text()
    for before, after in (
        ("redeem: true", "redeem: false"), ("merge_above_usd: 20", "merge_above_usd: 20000")
    ):  # fmt: skip
        assert before in text
        text = text.replace(before, after)
    file = tmp_path / "no-chores.yaml"
    file.write_text(text)
    findings = read(run("doctor", str(file), "--venue", NOWHERE, environ=DEPOSIT))
    assert findings["relayer"][0] == "pass", findings
    assert read(run("doctor", "--venue", NOWHERE))["relayer"][1].startswith("not needed")


async def test_a_session_key_is_one_line():
    stranger = deposit_wallets("0x" + "12" * 20)[0]
    environ = {**DEPOSIT, "TRADING_ADDRESS": stranger, "POLY_SIGNATURE_TYPE": "3"}
    async with open_venue() as exchange:
        done = await run_beside("doctor", "--venue", url_of(exchange), environ=environ)
    name, found, fix, _ = only_failure(done)
    assert name == "credentials"
    assert "is no wallet of the key's address" in found
    assert "a session key cannot trade here" in fix


# --- the account's folder -------------------------------------------------------------------


async def test_store_switch_and_engine_are_looked_at(tmp_path):
    async with open_venue() as exchange:
        url = url_of(exchange)
        folder = AccountFolder(tmp_path / "state", source_of(loopback_urls(url)), ADDRESS)
        folder.make()
        LedgerStore(folder.store_path).close()
        findings = read(await run_beside("doctor", "--venue", url))
        assert "whole" in findings["store"][1]
        with folder.lock():
            findings = read(await run_beside("doctor", "--venue", url))
            assert findings["engine"][0] == "warn"
            assert f"process {os.getpid()} trades" in findings["engine"][1]
        folder.kill("a drill", "anna")
        name, found, fix, _ = only_failure(await run_beside("doctor", "--venue", url))
        assert name == "kill_switch"
        assert found.endswith("by anna: a drill")
        assert "polyframe resume" in fix
        folder.resume()
        store = LedgerStore(folder.store_path)
        store.begin_run("run", 1, "hash", "0")
        store.close()
        edited = sqlite3.connect(folder.store_path)
        edited.execute("UPDATE runs SET config_hash = 'another'")
        edited.commit()
        edited.close()
        name, found, *_ = only_failure(await run_beside("doctor", "--venue", url))
        assert (name, "a row of runs is damaged" in found) == ("store", True)
        folder.store_path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5_000)
        name, found, *_ = only_failure(await run_beside("doctor", "--venue", url))
        assert name == "store"


# --- the strategy file ------------------------------------------------------------------------


async def test_a_strategy_file_and_its_plugins_are_checked(tmp_path):
    path = tmp_path / "s.yaml"
    body = "plugins: {qs: {}}\nprofiles: {paper: {}, production: {}}\n" + WRITTEN_LIMITS
    async with open_venue() as exchange:
        path.write_text(body.replace("bankroll_usd: 5000", "bankroll_usd: 20000"))
        findings = read(await run_beside("doctor", str(path), "--venue", url_of(exchange)))
        assert findings["strategy"][0] == "pass"
        assert findings["plugins"][1] == "1 loaded, 0 pinned"
        assert findings["balance"][1] == "10000.00 USD, less than the bankroll of 20000"
        path.write_text(body.replace("max_order_usd: 100, ", ""))
        name, found, *_ = only_failure(
            await run_beside("doctor", str(path), "--venue", url_of(exchange))
        )
        assert name == "strategy"
        assert "limits.max_order_usd: must be written for production" in found
        path.write_text(body.replace("qs: {}", "ghost: {}"))
        name, found, *_ = only_failure(
            await run_beside("doctor", str(path), "--venue", url_of(exchange))
        )
        assert name == "plugins"
        assert "ghost" in found


async def test_paper_leaves_the_account_out():
    async with open_venue() as exchange:
        done = await run_beside(
            "doctor", "--profile", "paper", "--venue", url_of(exchange), environ={}
        )
    assert list(read(done)) == NAMES[:7]


def test_another_hosts_url_is_refused():
    done = run("doctor", "--venue", "https://example.com")
    assert (done.exit_code, "fixed in the code" in done.stderr) == (2, True)


# --- machine -----------------------------------------------------------------------------------


def test_the_official_clients_version_is_held_to_its_pin():
    assert machine.packages().result == "pass"
    found = machine.packages(
        ["polymarket-client==0.13.0", "no-such-thing>=1", "x==1 ; extra == 'y'"]
    )
    assert found.result == "fail"
    assert found.found == "no-such-thing is missing, polymarket-client 0.14.0 is not 0.13.0"


def test_a_full_disk_fails_and_a_fuller_one_warns(tmp_path, monkeypatch):
    for free, result in ((10**8, "fail"), (10**9, "warn"), (10**12, "pass")):
        monkeypatch.setattr(
            machine.shutil, "disk_usage", lambda path, free=free: type("U", (), {"free": free})
        )
        assert machine.disk([tmp_path / "not" / "yet"]).result == result


def test_a_clock_within_its_bound_passes():
    for ahead_s, result in (
        (0.0, "pass"),
        (0.9, "pass"),
        (-0.9, "pass"),
        (1.1, "fail"),
        (None, "warn"),
    ):
        assert clock(Reach(ahead_s=ahead_s), 1.0).result == result
