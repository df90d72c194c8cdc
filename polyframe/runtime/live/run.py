"""One run with real orders: an opened account, a desk, and the shell that every run has."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polyframe import __version__
from polyframe.errors import PolyframeError
from polyframe.model import FeeSchedule
from polyframe.runtime.assemble import Machine
from polyframe.runtime.live.account_folder import source_of
from polyframe.runtime.live.desk import LiveDesk
from polyframe.runtime.live.opening import open_account
from polyframe.runtime.run_state import RunState
from polyframe.runtime.shell import Shell
from polyframe.runtime.status import LiveStatus, StatusSink
from polyframe.runtime.tape import Head
from polyframe.runtime.venues import Venue
from polyframe.strategy import Strategy

if TYPE_CHECKING:
    from polyframe.secrets.credentials import Credentials


NOT_PROVED = (
    "THE BOOK IS NOT PROVED EMPTY: run 'polyframe cancel-all', then look at the account; the venue "
    "itself cancels ten seconds after the last heartbeat"
)


def _tell_stderr(text: str) -> None:
    with suppress(OSError, ValueError, AttributeError):  # nobody may be there to read it
        sys.stderr.write(f"polyframe: {text}\n")


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
    loud: Callable[[str], None] = _tell_stderr,
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
        loud: told, besides the log, when a run fails and nothing proves that its book is empty.

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
        status = Unbreakable(status)
        account.store.begin_run(run_folder.name, venue.clock(), strategy.config_hash, __version__)
        how_ended = "failed"
        shell = Shell(
            strategy, classes, plugin_versions, venue, run_folder, reports_folder, status, before,
            LiveDesk(account, status.line),
        )  # fmt: skip
        try:
            result = await shell.run(for_s)
            how_ended = shell.stop_reason
        except BaseException:
            if shell.desk is not None and shell.desk.is_left_unproved:
                loud(NOT_PROVED)
            raise
        finally:
            try:
                account.store.end_run(run_folder.name, venue.clock(), how_ended)
            except PolyframeError as error:
                # The next run finds a run without an end, as after a crash.
                status.line("Run's end not stored", {"reason": str(error)})
    return result


class Unbreakable:
    """Log and status that cost nobody the run: a closed terminal or a full disk loses lines."""

    def __init__(self, sink: StatusSink) -> None:
        self._sink = sink
        self.lost = 0

    @property
    def period_s(self) -> float:
        """Wall seconds between two status outputs."""
        return self._sink.period_s

    def line(self, message: str, fields: Mapping[str, object]) -> None:
        """Write one log line, if it can be written."""
        try:
            self._sink.line(message, fields)
        except OSError:
            self.lost += 1

    def show(
        self, machine: Machine, venue: Venue, head: Head, live: LiveStatus | None = None
    ) -> None:
        """Show where the run stands, if it can be shown."""
        try:
            self._sink.show(machine, venue, head, live)
        except OSError:
            self.lost += 1
