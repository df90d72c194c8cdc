"""The rehearsal: the production profile as a process of its own against an exchange in this one.

Real sockets, real signatures, a throwaway key. The process is armed, started, stopped by SIGTERM
or killed as an operator or a power cut would; what it wrote is compared with the exchange's books
(:mod:`rehearsal_books`), and every moment is held to the caps (:mod:`rehearsal_watch`).
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Sequence
from math import inf
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from polyframe.exchange.faults.script import read_script
from polyframe.exchange.faults.venue_kinds import Resolve
from polyframe.exchange.server import EmbeddedExchange
from polyframe.exchange.simulation.profiles import ProfileName
from polyframe.exchange.simulation.source import SimulatedSource
from polyframe.exchange.trading.desk import OrderDesk
from polyframe.exchange.trading.terms import PrivateTerms
from polyframe.polymarket.keys import PrivateKey
from polyframe.runtime.live.account_folder import accounts_in
from polyframe.runtime.live.store_file import open_to_read
from rehearsal_watch import Watch

SEED = 7
_LOOK_S = 0.05
# What a slow machine may take for one step before the test gives up.
PATIENCE_S = 400.0
# A venue that stalls would leave the engine's clock ahead: here the market arrives late instead.
_LEAD_NS = 3600 * 10**9

STRATEGY = """\
name: churn
seed: 7
capital: {bankroll_usd: 5000, merge_above_usd: 5}
feed: {first_book_s: 5}
cycle: {cycle_s: 20, max_active: 60, max_per_cluster: 20}
universe: {max_markets: 60}
limits:
  max_order_usd: 60
  max_market_usd: 70
  max_total_usd: 2600
  max_open_orders: 90
  max_daily_loss_usd: 2500
quoting:
  {min_interval_s: 0.5, drift_ticks: 0, size_drift: 0.05, order_life_s: 300, renew_before_s: RENEW,
   mutations_per_pass: 60, mutations_per_min: 3000}
tracing: {unchanged_share: 0.02}
production: {reconcile_s: 60, order_rate_per_s: 20, order_burst: 30, max_rejects_per_min: 60}
plugins:
  qs: {QS}
  rrs: {}
  markout: {}
  portfolio_risk: {}
  maker: {half_width: 0.002, outside: 0, chase_ticks_per_min: 20, base_usd: 30}
  truth_report: {}
profiles:
  paper: {feed: {max_book_age_s: 120}, venue: {fallback: embedded}}
  production: {feed: {max_book_age_s: 5}, venue: {fallback: none}}
"""
TRADING = ""
WATCHING = "min_liquidity_usd: 1.0e+9"
"""No market is deep enough: the engine hears, reads and compares, and places nothing."""


class Run:
    """One process of the engine."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self.log = log

    @property
    def is_running(self) -> bool:
        return self.process.returncode is None

    async def stop(self) -> None:
        """Stop it in order, and see that it says so."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            await self.process.wait()
        assert self.process.returncode == 0, self.tail()

    async def kill(self) -> None:
        """End it as a power cut does."""
        self.process.kill()
        await self.process.wait()

    def text(self) -> str:
        """Return all of its output so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def count(self, words: str) -> int:
        """Return how often these words are in its output."""
        return self.text().count(words)

    def tail(self, lines: int = 25) -> str:
        text = self.text()
        return "\n".join(one[:300] for one in text.splitlines()[-lines:])


