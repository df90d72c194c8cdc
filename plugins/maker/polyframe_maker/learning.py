"""Following own fills and books into :mod:`polyframe_maker.evidence`.

A plugin reads no other plugin, so the policy measures its own fills: the half-spread each one
earned, and what the market took back within two minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from polyframe import Fill, MarketView, PortfolioView
from polyframe_maker.evidence import Evidence, Holding, MidSampler
from polyframe_maker.logit import log_odds

_SECOND_NS = 1_000_000_000
IMPACT_HORIZON_NS = 120 * _SECOND_NS
# A mid this long after the horizon says nothing of the horizon (quant.md A3.1).
_MARK_WITHIN_NS = 5 * _SECOND_NS
# The mid that stood at the horizon counts if it was seen this long before: quiet books are usual.
_STANDING_NS = IMPACT_HORIZON_NS
_MOST_OPEN_PER_MARKET = 64
_FORGET_MARKET_NS = 7 * 24 * 3600 * _SECOND_NS


@dataclass(frozen=True)
class Standing:
    """The last mid seen of a market with open fills: it stands until the next change."""

    mid: float
    ts_ns: int
    tick_e4: int


@dataclass(frozen=True)
class OpenFill:
    """A maker fill on its way to the horizon."""

    key: tuple[str, str]
    due_ns: int
    sign: int
    shares: float
    yes_price: float
    mid_before: float
    tick_e4: int


class Learning:
    """Evidence per market and for the account, the fills not yet judged, and what was thrown away.

    Call :meth:`on_book` for every change of a touch, :meth:`on_fill` for every fill, and
    :meth:`on_cycle_end` once a cycle; the rest reads.
    """

    def __init__(self, half_life_h: float, store: Mapping[str, Any]) -> None:
        self._half_life_ns = round(half_life_h * 3600 * _SECOND_NS)
        self.account = Evidence(self._half_life_ns)
        self._markets: dict[str, Evidence] = {}
        self._samplers: dict[str, MidSampler] = {}
        self._holdings: dict[str, Holding] = {}
        self._open: dict[str, list[OpenFill]] = {}
        self._standing: dict[str, Standing] = {}
        self.counts = {"marked": 0, "discarded": 0, "reversed": 0}
        self._restore(store)

    # --- facts -----------------------------------------------------------------------

    def on_book(self, market: MarketView, now_ns: int) -> None:
        """Sample the mid, and mark the fills that fall due with this very book."""
        mid = market.book.mid
        if market.market_id in self._open:
            self._mark(market, mid, now_ns)
            self._stand(market, mid, now_ns)
        if mid is None:
            return
        sampler = self._samplers.get(market.market_id)
        if sampler is None:
            sampler = self._samplers[market.market_id] = MidSampler()
        move = sampler.sample(mid, now_ns)
        if move is not None:
            self._of(market.market_id).squared_moves.add(*move, 1.0, now_ns)

    def on_fill(self, fill: Fill, market: MarketView, now_ns: int) -> None:
        """Follow the inventory; open a maker fill for judgement, or forget a reversed one."""
        net_e6 = market.position.net_yes_e6
        holding = self._holdings.get(fill.market_id)
        if holding is None:
            before_e6 = net_e6 - fill.sign * fill.size_e6
            holding = self._holdings[fill.market_id] = Holding(before_e6, now_ns)
        share_s, reduced = holding.change(net_e6, now_ns)
        if fill.is_reversal:
            reduced = 0.0  # the venue took it back; nobody unwound anything
        for evidence in (self._of(fill.market_id), self.account):
            evidence.holding.add(share_s, reduced, 1.0 if reduced > 0 else 0.0, now_ns)
        if fill.is_reversal:
            self._forget((fill.reverses, fill.order_id), fill.market_id)
            return
        if not fill.is_maker or fill.component != "maker" or fill.mid_before_e6 is None:
            return
        opened = self._open.setdefault(fill.market_id, [])
        opened.append(
            OpenFill(
                (fill.trade_id, fill.order_id),
                fill.ts_ns + IMPACT_HORIZON_NS,
                fill.sign,
                fill.size_e6 / 1e6,
                fill.yes_price_e4 / 1e4,
                fill.mid_before_e6 / 1e6,
                market.tick_e4,
            )
        )
        self._stand(market, market.book.mid, now_ns)
        if len(opened) > _MOST_OPEN_PER_MARKET:
            del opened[0]
            self.counts["discarded"] += 1

    def on_cycle_end(self, portfolio: PortfolioView, now_ns: int) -> None:
        """Mark fills whose book is proven unchanged since they fell due; forget old markets."""
        for market_id in list(self._open):
            market = portfolio.market(market_id)
            mid = None if market is None else market.book.mid
            if market is None or mid is None or market.book_age_s is None:
                self._standing.pop(market_id, None)
                self._drop_late(market_id, now_ns)
            else:
                proven_ns = now_ns - round(market.book_age_s * _SECOND_NS)
                self._mark(market, mid, proven_ns, is_unchanged=True)
                self._drop_late(market_id, now_ns)
        oldest_ns = now_ns - _FORGET_MARKET_NS
        for name in [name for name, known in self._markets.items() if known.last_ns < oldest_ns]:
            del self._markets[name]
            self._holdings.pop(name, None)
        for name in [name for name, one in self._samplers.items() if one.ts_ns < oldest_ns]:
            del self._samplers[name]

    # --- measures --------------------------------------------------------------------

    def belief_volatility(self, market_id: str, now_ns: int) -> float | None:
        """Return the market's own log-odds volatility per square root of a second, or None."""
        known = self._markets.get(market_id)
        return None if known is None else known.belief_volatility(now_ns)

    def half_life_s(self, market_id: str, now_ns: int) -> float | None:
        """Return the market's inventory half-life, else the account's, else None."""
        known, holding = self._markets.get(market_id), self._holdings.get(market_id)
        held = 0.0 if holding is None else holding.held_share_s(now_ns)
        own = None if known is None else known.half_life_s(held, now_ns)
        if own is not None:
            return own
        held = sum(each.held_share_s(now_ns) for each in self._holdings.values())
        return self.account.half_life_s(held, now_ns)

    def impact(self, market_id: str, now_ns: int, prior: float, prior_shares: float) -> float:
        """Return the expected log-odds impact of our fills: own, shrunk to the account's.

        The account's is itself shrunk to ``prior``.
        """
        shared = self.account.mean_impact(now_ns, prior, prior_shares)
        known = self._markets.get(market_id)
        return shared if known is None else known.mean_impact(now_ns, shared, prior_shares)

    def markets(self) -> Mapping[str, Evidence]:
        """Return every market's evidence."""
        return self._markets

    # --- inside ----------------------------------------------------------------------

    def _of(self, market_id: str) -> Evidence:
        known = self._markets.get(market_id)
        if known is None:
            known = self._markets[market_id] = Evidence(self._half_life_ns)
        return known

    def _mark(
        self,
        market: MarketView,
        mid: float | None,
        until_ns: int,
        *,
        is_unchanged: bool = False,
    ) -> None:
        """Judge the market's fills due by ``until_ns``.

        The first book after the horizon judges if it comes in time, or is known to be the one
        that stood there (``is_unchanged``); else the one it replaces does, which stood until now.
        """
        waiting: list[OpenFill] = []
        for fill in self._open[market.market_id]:
            if fill.due_ns > until_ns:
                waiting.append(fill)
                continue
            seen: Standing | None = None
            if mid is not None and (is_unchanged or until_ns - fill.due_ns <= _MARK_WITHIN_NS):
                seen = Standing(mid, until_ns, market.tick_e4)
            else:
                standing = self._standing.get(market.market_id)
                if standing is not None and fill.due_ns - standing.ts_ns <= _STANDING_NS:
                    seen = standing
            # Another tick is another book: what it says of the old one is not impact.
            if seen is not None and seen.tick_e4 == fill.tick_e4:
                self._judge(market.market_id, fill, seen.mid, until_ns)
            else:
                self.counts["discarded"] += 1
        self._keep_open(market.market_id, waiting)

    def _stand(self, market: MarketView, mid: float | None, now_ns: int) -> None:
        """Remember the mid of a market with open fills; a book without one stands for nothing."""
        if mid is None or market.market_id not in self._open:
            self._standing.pop(market.market_id, None)
        else:
            self._standing[market.market_id] = Standing(mid, now_ns, market.tick_e4)

    def _judge(self, market_id: str, fill: OpenFill, mid: float, now_ns: int) -> None:
        effective = fill.sign * (fill.mid_before - fill.yes_price)
        adverse = -fill.sign * (mid - fill.mid_before)
        impact = -fill.sign * (log_odds(mid) - log_odds(fill.mid_before))
        shares = fill.shares
        for evidence in (self._of(market_id), self.account):
            evidence.effective.add(effective * shares, shares, 1.0, now_ns)
            evidence.adverse.add(adverse * shares, shares, 1.0, now_ns)
            evidence.impact.add(impact * shares, shares, 1.0, now_ns)
        self.counts["marked"] += 1

    def _drop_late(self, market_id: str, now_ns: int) -> None:
        """Give up fills that no book can judge any more."""
        opened = self._open.get(market_id, [])
        waiting = [fill for fill in opened if now_ns - fill.due_ns <= IMPACT_HORIZON_NS]
        self.counts["discarded"] += len(opened) - len(waiting)
        self._keep_open(market_id, waiting)

    def _forget(self, key: tuple[str, str], market_id: str) -> None:
        opened = self._open.get(market_id, [])
        waiting = [fill for fill in opened if fill.key != key]
        self.counts["reversed"] += 1
        self._keep_open(market_id, waiting)

    def _keep_open(self, market_id: str, waiting: list[OpenFill]) -> None:
        if waiting:
            self._open[market_id] = waiting
        else:
            self._open.pop(market_id, None)
            self._standing.pop(market_id, None)

    # --- the document ----------------------------------------------------------------

    def as_document(self) -> dict[str, Any]:
        """Return what survives a restart: the sums and the inventory clocks, not the open fills.

        A fill open at the stop is not judged: its horizon passed while nobody watched.
        """
        return {
            "account": self.account.as_document(),
            "markets": {name: known.as_document() for name, known in self._markets.items()},
            "counts": dict(self.counts),
        }

    def _restore(self, store: Mapping[str, Any]) -> None:
        self.account.restore(store.get("account", {}))
        for market_id, kept in store.get("markets", {}).items():
            self._of(market_id).restore(kept)
        self.counts.update(store.get("counts", {}))
