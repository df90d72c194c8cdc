"""Trades: legs that take, one after the other, and what happens when the last one fails.

A trade is vetted as a whole before its first leg leaves, and each later leg again before it
leaves, for what the one before it got. When a later leg cannot be completed in time, what the
earlier ones got too much is sold (or bought) back at any price the book offers: an unhedged leg
is a position nobody asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from polyframe.commands import PlaceOrder
from polyframe.model import PluginVeto, Quote, Trade, TradeLeg, Veto
from polyframe.money import floor_size_e6, notional_e12, price_text, size_text, taker_fee_e12, usd
from polyframe.runtime.account import Account
from polyframe.runtime.agenda import Cause
from polyframe.runtime.decide import RUNTIME, Decider, Evaluation
from polyframe.runtime.dispatch import Dispatcher
from polyframe.runtime.markets import Market, Markets
from polyframe.runtime.open_trade import OpenTrade
from polyframe.runtime.orders import Orders, OrderStatus, Route
from polyframe.runtime.states import ALLOWED

_SECOND_NS = 1_000_000_000
# A book that is empty now may not be empty later, but a stuck unwind must be seen, not hidden.
_MOST_UNWINDS = 5
# What the venue refused it refuses at once again: tokens on their way, or a mode of its engine.
_AFTER_REFUSAL_NS = 5 * _SECOND_NS
# A trade is refused whole: a leg that nobody refused says so.
_OTHER_LEG = (PluginVeto(RUNTIME, Veto("runtime.other_leg")),)


class TradeDesk:
    """Vets trades, sends their legs, unwinds what is left over.

    With real orders (``is_live``) a refused unwinding waits; on paper nothing is on its way.
    ``log`` is called as ``log(message, **fields)``.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        decider: Decider,
        account: Account,
        orders: Orders,
        markets: Markets,
        warn: Callable[[str], None],
        log: Callable[..., None],
        *,
        is_live: bool = False,
    ) -> None:
        self._after_refusal_ns = _AFTER_REFUSAL_NS if is_live else 0
        self._dispatcher = dispatcher
        self._decider = decider
        self._account = account
        self._orders = orders
        self._markets = markets
        self._warn = warn
        self._log = log
        self._is_closed = False
        self._open: list[OpenTrade] = []
        self.proposed = 0
        self.sent = 0
        self.completed = 0
        self.unwound = 0
        account.watch_trades(self.legs_to_come)

    def legs_to_come(self) -> Mapping[str, Sequence[TradeLeg]]:
        """What trades under way have still to send, by component."""
        found: dict[str, list[TradeLeg]] = {}
        for under_way in self._open:
            if under_way.to_come:
                found.setdefault(under_way.trade.component, []).extend(under_way.to_come)
        return found

    @property
    def busy(self) -> frozenset[str]:
        """Markets with a trade under way."""
        found: frozenset[str] = frozenset()
        for trade in self._open:
            found |= trade.market_ids
        return found

    @property
    def count(self) -> int:
        """How many trades are under way."""
        return len(self._open)

    @property
    def last_deadline_ns(self) -> int:
        """Until when a leg of what is under way may leave, UTC ns; 0 with nothing under way."""
        return max((one.deadline_ns for one in self._open), default=0)

    def under_way(self) -> list[str]:
        """Return what each trade that is not done holds alone, in words."""
        return [str(one) for one in self._open if not one.is_even]

    def close(self) -> None:
        """Let nothing leave any more: what is swept next is proved empty, and has to stay so."""
        self._is_closed = True

    def propose(self, markets: Sequence[Market], now_ns: int) -> list[PlaceOrder]:
        """Ask the plugins what to take and send the first legs of what nobody vetoes."""
        if self._decider.safety.is_held:
            return []
        busy = self.busy
        offered = [m for m in markets if m.market_id not in busy and m.is_fresh]
        if not offered:
            return []
        placed: list[PlaceOrder] = []
        for plugin, trade in self._dispatcher.propose_trades(offered, self._account, now_ns):
            self.proposed += 1
            if self.busy & {leg.market_id for leg in trade.legs}:
                continue  # two plugins wanted the same book: the first in the file has it
            quotes = [_as_quote(trade, at, leg.size_e6) for at, leg in enumerate(trade.legs)]
            self._decider.start_clock()
            votes = [self._vetoes(quote, now_ns) for quote in quotes]
            if any(votes):
                for quote, vetoes in zip(quotes, votes, strict=True):
                    self._tell(plugin, quote, vetoes or _OTHER_LEG, "vetoed", (), now_ns)
                continue
            under_way = OpenTrade(plugin, trade, now_ns)
            self._open.append(under_way)
            placed.append(self._send(under_way, quotes[0], now_ns))
            self.sent += 1
        return placed

    def advance(self, now_ns: int) -> list[PlaceOrder]:
        """Go on with every trade whose order is done; nothing leaves while a hazard stands."""
        placed: list[PlaceOrder] = []
        if self._is_closed:
            return placed
        if self._decider.safety.is_held:
            if self._decider.safety.is_pulled:
                self._say_what_waits()
            return placed
        for under_way in list(self._open):
            order = under_way.order
            if order is not None and order.is_live:
                continue
            command = self._next(under_way, now_ns)
            if command is not None:
                placed.append(command)
        return placed

    def _say_what_waits(self) -> None:
        """Name what a hazard leaves held alone, once a trade."""
        for under_way in self._open:
            if not under_way.is_told and under_way.alone():
                under_way.is_told = True
                standing = ", ".join(self._decider.safety.standing)
                self._warn(f"nothing leaves while {standing} stands: {under_way}")
                self._log("Held alone", what=str(under_way), until=standing)

    def _next(self, under_way: OpenTrade, now_ns: int) -> PlaceOrder | None:
        legs = under_way.trade.legs
        order, under_way.order = under_way.order, None
        if under_way.is_unwinding:
            if order is not None and order.status is OrderStatus.REJECTED:
                under_way.again_ns = now_ns + self._after_refusal_ns
            return self._settle(under_way, now_ns)
        assert order is not None  # each leg follows from the one before it
        under_way.orders.append(order)
        done, got_e6 = len(under_way.orders), min(one.got_e6 for one in under_way.orders)
        if done == len(legs) or not got_e6:
            return self._settle(under_way, now_ns)
        leg = legs[done]
        size_e6 = floor_size_e6(min(leg.size_e6, got_e6))
        market = self._markets.find(leg.market_id)
        if now_ns > under_way.deadline_ns or market is None or size_e6 < market.min_size_e6:
            return self._settle(under_way, now_ns)
        quote = _as_quote(under_way.trade, done, size_e6)
        self._decider.start_clock()
        vetoes = self._vetoes(quote, now_ns)
        if vetoes:
            self._tell(under_way.plugin, quote, vetoes, "vetoed", (), now_ns)
            return self._settle(under_way, now_ns)
        return self._send(under_way, quote, now_ns)

    def _settle(self, under_way: OpenTrade, now_ns: int) -> PlaceOrder | None:
        """Compare what the legs got; unwind what has no counterpart, as long as it is ours."""
        component = under_way.trade.component
        for at, leg in under_way.alone():
            left = replace(leg, size_e6=min(leg.size_e6, self._own_e6(leg, component)))
            if self._is_legal(left):
                self.unwound += not under_way.is_unwinding
                under_way.is_unwinding = True
                return self._unwind(under_way, at, left, now_ns)
        self._open.remove(under_way)
        self.completed += not under_way.is_unwinding and under_way.paired_e6 > 0
        return None

    def _own_e6(self, leg: TradeLeg, component: str) -> int:
        """Return what a leg may undo: a sale no more than its own component holds now.

        The account's tokens are everybody's: what failed to settle, or was sold since, would be
        taken from another component.
        """
        if leg.is_buy:
            return leg.size_e6
        net_e6 = self._account.component_net_e6(leg.market_id, component)
        return floor_size_e6(max(0, net_e6 if leg.is_yes else -net_e6))

    def _is_legal(self, leg: TradeLeg) -> bool:
        """Whether the venue takes an order of this size; a smaller remainder is held."""
        market = self._markets.find(leg.market_id)
        return market is not None and leg.size_e6 >= max(1, market.min_size_e6)

    def _is_delivered(self, leg: TradeLeg) -> bool:
        """Whether nothing that a leg sells is still on its way to us: nobody can sell that."""
        at = 0 if leg.is_yes else 1
        is_coming = self._account.settling_e6(leg.market_id)[at] > 0
        free_e6 = self._account.free_tokens_e6(leg.market_id)[at]
        return leg.is_buy or not is_coming or free_e6 >= leg.size_e6

    def _unwind(
        self, under_way: OpenTrade, at: int, leg: TradeLeg, now_ns: int
    ) -> PlaceOrder | None:
        market = self._markets.find(leg.market_id)
        if now_ns < under_way.again_ns or not self._is_delivered(leg):
            return None
        if market is None or len(under_way.back) == _MOST_UNWINDS:
            self._open.remove(under_way)
            self._warn(
                f"{under_way.trade.component}: {size_text(leg.size_e6)} shares of "
                f"{leg.market_id[:12]} could not be unwound; they are held"
            )
            return None
        # At any price: getting out is worth more than the last cents.
        limit_e4 = 10_000 - market.tick_e4 if leg.is_buy else market.tick_e4
        trade = under_way.trade
        quote = replace(leg, limit_e4=limit_e4).as_quote(trade.component, trade.inputs)
        command = self._send(under_way, quote, now_ns, outcome="unwinding")
        assert under_way.order is not None
        under_way.back.append((at, under_way.order))
        return command

    def _send(
        self, under_way: OpenTrade, quote: Quote, now_ns: int, outcome: str = "taking"
    ) -> PlaceOrder:
        leg = quote.trade_legs[0]
        market = self._markets.find(leg.market_id)
        assert market is not None  # every caller has just looked
        command = self._decider.take(market, leg, quote.component, now_ns)
        under_way.order = self._orders.find(command.order_id)
        verb, token = ("BUY" if leg.is_buy else "SELL"), ("YES" if leg.is_yes else "NO")
        told = (
            f"take {command.order_id} {verb} {token} "
            f"{size_text(leg.size_e6)}@{price_text(leg.limit_e4)}"
        )
        self._tell(under_way.plugin, quote, (), outcome, (told,), now_ns)
        return command

    # --- vetting ---------------------------------------------------------------------------

    def _vetoes(self, quote: Quote, now_ns: int) -> tuple[PluginVeto, ...]:
        leg = quote.trade_legs[0]
        market = self._markets.find(leg.market_id)
        if market is None:
            return (PluginVeto(RUNTIME, Veto("runtime.not_accepting")),)
        found = self._facts_against(market, leg) + self._limits_against(market, quote, now_ns)
        own = tuple(PluginVeto(RUNTIME, veto) for veto in found)
        return (*own, *self._dispatcher.pre_quote_veto(quote, market, self._account, now_ns))

    def _facts_against(self, market: Market, leg: TradeLeg) -> list[Veto]:
        found: list[Veto] = []
        spec, side, tick_e4, size_e6 = market.spec, leg.side, market.tick_e4, leg.size_e6
        if spec.closed or not spec.accepting_orders:
            found.append(Veto("runtime.not_accepting"))
        allowed = ALLOWED[market.state]
        if not allowed.may_quote:
            found.append(Veto("runtime.state"))
        if not market.connected:
            found.append(Veto("runtime.feed_down"))
        elif not market.is_fresh:
            found.append(Veto("runtime.not_fresh", None, market.book_age_s, market.max_book_age_s))
        net_e6 = market.position.net_yes_e6
        if not allowed.may_add and size_e6 > (-net_e6 if side == "bid" else net_e6):
            found.append(Veto("runtime.reduce_only", side))
        if leg.limit_e4 % tick_e4 or not tick_e4 <= leg.limit_e4 <= 10_000 - tick_e4:
            found.append(Veto("runtime.off_tick", side, leg.limit_e4 / 1e4, tick_e4 / 1e4))
        if size_e6 < market.min_size_e6 or size_e6 != floor_size_e6(size_e6):
            found.append(
                Veto("runtime.below_min_size", side, size_e6 / 1e6, market.min_size_e6 / 1e6)
            )
        price_e4 = leg.yes_price_e4
        for order in market.orders:
            # Taking must not meet our own resting quote.
            meets = (
                order.yes_price_e4 <= price_e4
                if side == "bid"
                else (order.yes_price_e4 >= price_e4)
            )
            if order.side != side and meets:
                found.append(
                    Veto("runtime.own_cross", side, price_e4 / 1e4, order.yes_price_e4 / 1e4)
                )
                break
        if leg.is_buy:
            cost_e12 = notional_e12(leg.limit_e4, size_e6) + taker_fee_e12(
                leg.limit_e4, size_e6, spec.fees.rate, spec.fees.exponent
            )
            if cost_e12 > self._account.free_e12:
                found.append(
                    Veto(
                        "runtime.insufficient_funds",
                        side,
                        usd(cost_e12),
                        usd(self._account.free_e12),
                    )
                )
        else:
            yes_e6, no_e6 = self._account.free_tokens_e6(market.market_id)
            held_e6 = yes_e6 if leg.is_yes else no_e6
            if held_e6 < size_e6:
                found.append(Veto("runtime.insufficient_funds", side, size_e6 / 1e6, held_e6 / 1e6))
        return found

    def _limits_against(self, market: Market, quote: Quote, now_ns: int) -> list[Veto]:
        leg = quote.trade_legs[0]
        routed = Route(leg.is_yes, leg.is_buy, leg.limit_e4, leg.size_e6)
        # No trade replaces an order: nothing that rests is left out of the sum.
        return self._decider.limits.vetoes(leg.side, routed, market, now_ns, "")

    def _tell(
        self,
        plugin: str,
        quote: Quote,
        vetoes: tuple[PluginVeto, ...],
        outcome: str,
        commands: tuple[str, ...],
        now_ns: int,
    ) -> None:
        market = self._markets.find(quote.market_id)
        if market is None:
            return
        target = Quote(quote.market_id, component=quote.component) if vetoes else quote
        # Getting out is asked of nobody: an unhedged leg is worse than any refusal.
        asked = () if outcome == "unwinding" else self._dispatcher.vetoers
        self._decider.tell(
            market,
            Cause(quote.component, now_ns),
            outcome,
            Evaluation(quote, quote, quote, vetoes, target, proposed_by=plugin, asked=asked),
            commands,
            now_ns,
        )


def _as_quote(trade: Trade, at: int, size_e6: int) -> Quote:
    """Return a leg as it is put to the vetoes; those after it are sent for at most its size."""
    leg, *after = trade.legs[at:]
    cut = tuple(replace(later, size_e6=min(later.size_e6, size_e6)) for later in after)
    return replace(leg, size_e6=size_e6).as_quote(trade.component, trade.inputs, cut)
