"""Metadata taken in: a universe to follow, or a refresh of markets that are known."""

from __future__ import annotations

from collections.abc import Callable

from polyframe.commands import Command, Subscribe
from polyframe.events import MarketsFetched
from polyframe.runtime.agenda import Agenda
from polyframe.runtime.markets import Market, Markets, Moment
from polyframe.runtime.portfolio import Portfolio
from polyframe.runtime.selection import Schedule
from polyframe.runtime.state_watch import StateWatch
from polyframe.runtime.universe import prefilter
from polyframe.settings import Settings


class Listing:
    """What the venue lists, and what of it is followed.

    What is held has to be marked and got out of, listed or not; what a broken listing did not
    bring is not gone.
    """

    def __init__(
        self,
        settings: Settings,
        markets: Markets,
        portfolio: Portfolio,
        schedule: Schedule,
        agenda: Agenda,
        moment: Moment,
        state_watch: StateWatch,
        log: Callable[..., None],
        warn: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._markets = markets
        self._portfolio = portfolio
        self._schedule = schedule
        self._agenda = agenda
        self._moment = moment
        self._state_watch = state_watch
        self._log = log
        self._warn = warn

    def told(self, event: MarketsFetched) -> None:
        """Say what an incomplete answer lacks."""
        if not event.complete:
            self._warn(f"metadata incomplete: {event.detail}")
            self._log("Metadata incomplete", obtained=len(event.markets), detail=event.detail)

    def refresh(self, event: MarketsFetched) -> list[Command]:
        """Take in what is new of single markets."""
        commands: list[Command] = []
        for spec in event.markets:
            held = self._portfolio.position_of(spec.market_id)
            market, changed = self._markets.put(spec, held)
            if self._state_watch.look(market, self._moment.now_ns):
                self._agenda.touch(market.market_id, "state", urgent=True)
            if changed:
                self._agenda.touch(market.market_id, "metadata", urgent=True)
            commands += self._follow_if_held(market)
            if spec.yes_payout_e6 is not None:
                # Heard from the metadata alone when the message was missed, or a half is paid.
                self._markets.resolved(market)
                self._portfolio.resolve(market.market_id, spec.yes_payout_e6)
        return commands

    def universe(self, event: MarketsFetched) -> tuple[frozenset[str], Subscribe]:
        """Take in a whole listing; return the markets to go on with, and what to subscribe to."""
        now_ns = self._moment.now_ns
        kept = prefilter(event.markets, now_ns, self._settings, self._portfolio.held())
        self._log("Prefilter", **kept.told(sum(count for _, count in event.skipped)))
        for reason, count in event.skipped:
            self._warn(f"{count} listed markets cannot be traded: {reason}")
        tokens: list[str] = []
        for spec in kept.kept:
            self._markets.put(spec, self._portfolio.position_of(spec.market_id))
            tokens.extend(spec.token_ids)
        kept_ids = {spec.market_id for spec in kept.kept}
        if not event.complete:
            obtained = {spec.market_id for spec in event.markets}
            for market in self._markets.followed():
                if market.market_id not in obtained:
                    kept_ids.add(market.market_id)
                    tokens.extend(market.spec.token_ids)
        for market_id in self._portfolio.held():
            known = self._markets.find(market_id)
            if market_id not in kept_ids and known is not None and not known.spec.closed:
                kept_ids.add(market_id)
                tokens.extend(known.spec.token_ids)
        self._markets.follow(tokens)
        if tokens:
            self._schedule.start_warmup(now_ns)
        return frozenset(kept_ids), Subscribe(tuple(tokens))

    def _follow_if_held(self, market: Market) -> list[Command]:
        """Follow a market we hold that the universe's listing did not have."""
        is_held = market.market_id in self._portfolio.held()
        followed = self._markets.followed_ids()
        if not is_held or market.spec.closed or market.market_id in followed:
            return []
        self._markets.follow((*self._markets.subscribed, *market.spec.token_ids))
        return [Subscribe(tuple(self._markets.subscribed))]
