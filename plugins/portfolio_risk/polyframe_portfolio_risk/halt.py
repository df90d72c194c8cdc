"""When the account has lost enough to stop, and how the operator lets it go on.

The latch is a small state machine on one JSON document (the plugin's store):

``halted``    the halt in force: its number, code, observed and limit in USD, and when
``halts``     the number of the last halt
``baseline``  after a resume: the equity from which losses are measured again
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from polyframe import PortfolioView, Reading, Veto
from polyframe.money import usd
from polyframe_portfolio_risk.config import Config

DAILY_LOSS = "portfolio_risk.daily_loss"
DRAWDOWN = "portfolio_risk.drawdown"

_DAY_NS = 86_400_000_000_000


class Breach(NamedTuple):
    """A loss above its limit, both in USD."""

    code: str
    observed_usd: float
    limit_usd: float


def breach(equity_e12: int, day_start_e12: int, peak_e12: int, config: Config) -> Breach | None:
    """Return the loss limit that is broken, the day's first, or None."""
    for code, from_e12, share in (
        (DAILY_LOSS, day_start_e12, config.daily_loss_share),
        (DRAWDOWN, peak_e12, config.drawdown_share),
    ):
        lost_e12, limit_usd = from_e12 - equity_e12, usd(max(from_e12, 0)) * share
        if lost_e12 > 0 and usd(lost_e12) > limit_usd:
            return Breach(code, usd(lost_e12), limit_usd)
    return None


class Latch:
    """Halts once and stays halted until the operator names the halt in the strategy file.

    Args:
        store: the plugin's JSON document; changed in place.
        log: called with a line's name and fields when a halt begins or ends.
    """

    def __init__(self, config: Config, store: dict[str, Any], log: Callable[..., None]) -> None:
        self._config = config
        self._store = store
        self._log = log

    def check(self, portfolio: PortfolioView, now_ns: int) -> Veto | None:
        """Return the veto of a halt that begins now or is in force, else None."""
        halted = self._store.get("halted")
        if halted is not None and halted["number"] == self._config.resume_after_halt:
            self._resume(portfolio, now_ns)
            halted = None
        if halted is None:
            found = self._breach(portfolio, now_ns)
            if found is None:
                return None
            halted = self._halt(found, now_ns)
        return Veto(halted["code"], None, halted["observed_usd"], halted["limit_usd"])

    @property
    def halted(self) -> dict[str, Any] | None:
        """The halt in force."""
        record: dict[str, Any] | None = self._store.get("halted")
        return record

    def readings(self, portfolio: PortfolioView, now_ns: int) -> list[Reading]:
        """Return what the day and the way from the peak have cost, in USD, with their limits."""
        day_start_e12, peak_e12 = self._measured_from(portfolio, now_ns)
        return [
            Reading(name, usd(from_e12 - portfolio.equity_e12), usd(max(from_e12, 0)) * share)
            for name, from_e12, share in (
                ("daily_loss_usd", day_start_e12, self._config.daily_loss_share),
                ("drawdown_usd", peak_e12, self._config.drawdown_share),
            )
        ]

    def _breach(self, portfolio: PortfolioView, now_ns: int) -> Breach | None:
        day_start_e12, peak_e12 = self._measured_from(portfolio, now_ns)
        if "baseline" in self._store:
            self._store["baseline"]["peak_e12"] = peak_e12
        return breach(portfolio.equity_e12, day_start_e12, peak_e12, self._config)

    def _measured_from(self, portfolio: PortfolioView, now_ns: int) -> tuple[int, int]:
        """Return the equity of the day's start and the peak that losses are measured from.

        A resume would be void if the old peak still counted: the account halts again on the
        spot. Losses are measured from what the operator accepted.
        """
        baseline = self._store.get("baseline")
        if baseline is None:
            return portfolio.day_start_equity_e12, portfolio.peak_equity_e12
        is_today = baseline["day"] == now_ns // _DAY_NS
        return (
            baseline["day_start_e12"] if is_today else portfolio.day_start_equity_e12,
            max(baseline["peak_e12"], portfolio.equity_e12),
        )

    def _halt(self, found: Breach, now_ns: int) -> dict[str, Any]:
        # Never the number already named in the file: a left-over resume must not let the next
        # halt pass.
        number = max(self._store.get("halts", 0), self._config.resume_after_halt) + 1
        record = {"number": number, "ts_ns": now_ns, **found._asdict()}
        self._store["halts"] = number
        self._store["halted"] = record
        self._log(
            "RISK_HALT",
            code=found.code,
            observed_usd=round(found.observed_usd, 6),
            limit_usd=round(found.limit_usd, 6),
            resume_with=f"resume_after_halt: {number}",
        )
        return record

    def _resume(self, portfolio: PortfolioView, now_ns: int) -> None:
        equity_e12 = portfolio.equity_e12
        number = self._store.pop("halted")["number"]
        self._store["baseline"] = {
            "after_halt": number,
            "day": now_ns // _DAY_NS,
            "day_start_e12": equity_e12,
            "peak_e12": equity_e12,
        }
        self._log("RISK_RESUMED", after_halt=number, equity_usd=round(usd(equity_e12), 6))
