"""The engine: events in, commands out. No I/O, no clock, no task, no environment.

``apply`` updates what is known and tells the plugins; ``decide`` is called once a batch and
answers with commands. "Now" is the time of the event in hand. The same inputs give the same
outputs, byte for byte: a replay is a proof.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from polyframe import events
from polyframe.commands import Command, FetchMarkets, Resubscribe
from polyframe.model import Cycle, Decision, Veto
from polyframe.money import usd_e12
from polyframe.runtime.account import Account
from polyframe.runtime.agenda import BUDGET, Agenda, Cause
from polyframe.runtime.approving import Approving
from polyframe.runtime.decide import RUNTIME, Decider
from polyframe.runtime.dispatch import Dispatcher
from polyframe.runtime.health import feed_health_fields
from polyframe.runtime.limits import Limits
from polyframe.runtime.listing import Listing
from polyframe.runtime.markets import Market, Markets, Moment
from polyframe.runtime.marks import mark_to_book
from polyframe.runtime.merging import Merging
from polyframe.runtime.order_answers import OrderAnswers
from polyframe.runtime.orders import Orders
from polyframe.runtime.portfolio import Portfolio
from polyframe.runtime.redeeming import Redeeming
from polyframe.runtime.safety import Safety
from polyframe.runtime.safety_watch import SafetyWatch
from polyframe.runtime.selection import Phase, Schedule, ranking, walk
from polyframe.runtime.state_watch import StateWatch
from polyframe.runtime.trades import TradeDesk
from polyframe.settings import Settings

_SECOND_NS = 1_000_000_000
Log = Callable[..., None]


class Begin(msgspec.Struct, frozen=True, kw_only=True):
    """How an engine begins: numbers of the first order, merge and redemption it may name.

    An account's names are never used twice, whatever run gave them. ``is_live`` is whether
    orders are real: then a resolution's cash has to be redeemed first.
    """

    is_live: bool = False
    order: int = 1
    merge: int = 1
    redemption: int = 1


class Engine:
    """Books, orders, portfolio and decisions of one run.

    Args:
        settings: the core's part of the strategy file.
        dispatcher: the plugins, compiled.
        log: called as ``log(message, **fields)``; a replay passes one that does nothing.
        begin: how it begins: names taken by earlier runs, and whether orders are real.
    """

    def __init__(
        self, settings: Settings, dispatcher: Dispatcher, log: Log, begin: Begin | None = None
    ) -> None:
        begin = begin or Begin()
        self.settings = settings
        self.dispatcher = dispatcher
        self._log = log
        self.moment = Moment()
        self.orders = Orders()
        self.markets = Markets(settings, self.moment, self.orders)
        self.portfolio = Portfolio(
            usd_e12(settings.capital.bankroll_usd),
            round(settings.capital.adverse_horizon_s * _SECOND_NS),
            payouts_wait=begin.is_live,
        )
        self._one_sided_offset_e6 = round(settings.capital.one_sided_mark_offset * 1e6)
        least_merge_e12 = usd_e12(settings.capital.merge_above_usd)
        self.merging = Merging(self.portfolio, self.orders, least_merge_e12, log, begin.merge)
        self.redeeming = Redeeming(
            self.portfolio, begin.is_live and settings.production.redeem, log, begin.redemption
        )
        self.approving = Approving(log)
        self.safety = Safety(log)
        self.limits = Limits(settings.limits, self.portfolio, self.orders)
        self.account = Account(self.portfolio, self.orders, self.markets, self.merging)
        self.schedule = Schedule(settings)
        self.decider = Decider(
            settings.quoting,
            dispatcher,
            self.account,
            self.orders,
            self._record_decision,
            self.safety,
            self.limits,
            begin.order,
        )
        self.warnings: list[str] = []
        self.desk = TradeDesk(
            dispatcher, self.decider, self.account, self.orders, self.markets,
            self.warnings.append, log, is_live=begin.is_live,
        )  # fmt: skip
        self.active: tuple[str, ...] = ()
        self.cycles = 0
        self.smallest_active: int | None = None
        self.largest_active = 0
        self.outcomes: Counter[str] = Counter()
        self.vetoes: Counter[str] = Counter()
        self.last_decision: dict[str, Decision] = {}
        self.new_decisions: list[Decision] = []
        self.state_watch = StateWatch(log)
        self._since_cycle: list[Decision] = []
        self._touched: dict[str, Market] = {}
        self._crossed: dict[str, Market] = {}
        self._agenda = Agenda(self.moment)
        self.answers = OrderAnswers(
            dispatcher, self.account, self.portfolio, self.orders, self.markets, self.merging,
            self.redeeming, self.approving, self._agenda, self.moment, self.warnings.append,
        )  # fmt: skip
        self.safety_watch = SafetyWatch(
            self.safety, self.limits, dispatcher, self.markets, self.orders, self._agenda,
            self.decider.budget, self.moment, lambda: self.active,
        )  # fmt: skip
        self.listing = Listing(
            settings, self.markets, self.portfolio, self.schedule, self._agenda, self.moment,
            self.state_watch, log, self.warnings.append,
        )  # fmt: skip
        self._decided_ns: dict[str, int] = {}
        self._commands: list[Command] = []
        self._stopping = self._has_pulled_all = False
        self._has_traders = dispatcher.has_traders
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            events.BookSnapshot: self._on_snapshot,
            events.PriceChange: self._on_change,
            events.TradePrint: self._counted("last_trade_price"),
            events.TickSizeChange: self._on_tick_size,
            events.BestBidAsk: self._counted("best_bid_ask"),
            events.MarketListed: self._counted("new_market"),
            events.MarketResolved: self._on_resolved,
            events.Unrecognised: self._on_unrecognised,
            events.FeedConnected: self._on_connected,
            events.FeedLost: self._on_lost,
            events.BookWitness: self._on_witness,
            events.MarketsFetched: self._on_markets,
            events.Tick: self._on_tick,
            events.RunStarted: self._on_started,
            events.StopAsked: self._on_stop_asked,
            events.RunStopping: self._on_stopping,
            **self.safety_watch.handlers,
            **self.answers.handlers,
        }

    # --- the two calls -----------------------------------------------------------------

    def apply(self, event: events.Event) -> None:
        """Take one event in. The caller owes a :meth:`decide` when the batch is over."""
        if event.ts_ns > self.moment.now_ns:
            self.moment.now_ns = event.ts_ns
        self.portfolio.advance(self.moment.now_ns)
        self._handlers[type(event)](event)

    def decide(self) -> list[Command]:
        """Return the commands that follow from everything applied so far."""
        now_ns = self.moment.now_ns
        commands, self._commands = self._commands, []
        self.decider.budget.start_pass(now_ns)
        commands.extend(self.safety_watch.sweeps())
        if self._stopping:
            return [*commands, *self._pull_all(), *self.desk.advance(now_ns)]
        followed = self.markets.followed() if self.schedule.phase is Phase.WARMING else []
        books = sum(1 for market in followed if market.has_book)
        waited_s = self.schedule.warmed_up(books, len(followed), now_ns)
        if waited_s is not None:
            self._log(
                "Warmup complete", books=books, markets=len(followed), seconds=f"{waited_s:.1f}"
            )
        commands.extend(self.desk.advance(now_ns))
        if self.schedule.cycle_due(now_ns):
            commands.extend(self._cycle())
            commands.extend(self._trade(self.markets.followed()))
            commands.extend(self.merging.ask(self.desk.busy))
            commands.extend(self.redeeming.ask())
            commands.extend(self.approving.ask())
        else:
            if self._agenda:
                commands.extend(self._decide_dirty())
            if self._touched:
                commands.extend(self._trade(list(self._touched.values())))
        commands.extend(self.schedule.refreshes(self.with_held(self.active), self._all_ids, now_ns))
        return commands

    def _all_ids(self) -> list[str]:
        return list(self.with_held(self.markets.followed_ids()))

    def with_held(self, market_ids: Iterable[str]) -> tuple[str, ...]:
        """Return the ids and those of what is held or owed to us: it must be paid out one day."""
        ours = (*self.portfolio.held(), *self.portfolio.unredeemed_e12)
        return tuple(dict.fromkeys((*market_ids, *ours)))

    # --- decisions ---------------------------------------------------------------------

    def _cycle(self) -> list[Command]:
        now_ns = self.moment.now_ns
        for market in self.markets.followed():
            self._watch_state(market)
        self.safety_watch.start_cycle()
        self._agenda.start_cycle()
        ranked, left_out = ranking(self.dispatcher, self.markets, now_ns)
        selected = walk(ranked, self.active, self.decider, self.settings, now_ns)
        commands = selected.commands
        for market in left_out:
            commands.extend(self._pull(market.market_id, Veto("runtime.rank"), "cycle"))
        self.active = tuple(selected.active)
        self.cycles += 1
        size = len(self.active)
        self.largest_active = max(self.largest_active, size)
        self.smallest_active = (
            size if self.smallest_active is None else min(self.smallest_active, size)
        )
        self._agenda.end_cycle(selected.deferred)
        for market_id in self.active:
            self._decided_ns[market_id] = now_ns
        self._log("Active set", size=size, clusters=len(selected.clusters), ranked=len(ranked))
        self._end_cycle(clusters=len(selected.clusters), ranked=len(ranked))
        if self.schedule.reseed_due(size, now_ns):
            self._log("Reseed", reason="empty active set", number=self.schedule.reseeds)
            commands.append(FetchMarkets())
        return commands

    def _end_cycle(self, *, clusters: int, ranked: int) -> None:
        health = self.markets.health()
        self._log("FEED_HEALTH", **feed_health_fields(health))
        cycle = Cycle(
            number=self.cycles,
            ts_ns=self.moment.now_ns,
            decisions=tuple(self._since_cycle),
            active=self.active,
            clusters=clusters,
            ranked=ranked,
            health=health,
        )
        self._since_cycle = []
        self.dispatcher.on_cycle_end(cycle, self.account, cycle.ts_ns)

    def _trade(self, markets: list[Market]) -> list[Command]:
        self._touched.clear()
        return list(self.desk.propose(markets, self.moment.now_ns))

    def _pull_all(self) -> list[Command]:
        commands: list[Command] = []
        for market_id in self.orders.markets_with_live():
            if self.orders.has_to_leave(market_id):
                commands.extend(self._pull(market_id, Veto("runtime.stopping"), "stopping"))
        # Reports are built from cycles: what is pulled again while one waits makes one, not many.
        if self._since_cycle and not (self._has_pulled_all and self.orders.markets_with_live()):
            self._has_pulled_all = True
            self._end_cycle(clusters=0, ranked=0)
        return commands

    def _decide_dirty(self) -> list[Command]:
        now_ns = self.moment.now_ns
        min_interval_ns = round(self.settings.quoting.min_interval_s * _SECOND_NS)
        commands: list[Command] = []
        waiting: dict[str, Cause] = {}
        dirty, urgent = self._agenda.take()
        active = frozenset(self.active)
        has_room = self.decider.budget.has_room(now_ns)
        for market_id, cause in dirty.items():
            if cause.trigger == BUDGET and not has_room:
                waiting[market_id] = cause
                continue
            market = self.markets.find(market_id)
            if market is None or (market_id not in active and not market.orders):
                continue
            since_ns = now_ns - self._decided_ns.get(market_id, 0)
            if since_ns < min_interval_ns and market_id not in urgent:
                waiting[market_id] = cause
                continue
            self._decided_ns[market_id] = now_ns
            evaluation = self.decider.evaluate(market, now_ns)
            if market_id not in active:
                evaluation = self.decider.refuse(evaluation, Veto("runtime.rank"))
            market_commands, deferred = self.decider.act(market, evaluation, cause, now_ns)
            commands.extend(market_commands)
            if deferred:
                waiting[market_id] = cause.deferred()
                has_room = False
        self._agenda.put_back(waiting)
        return commands

    def _pull(self, market_id: str, veto: Veto, trigger: str) -> list[Command]:
        market = self.markets.find(market_id)
        if market is None:
            return []
        now_ns = self.moment.now_ns
        refusal = self.decider.refusal(market, veto)
        commands, _ = self.decider.act(market, refusal, Cause(trigger, now_ns), now_ns)
        return commands

    def _record_decision(self, decision: Decision) -> None:
        self.outcomes[decision.outcome] += 1
        for veto in decision.vetoes:
            self.vetoes[veto.veto.code] += 1
            if veto.veto.side is None and veto.plugin != RUNTIME:
                self._ask_everywhere(veto.veto.code)
                self.safety_watch.note_veto(veto.veto.code)
        self.last_decision[decision.market_id] = decision
        self.new_decisions.append(decision)
        self._since_cycle.append(decision)

    def _ask_everywhere(self, code: str) -> None:
        """A new reason against a whole market may hold for all, as a halt does: ask them all.

        Their own books may stay quiet for long. Once per code and cycle.
        """
        if self._agenda.is_new_reason(code):
            for market_id in self.orders.markets_with_live():
                self._agenda.touch(market_id, "veto", urgent=True)

    # --- market data -------------------------------------------------------------------

    def _on_snapshot(self, event: events.BookSnapshot) -> None:
        self.markets.count("book")
        market = self.markets.on_snapshot(event)
        if market is not None:
            self._book_changed(market)

    def _on_change(self, event: events.PriceChange) -> None:
        self.markets.count("price_change")
        market = self.markets.on_change(event)
        if market is not None:
            self._book_changed(market)

    def _book_changed(self, market: Market) -> None:
        top_changed = market.top_changed
        if top_changed:
            mark_to_book(self.portfolio, market, self._one_sided_offset_e6)
        self.dispatcher.on_book(market, self.moment.now_ns, top_changed)
        if top_changed:
            self._agenda.touch(market.market_id, "book")
            if self._has_traders:
                self._touched[market.market_id] = market
                if market.book.is_crossed:
                    self._crossed[market.market_id] = market
                else:
                    self._crossed.pop(market.market_id, None)

    def _counted(self, kind: str) -> Callable[[events.Event], None]:
        """Return the handler of a message that is only counted here."""
        return lambda _: self.markets.count(kind)

    def _on_tick_size(self, event: events.TickSizeChange) -> None:
        self.markets.count("tick_size_change")
        market = self.markets.on_tick_size(event)
        if market is not None:
            self._agenda.touch(market.market_id, "tick_size", urgent=True)

    def _on_resolved(self, event: events.MarketResolved) -> None:
        self.markets.count("market_resolved")
        market = self.markets.find(event.market_id)
        if market is None:
            return
        self.markets.resolved(market)
        if event.winning_token_id in market.spec.token_ids:
            yes_won = event.winning_token_id == market.spec.token_ids[0]
            self.portfolio.resolve(market.market_id, 1_000_000 if yes_won else 0)
        self._watch_state(market)
        self._agenda.touch(market.market_id, "resolved", urgent=True)

    def _on_unrecognised(self, event: events.Unrecognised) -> None:
        self.markets.parse_errors += 1
        self.markets.count("unrecognised")

    def _on_connected(self, event: events.FeedConnected) -> None:
        for market in self.markets.on_connected(event.token_ids):
            self._agenda.touch(market.market_id, "feed_connected", urgent=True)

    def _on_lost(self, event: events.FeedLost) -> None:
        self.markets.reconnects += 1
        self._log("Feed lost", shard=event.shard, tokens=len(event.token_ids), reason=event.reason)
        for market in self.markets.on_lost(event.token_ids):
            self._agenda.touch(market.market_id, "feed_lost", urgent=True)

    def _on_witness(self, event: events.BookWitness) -> None:
        found = self.markets.on_witness(event)
        if found is None:
            return
        market, must_ask_again = found
        if must_ask_again:
            self.markets.distrust(market)
            self._agenda.touch(market.market_id, "witness", urgent=True)
            self._commands.append(Resubscribe(market.spec.token_ids, "REST shows another book"))

    def _on_markets(self, event: events.MarketsFetched) -> None:
        self.listing.told(event)
        if not event.universe:
            self._commands.extend(self.listing.refresh(event))
            return
        kept_ids, subscription = self.listing.universe(event)
        self.active = tuple(market_id for market_id in self.active if market_id in kept_ids)
        for market_id in self.orders.markets_with_live():
            if market_id not in kept_ids:
                # Only the unsubscribed are dropped: what rests there goes first.
                self._commands.extend(self._pull(market_id, Veto("runtime.rank"), "dropped"))
        self._commands.append(subscription)

    # --- time --------------------------------------------------------------------------

    def _on_tick(self, event: events.Tick) -> None:
        if self.schedule.phase is Phase.RUNNING:
            self.safety_watch.look()
        # A crossing that lasts sends no further message, and time is what it is judged by.
        self._touched.update(self._crossed)
        renew_by_ns = event.ts_ns + round(self.settings.quoting.renew_before_s * _SECOND_NS)
        for market_id in self.orders.markets_with_live():
            market = self.markets.find(market_id)
            if market is not None and not market.is_fresh:
                self._agenda.touch(market_id, "stale", urgent=True)
        for market_id in self.active:
            market = self.markets.find(market_id)
            if market is None:
                continue
            self._watch_state(market)
            if any(order.expires_by(renew_by_ns) for order in market.orders):
                self._agenda.touch(market_id, "expiry")

    def _watch_state(self, market: Market) -> None:
        if self.state_watch.look(market, self.moment.now_ns):
            self._agenda.touch(market.market_id, "state", urgent=True)

    def _on_started(self, event: events.RunStarted) -> None:
        self._log("Run started", run=event.run_id, source=event.source)

    def _on_stop_asked(self, event: events.StopAsked) -> None:
        self._stopping = True
        self._log("Stop asked", reason=event.reason, trades=self.desk.count)

    def _on_stopping(self, event: events.RunStopping) -> None:
        self._stopping = True
        self.desk.close()
        self.safety_watch.sweep("stopping")
        self._log("Run stopping", reason=event.reason)