class Rehearsal:
    """An exchange, a throwaway account, and the runs that trade for it; use it as ``async with``.

    Args:
        folder: of this rehearsal alone.
        speed: market seconds a wall second.
        profile: what the markets are like.
        activity: pace of the crowd.
        renew_s: every quote is replaced after this long, market seconds, moved or not.
    """

    def __init__(
        self,
        folder: Path,
        *,
        speed: float = 5.0,
        profile: ProfileName = "busy",
        activity: float = 1.0,
        renew_s: int = 12,
    ) -> None:
        self.folder = folder
        self.speed = speed
        source = SimulatedSource(SEED, 60, activity, time.time_ns(), 0.0, profile)
        self.exchange = EmbeddedExchange(
            source, speed=speed, accounts=PrivateTerms(seed=SEED), fault_seed=SEED
        )
        self.exchange.clock._lead_ns = _LEAD_NS
        self._renew_s = renew_s
        self.key = secrets.token_hex(32)
        self.address = PrivateKey.from_hex(self.key).address
        self.watch = Watch(self.desk, self.address)
        self.runs: list[Run] = []
        self._arms: dict[str, str] = {}

    @property
    def desk(self) -> OrderDesk:
        assert self.exchange.private is not None
        return self.exchange.private.desk

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in ("trading", "watching"):
            await self._arm(name)
        await self.exchange.__aenter__()
        self.exchange.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for run in self.runs:
            if run.is_running:
                await run.kill()
        await self.exchange.__aexit__(kind, error, traceback)

    # --- the account's places --------------------------------------------------------------

    @property
    def secrets(self) -> list[str]:
        """What nothing that is written may hold."""
        assert self.exchange.private is not None
        made = self.exchange.private.keys.credentials(self.address, 0)
        return [self.key, made.secret, made.passphrase]

    @property
    def store_path(self) -> Path:
        ((source, address),) = accounts_in(self.folder / "state")
        return self.folder / "state" / f"{source}-{address}" / "account.sqlite"

    def run_folders(self) -> list[Path]:
        """Every run's folder, oldest first."""
        return sorted(one.parent for one in (self.folder / "runs").glob("*/manifest.json"))

    # --- runs ------------------------------------------------------------------------------

    def _environ(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return kept | {
            "POLY_PRIVATE_KEY": self.key,
            "TRADING_ADDRESS": self.address,
            "NO_PROXY": "127.0.0.1",
            "TMPDIR": str(self.folder),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    async def _arm(self, name: str) -> None:
        qs = TRADING if name == "trading" else WATCHING
        file = self.folder / f"{name}.yaml"
        text = STRATEGY.replace("QS", qs).replace("RENEW", str(300 - self._renew_s))
        file.write_text(text, encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "polyframe", "check", str(file), "--diff", "paper", "production",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=self.folder,
            env={name: value for name, value in self._environ().items() if "POLY" not in name},
        )  # fmt: skip
        told, _ = await process.communicate()
        last = told.decode().splitlines()[-1].split()
        assert process.returncode == 0, told.decode()
        assert last[0] == "arm:", told.decode()
        self._arms[name] = last[1]

    async def start(self, name: str = "trading") -> Run:
        """Start the production profile in a process of its own."""
        log = self.folder / f"out-{len(self.runs):03d}.txt"
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "polyframe", "run", f"{name}.yaml",
                "--profile", "production", "--venue", self.exchange.urls.clob_url,
                "--speed", f"{self.speed:g}", "--arm", self._arms[name], "--plain",
                "--state", "state", "--runs", "runs", "--reports", "reports",
                stdout=out, stderr=asyncio.subprocess.STDOUT, stdin=asyncio.subprocess.DEVNULL,
                cwd=self.folder, env=self._environ(),
            )  # fmt: skip
        run = Run(process, log)
        self.runs.append(run)
        return run

    async def until(
        self, is_so: Callable[[], bool], run: Run | None = None, within_s: float = PATIENCE_S
    ) -> None:
        """Wait for something to be so, while a run goes on.

        Raises:
            AssertionError: it was not so in time, or the run has ended.
        """
        due_s = time.monotonic() + within_s
        while not is_so():
            assert time.monotonic() < due_s, run.tail() if run else "in vain"
            assert run is None or run.is_running, (
                f"ended with {run.process.returncode}:\n{run.tail()}"
            )
            await asyncio.sleep(_LOOK_S)

    async def market_s(self, seconds: float, run: Run | None = None) -> None:
        """Let market time pass."""
        due_ns = self.exchange.clock() + round(seconds * 1e9)
        await self.until(lambda: self.exchange.clock() >= due_ns, run)

    @property
    def orders(self) -> int:
        """How many orders the exchange has taken."""
        return self.desk.registry.taken

    def strike(self, script: Path, from_s: float, to_s: float) -> float:
        """Let an act of a script begin now; return how long it lasts, market seconds.

        An act is what begins within a span of the script's time: when one begins can then
        depend on how the one before it ended.
        """
        act = [one for one in read_script(script).faults if from_s <= one.at_s < to_s]
        self.exchange.injection.add(
            [replace(one, at_s=one.at_s - from_s) for one in act], from_now=True
        )
        ends_s = [
            one.at_s + getattr(one, "restart_s", 0.0) + getattr(one, "post_only_s", 0.0)
            for one in act
        ]
        return max(to_s if to_s < inf else 0.0, *ends_s) - from_s

    def resolve_held(self, most: int) -> list[str]:
        """Let markets resolve in favour of what the account holds; return which."""
        sides = {
            market_id: held.yes_e6 > held.no_e6
            for market_id, held in self.watch.positions().items()
            if held.yes_e6 != held.no_e6
        }
        chosen = dict([*sides.items()][:most])
        faults = [
            Resolve(market=market_id, yes_pays=1.0 if is_yes else 0.0)
            for market_id, is_yes in chosen.items()
        ]
        self.exchange.injection.add(faults, from_now=True)
        return [*chosen]

    def is_settled(self) -> bool:
        """Whether every trade has come to its end."""
        trades = self.desk.settlement.trades.values()
        return all(trade.status in ("CONFIRMED", "FAILED") for trade in trades)

    async def close_books(self) -> None:
        """Let a run that places nothing hear how everything ended, then compare once more."""
        run = await self.start("watching")
        await self.until(lambda: run.count("Reconciled ") > 0, run)
        await self.until(self.is_settled, run)
        await self.until(self._has_heard_all, run)
        # What the venue redeemed is booked when two comparisons show it.
        looks = run.count("Reconciled ") + (2 if self.desk.custody.payouts_e6 else 1)
        await self.until(lambda: run.count("Reconciled ") >= looks, run)
        await run.stop()

    def _has_heard_all(self) -> bool:
        """Whether the store knows the end of every order and of every settlement."""
        connection = open_to_read(self.store_path)
        try:
            states = connection.execute("SELECT DISTINCT state FROM orders").fetchall()
            words = connection.execute("SELECT DISTINCT status FROM fills").fetchall()
            fills = connection.execute("SELECT COUNT(*) FROM fills").fetchone()[0]
            chores = connection.execute("SELECT DISTINCT state FROM conversions").fetchall()
        finally:
            connection.close()
        return (
            {state for (state,) in states} <= {"filled", "cancelled", "rejected"}
            and {word for (word,) in words} <= {"CONFIRMED", "FAILED"}
            and {state for (state,) in chores} <= {"done", "failed"}
            and fills >= self.watch.fills
        )

    def written(self) -> Sequence[Path]:
        """Every file of this rehearsal."""
        return sorted(one for one in self.folder.rglob("*") if one.is_file())
