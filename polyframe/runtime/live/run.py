"""One run with real orders: an opened account, a desk, and the shell that every run has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyframe import __version__
from polyframe.model import FeeSchedule
from polyframe.runtime.live.account_folder import source_of
from polyframe.runtime.live.desk import LiveDesk
from polyframe.runtime.live.opening import open_account
from polyframe.runtime.run_state import RunState
from polyframe.runtime.shell import Shell
from polyframe.runtime.status import StatusSink
from polyframe.runtime.venues import Venue
from polyframe.strategy import Strategy

if TYPE_CHECKING:
    from polyframe.secrets.credentials import Credentials


async def trade_for_real(
    strategy: Strategy,
    classes: Mapping[str, type],
    plugin_versions: Mapping[str, str],
    venue: Venue,
    run_folder: Path,
    reports_folder: Path,
    status: StatusSink,
    credentials: Credentials,
    state_folder: Path,
    for_s: float | None,
) -> dict[str, Any]:
    """Trade for real until stopped, and return the summary of the run.

    Args:
        strategy: the production profile, armed.
        classes: its plugins.
        plugin_versions: ``distribution==version`` by plugin name.
        venue: the open venue.
        run_folder: the run's own directory.
        reports_folder: where daily reports go.
        status: where status and log lines go.
        credentials: who trades.
        state_folder: where accounts are kept.
        for_s: stop after this much wall time; None runs on.

    Raises:
        PolyframeError: the account cannot be traded with; one line says why.
    """
    shell: Shell | None = None
    # An embedded exchange lives as long as the run: what was held there is held nowhere after.
    is_passing = venue.source == "embedded"
    source = "embedded" if is_passing else source_of(venue.urls)

    def fees(market_id: str) -> FeeSchedule | None:
        market = None if shell is None else shell.machine.engine.markets.find(market_id)
        return None if market is None else market.spec.fees

    status.line(
        "polyframe",
        {"mode": "production" if source == "live" else "rehearsal", "source": venue.source,
         "why": venue.why, "speed": venue.speed, "profile": strategy.profile,
         "strategy": strategy.path, "config": strategy.config_hash[:12], "run": run_folder.name,
         "signer": credentials.signer, "key_from": credentials.origin},
    )  # fmt: skip
    async with open_account(
        credentials,
        strategy.settings,
        venue.urls,
        source=source,
        state_folder=run_folder if is_passing else state_folder,
        run_id=run_folder.name,
        clock=venue.clock,
        speed=venue.speed,
        fees=fees,
        line=status.line,
    ) as account:
        before = None
        if account.account is not None:
            before = RunState(
                source=venue.source,
                is_whole=True,
                account=account.account,
                plugins=dict(account.documents),
            )
        account.store.begin_run(run_folder.name, venue.clock(), strategy.config_hash, __version__)
        how_ended = "failed"
        shell = Shell(
            strategy, classes, plugin_versions, venue, run_folder, reports_folder, status, before,
            LiveDesk(account, status.line),
        )  # fmt: skip
        try:
            result = await shell.run(for_s)
            how_ended = shell.stop_reason
        finally:
            account.store.end_run(run_folder.name, venue.clock(), how_ended)
    return result
