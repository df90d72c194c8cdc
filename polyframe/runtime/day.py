"""One UTC day of a run as JSON-ready facts: what was added between its two midnights.

Money is cut exactly at midnight by the ledger. Counters are cut with the first batch of the new
day, so that nothing is lost and nothing counts twice: the days of a run add up to the run.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from polyframe.money import maker_rebate_e12
from polyframe.runtime.attribution import FillParts
from polyframe.runtime.engine import Engine
from polyframe.runtime.facts import attribution, counters, sweep_facts, usd6
from polyframe.runtime.fill_profiles import FillProfiles
from polyframe.runtime.profile_evidence import ProfileEvidence

DAY_NS = 86_400_000_000_000
_EPOCH_DAY = dt.date(1970, 1, 1)


def day_text(day: int) -> str:
    """Return days since 1970 as YYYY-MM-DD."""
    return (_EPOCH_DAY + dt.timedelta(days=day)).isoformat()


class DayRecord:
    """What is kept of a run so that each of its days can be told apart.

    Args:
        engine: the engine.
        venue: what answered its orders.
        codes: every veto code the plugins may cast.
        started_ns: when the run began.
        live: what was counted on the way of real orders, None on paper.
    """

    def __init__(
        self,
        engine: Engine,
        venue: FillProfiles,
        codes: tuple[str, ...],
        started_ns: int,
        live: Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        self._engine = engine
        self._codes = codes
        self._started_ns = started_ns
        self._live = live
        self._before: dict[str, Any] = {}
        self._up: dict[int, int] = {}
        self._seen: dict[int, int] = {}
        self._evidence = ProfileEvidence(
            venue,
            engine.portfolio,
            engine.markets,
            round(engine.settings.capital.adverse_horizon_s * 1e9),
        )

    def look(self, sockets: Iterable[tuple[int, bool]]) -> None:
        """Take a look, at every tick: fills and mids, and which sockets are up.

        Args:
            sockets: number and whether it is subscribed, of each socket there is.
        """
        self._evidence.observe(self._engine.moment.now_ns)
        for shard, is_up in sockets:
            self._seen[shard] = self._seen.get(shard, 0) + 1
            self._up[shard] = self._up.get(shard, 0) + is_up

    def facts(self, day: int, now_ns: int) -> dict[str, Any]:
        """Return the facts of a day: the current one so far, or the one that has just ended."""
        self._evidence.observe(self._engine.moment.now_ns)
        engine = self._engine
        start_ns, end_ns = max(day * DAY_NS, self._started_ns), min((day + 1) * DAY_NS, now_ns)
        found: dict[str, Any] = {
            "day": day_text(day),
            "start_ns": start_ns,
            "end_ns": end_ns,
            "is_whole": end_ns - start_ns == DAY_NS,
            **difference(self._counters(), self._before),
            "cancel_alls": [
                sweep_facts(sweep) for sweep in engine.safety.sweeps if sweep.ts_ns // DAY_NS == day
            ],
            "profiles": self._evidence.day(),
            "sockets": [
                {"shard": shard, "looks": looks, "up_share": round(self._up[shard] / looks, 6)}
                for shard, looks in sorted(self._seen.items())
            ],
        }
        parts = engine.portfolio.day_parts(day)
        if parts is None:
            return found
        earlier = [own for own in parts.settled if own.traded_day != day]
        found |= {
            "start_equity_usd": usd6(parts.start_equity_e12),
            "end_equity_usd": usd6(parts.end_equity_e12),
            "cash_moved_usd": usd6(parts.moved_e12),
            "attribution": attribution(
                parts.parts,
                parts.end_equity_e12 - parts.start_equity_e12,
                engine.settings.capital.adverse_horizon_s,
            ),
            "fills": [
                self._fill(own, own.traded_day == day, own.settled_day == day)
                for own in (*earlier, *parts.traded)
            ],
        }
        return found

    def start_day(self) -> None:
        """The day is reported: counters begin anew."""
        self._before = self._counters()
        self._seen.clear()
        self._up.clear()
        self._evidence.start_day()

    def _counters(self) -> dict[str, Any]:
        found = counters(self._engine, self._codes)
        return found if self._live is None else {**found, "live": self._live()}

    def _fill(self, own: FillParts, is_traded: bool, is_settled: bool) -> dict[str, Any]:
        fill = own.fill
        market = self._engine.markets.find(fill.market_id)
        rebate_e12 = 0
        if market is not None and fill.is_maker:
            fees = market.spec.fees
            rebate_e12 = maker_rebate_e12(
                fill.price_e4, fill.size_e6, fees.rate, fees.exponent, fees.rebate_share
            )
        return {
            "ts_ns": fill.ts_ns,
            "trade_id": fill.trade_id,
            "order_id": fill.order_id,
            "decision_id": fill.decision_id,
            "market_id": fill.market_id,
            "cluster_id": fill.market_id if market is None else market.cluster_id,
            "component": fill.component,
            "is_maker": fill.is_maker,
            "is_reversal": fill.is_reversal,
            "is_reversed": own.is_reversed,
            "token": "YES" if fill.is_yes else "NO",
            "side": "BUY" if fill.is_buy else "SELL",
            "price": fill.price_e4 / 1e4,
            "shares": fill.size_e6 / 1e6,
            "has_mid_before": fill.mid_before_e6 is not None,
            "mid_before": own.mid_before_e6 / 1e6,
            "spread_usd": own.spread_e12 / 1e12,
            "adverse_usd": (
                own.adverse_e12 / 1e12 if is_settled and own.adverse_e12 is not None else None
            ),
            "fee_usd": -fill.fee_e12 / 1e12,
            "rebate_accrued_usd": (-1 if fill.is_reversal else 1) * rebate_e12 / 1e12,
            "is_traded": is_traded,
            "is_settled": is_settled,
        }


def difference(later: Mapping[str, Any], earlier: Mapping[str, Any]) -> dict[str, Any]:
    """Return what counters gained since an earlier state of the same counters."""
    gained: dict[str, Any] = {}
    for name, value in later.items():
        before = earlier.get(name)
        if isinstance(value, Mapping):
            gained[name] = difference(value, before if isinstance(before, Mapping) else {})
        elif isinstance(value, int) and not isinstance(value, bool):
            gained[name] = value - (before or 0)
        else:
            gained[name] = value
    return gained
