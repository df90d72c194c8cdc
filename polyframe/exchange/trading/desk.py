"""The order desk: accounts' orders between the wire and the matching engines.

One straight line: a request is checked (modes, account, market, money), held if its market
delays takers, matched by the source, and what came of it is told as events. The desk is itself
a :class:`~polyframe.exchange.source.Source`: it lets time pass in the source and in its own
timers in one order, so that the same code runs behind sockets and in virtual time.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from functools import partial

from polyframe.errors import VenueError
from polyframe.exchange.matching import Match
from polyframe.exchange.public.gamma_objects import market_token_ids
from polyframe.exchange.source import Frame, MarketTerms, TradableSource
from polyframe.exchange.trading import admission
from polyframe.exchange.trading.accounts import Wallet
from polyframe.exchange.trading.custody import AUTO_REDEEM_NS, Custody
from polyframe.exchange.trading.events import AccountEvent, EventKind
from polyframe.exchange.trading.heartbeats import CHECK_NS, Beat, Heartbeats
from polyframe.exchange.trading.modes import Modes
from polyframe.exchange.trading.orders import (
    CANCELED,
    DELAYED,
    EXPIRED,
    LIVE,
    MATCHED,
    NOT_ENOUGH_BALANCE,
    UNMATCHED,
    AccountOrder,
    Cancellation,
    OrderRequest,
    Placement,
)
from polyframe.exchange.trading.programmes import Programmes
from polyframe.exchange.trading.registry import OrderRegistry
from polyframe.exchange.trading.served import ServedSource
from polyframe.exchange.trading.settlement import FAILED, MINED, Settlement, Trade
from polyframe.money import notional_e12, usd_e12

_S_NS = 10**9
_MS_NS = 10**6
_GTD_LEAD_S = 60  # a GTD order dies this long before its stated expiration (venue.md 4.2)
_EVERY_FRAME = 2**31
_GONE = "already canceled or matched"
_PENDING = "order match delayed due to market conditions"

Answer = Callable[[Placement], None]


class OrderDesk(ServedSource):
    """Takes accounts' orders on the markets of a source.

    Args:
        source: the markets; its listener becomes this desk.
        seed: of ids and settlement.
        funds_usd: what a wallet never seen before holds.
        allowances_given: whether wallets have allowed every contract from the start.
        auto_redeems: whether the venue redeems what resolved markets pay.
    """

    def __init__(
        self,
        source: TradableSource,
        *,
        seed: int,
        funds_usd: float = 10_000.0,
        allowances_given: bool = True,
        auto_redeems: bool = True,
    ) -> None:
        super().__init__(source)
        self.modes = Modes()
        self.heartbeats = Heartbeats(seed)
        self.settlement = Settlement(seed, self.schedule, self._trade_changed)
        self.custody = Custody(
            usd_e12(funds_usd), allowances_given=allowances_given, auto_redeems=auto_redeems
        )
        self.registry = OrderRegistry(self.custody)
        self.banned: dict[str, None] = {}
        self.closed_only: dict[str, None] = {}
        self.sells_unsettled = False
        self._terms: dict[str, MarketTerms] = {}
        self._timers: list[tuple[int, int, Callable[[int], None]]] = []
        self.scheduled = 0
        self._frames: list[Frame] = []
        self._events: list[AccountEvent] = []
        self._held: dict[str, Answer] = {}  # by order, who waits for the end of a taker's hold
        self._beats_checked = False
        self.programmes = Programmes(
            seed, source.start_ns, self.schedule, self._terms_of, source.matching_book,
            self.registry, self.custody,
        )  # fmt: skip
        source.listener = self

    # --- Source --------------------------------------------------------------------

    def advance(self, to_ns: int, most: int) -> list[Frame]:
        """Let source and desk come to ``to_ns``; return about ``most`` frames."""
        frames, self._frames = self._frames, []
        while True:
            due_ns = self._timers[0][0] if self._timers else None
            step_ns = to_ns if due_ns is None else min(due_ns, to_ns)
            wanted = most - len(frames)
            if wanted <= 0:
                return frames
            part = self.source.advance(step_ns, wanted)
            frames += part
            if len(part) >= wanted:
                return frames
            if due_ns is None or due_ns > to_ns:
                return frames
            heapq.heappop(self._timers)[2](due_ns)

    def take_events(self) -> list[AccountEvent]:
        """Return and forget what happened to accounts since the last call."""
        events, self._events = self._events, []
        return events

    def schedule(self, due_ns: int, action: Callable[[int], None]) -> None:
        """Call ``action`` with the market time when ``due_ns`` is reached."""
        self.scheduled += 1  # actions of one instant keep the order of their making
        heapq.heappush(self._timers, (due_ns, self.scheduled, action))

    def catch_up(self, now_ns: int) -> None:
        """Match what the crowd sent before ``now_ns``; the frames wait for the next advance."""
        frames = self.advance(now_ns, _EVERY_FRAME)
        self._frames = frames + self._frames

    # --- markets -------------------------------------------------------------------

    def terms(self, token_id: str) -> MarketTerms | None:
        """Return the terms of a listed token's market."""
        terms = self.source.terms(token_id)
        if terms is not None:
            self._terms[terms.market_id] = terms
        return terms

    def known_terms(self, market_id: str) -> MarketTerms | None:
        """Return the terms of a market some account has asked for."""
        return self._terms_of(market_id) if market_id in self._terms else None

    def terms_of_market(self, market_id: str) -> MarketTerms | None:
        """Return the terms of a listed market, or of one some account has asked for."""
        market = self.source.market(market_id)
        terms = None if market is None else self.terms(market_token_ids(market)[0])
        return self.known_terms(market_id) if terms is None else terms

    def _terms_of(self, market_id: str) -> MarketTerms:
        """Return a market's terms now, or the last ones when it is listed no more."""
        last = self._terms[market_id]
        return self.terms(last.token_ids[0]) or last

    # --- placing -------------------------------------------------------------------

    def place(self, request: OrderRequest, now_ns: int, answer: Answer) -> None:
        """Take an order; ``answer`` is called at once, or when a taker's hold is over."""
        self.catch_up(now_ns)
        closed = self.modes.refuse_order(post_only=request.post_only, now_ns=now_ns)
        if closed is not None:
            answer(Placement(error=closed.text, http_status=closed.http_status, closed=closed))
            return
        terms = self.terms(request.token_id)
        if terms is None:
            answer(Placement(error=admission.NO_BOOK, http_status=404))
            return
        is_yes = request.token_id == terms.token_ids[0]
        order = AccountOrder(
            request=request, market_id=terms.market_id, is_yes=is_yes,
            outcome=terms.outcomes[0 if is_yes else 1], created_ns=now_ns, trade_ids=[],
        )  # fmt: skip
        refusal = self._refusal(order, terms, now_ns)
        if refusal:
            answer(Placement(order_id=request.order_id, error=refusal))
            return
        self.registry.add(order)
        if request.order_type == "GTD":
            due_ns = (request.expiration_s - _GTD_LEAD_S) * _S_NS
            self.schedule(due_ns, lambda at: self._expire(order, at))
        delay_ns = terms.taker_delay_s * _S_NS or terms.taker_hold_ms * _MS_NS
        book = self.source.matching_book(terms.market_id)
        if delay_ns and book.crosses(order.as_new_order()):
            order.status = DELAYED
            fee_e12 = admission.order_amount(order, terms) - order.cost(request.size_e6)
            self.registry.reserve_fee(order, fee_e12)
            self._tell_order(EventKind.PLACEMENT, order, now_ns)
            if terms.taker_delay_s:
                answer(Placement(order_id=order.order_id, status="delayed", side=request.side))
            else:
                self._held[order.order_id] = answer
            self.schedule(now_ns + delay_ns, partial(self._release, order))
            return
        answer(self._submit(order, now_ns))

    def _refusal(self, order: AccountOrder, terms: MarketTerms, now_ns: int) -> str:
        """Return why an order cannot enter, or an empty string."""
        request = order.request
        if request.order_id in self.registry.orders:
            return f"order {request.order_id} is invalid. Duplicated."
        return admission.refuse_life(request, now_ns) or self._refusal_now(order, terms, now_ns)

    def _refusal_now(self, order: AccountOrder, terms: MarketTerms, now_ns: int) -> str:
        """Return why account, market or money do not allow an order at this moment."""
        if not terms.is_accepting:
            return admission.NOT_READY
        wallet = self.custody.wallet(order.request.wallet)
        return (
            admission.refuse_account(order.request, self.banned, self.closed_only)
            or self.source.matching_book(terms.market_id).refusal(order.as_new_order())
            or admission.refuse_money(
                order, wallet, terms, allowances=self.custody.allowances,
                counts_incoming=self.sells_unsettled,
                now_ns=now_ns, lag_ns=self.settlement.balance_lag_ns,
            )
        )  # fmt: skip

    def _release(self, order: AccountOrder, now_ns: int) -> None:
        """Check a delayed order again and let it meet the book (venue.md 4.4)."""
        if order.status != DELAYED:
            return
        self.registry.reserve_fee(order, 0)
        self.registry.reserve(order, -order.leaves_e6)  # it does not stand in its own way
        refusal = self._refusal_now(order, self._terms_of(order.market_id), now_ns)
        self.registry.reserve(order, order.leaves_e6)
        if refusal:
            self._end(order, f"{CANCELED}_{refusal}", now_ns, refusal)
            return
        order.status = LIVE
        answer = self._held.pop(order.order_id, None)
        placed = self._submit(order, now_ns, was_delayed=True)
        if answer is not None:
            answer(placed)

    def _submit(self, order: AccountOrder, now_ns: int, *, was_delayed: bool = False) -> Placement:
        if not was_delayed:
            self._tell_order(EventKind.PLACEMENT, order, now_ns)
        execution = self.source.submit(order.market_id, order.as_new_order(), now_ns)
        if execution.rejection:  # what the desk checked before holds: this is a defect of it
            raise VenueError(f"the engine refused a checked order: {execution.rejection}")
        if was_delayed and not execution.matches:
            order.status = UNMATCHED
            self._tell_order(EventKind.UPDATE, order, now_ns)
            order.status = LIVE
        if not execution.resting_e6 and order.is_open:
            self._end(order, CANCELED, now_ns)  # the rest of a FAK
        return Placement(
            order_id=order.order_id,
            status="matched" if execution.matches else "live",
            side=order.request.side,
            matched_e6=order.matched_e6,
            matched_e12=order.matched_e12,
            trade_ids=tuple(order.trade_ids),
        )

    # --- cancelling ----------------------------------------------------------------

    def cancel(self, api_key: str, order_ids: Sequence[str], now_ns: int) -> Cancellation:
        """Cancel orders of one API key; an id named twice counts once."""
        self.catch_up(now_ns)
        closed = self.modes.refuse_cancel()
        return Cancellation((), {}, closed) if closed else self._cancel(api_key, order_ids, now_ns)

    def _cancel(self, api_key: str, order_ids: Sequence[str], now_ns: int) -> Cancellation:
        canceled: list[str] = []
        not_canceled: dict[str, str] = {}
        for order_id in dict.fromkeys(order_ids):
            order = self.registry.orders.get(order_id)
            if order is None or order.request.api_key != api_key or not order.is_open:
                not_canceled[order_id] = _GONE
            elif order.status == DELAYED:
                not_canceled[order_id] = _PENDING
            else:
                self._take_off(order, CANCELED, now_ns)
                canceled.append(order_id)
        return Cancellation(tuple(canceled), not_canceled)

    def cancel_all(
        self, api_key: str, now_ns: int, *, market_id: str = "", token_id: str = ""
    ) -> Cancellation:
        """Cancel every open order of an API key, or those of one market or token."""
        self.catch_up(now_ns)
        return self.cancel(api_key, self.registry.open_ids(api_key, market_id, token_id), now_ns)

    def clear_market(self, market_id: str, status: str, now_ns: int) -> int:
        """Take every account's orders off a market's book, telling why; count them."""
        self.catch_up(now_ns)
        chosen = [one for one in self.registry.open.values() if one.market_id == market_id]
        for order in chosen:
            self._take_off(order, status, now_ns)
        return len(chosen)

    def lose_orders(self, now_ns: int) -> int:
        """Forget every resting order as an engine restart may, telling nobody; count them."""
        self.catch_up(now_ns)
        lost = [order for order in self.registry.open.values() if order.status == LIVE]
        for order in lost:
            self.source.cancel(order.market_id, order.order_id, now_ns)
            self.registry.close(order, CANCELED)
        return len(lost)

    def _take_off(self, order: AccountOrder, status: str, now_ns: int) -> None:
        self.source.cancel(order.market_id, order.order_id, now_ns)
        self._end(order, status, now_ns)

    def _expire(self, order: AccountOrder, now_ns: int) -> None:
        if order.status == LIVE:
            self._take_off(order, EXPIRED, now_ns)
        elif order.status == DELAYED:
            self._end(order, EXPIRED, now_ns)

    def _end(self, order: AccountOrder, status: str, now_ns: int, reason: str = "") -> None:
        self.registry.close(order, status)
        self._tell_order(EventKind.CANCELLATION, order, now_ns)
        answer = self._held.pop(order.order_id, None)
        if answer is not None:  # whoever still waits for the end of a hold
            answer(Placement(order_id=order.order_id, error=reason or status))

    def withdraw(self, address: str, asset: str, amount: int, now_ns: int) -> None:
        """Take collateral or tokens out of a wallet; orders no longer covered are cancelled."""
        self.catch_up(now_ns)
        self.custody.fund(address, asset, -amount, now_ns)
        self.cancel_uncovered(self.custody.wallet(address), asset, now_ns)

    def cancel_uncovered(self, wallet: Wallet, asset: str, now_ns: int) -> None:
        """Cancel the youngest orders that a balance no longer covers (venue.md 4.5)."""
        held = wallet.holding(asset)
        for order in reversed(list(self.registry.open.values())):
            usable = held.balance + (held.incoming if self.sells_unsettled else 0)
            if held.reserved + held.owed <= usable:
                return
            is_its = order.request.wallet.lower() == wallet.address.lower()
            if is_its and order.asset == asset and order.status == LIVE:
                self._take_off(order, NOT_ENOUGH_BALANCE, now_ns)

    # --- heartbeats ----------------------------------------------------------------

    def heartbeat(self, api_key: str, heartbeat_id: str, now_ns: int) -> Beat:
        """Take a heartbeat; the first one arms the lapse check, every five seconds."""
        self.catch_up(now_ns)
        beat = self.heartbeats.beat(api_key, heartbeat_id, now_ns)
        if self.heartbeats.is_watching and not self._beats_checked:
            self._beats_checked = True
            self.schedule(now_ns + CHECK_NS, self._check_beats)
        return beat

    def _check_beats(self, now_ns: int) -> None:
        for api_key in self.heartbeats.lapsed(now_ns):
            self._cancel(api_key, self.registry.open_ids(api_key), now_ns)
        self._beats_checked = self.heartbeats.is_watching
        if self._beats_checked:
            self.schedule(now_ns + CHECK_NS, self._check_beats)

    # --- MatchListener -------------------------------------------------------------

    def matched(self, market_id: str, matches: tuple[Match, ...], now_ns: int) -> None:
        """Turn one taker's matches into trades of the accounts among them."""
        terms = self._terms.get(market_id)
        if terms is None:  # no account ever asked for this market
            return
        self.programmes.traded(terms, matches, now_ns)
        if not any(
            match.maker.order_id in self.registry.open or match.taker.order_id in self.registry.open
            for match in matches
        ):
            return
        terms = self._terms_of(market_id)  # fees are those of the moment (venue.md 5.1)
        trades = self.settlement.open(terms, matches, self.registry.leg, now_ns)
        touched: dict[str, AccountOrder] = {}
        for trade in trades:
            for leg in trade.legs:
                order = self.registry.open.get(leg.order_id)
                if order is None:
                    continue
                before_e6 = order.leaves_e6
                order.matched_e6 += leg.size_e6
                order.matched_e12 += notional_e12(leg.price_e4, leg.size_e6)
                if trade.trade_id not in order.trade_ids:
                    order.trade_ids.append(trade.trade_id)
                self.registry.reserve(order, order.leaves_e6 - before_e6)
                touched[order.order_id] = order
        for order in touched.values():
            if not order.leaves_e6:
                self.registry.close(order, MATCHED)
            self._tell_order(EventKind.UPDATE, order, now_ns)

    def removed(self, market_id: str, order_ids: Sequence[str], status: str, now_ns: int) -> None:
        """Note that the venue took orders off the book."""
        for order_id in order_ids:
            order = self.registry.open.get(order_id)
            if order is not None:
                self._end(order, status, now_ns)

    def resolved(self, market_id: str, payouts_e6: tuple[int, int], now_ns: int) -> None:
        """Note what a market's shares pay, and let the redeemer come a minute later."""
        terms = self._terms.get(market_id)
        if terms is not None:  # otherwise no account ever asked for it
            self.custody.resolve(market_id, terms.token_ids, payouts_e6)
            self.schedule(now_ns + AUTO_REDEEM_NS, partial(self.custody.redeem_all, market_id))

    # --- events --------------------------------------------------------------------

    def _tell_order(self, kind: EventKind, order: AccountOrder, now_ns: int) -> None:
        self._events.append(AccountEvent.of_order(kind, order, now_ns))

    def _trade_changed(self, trade: Trade, now_ns: int) -> None:
        self._events.append(AccountEvent.of_trade(trade, now_ns))
        if trade.is_settled:
            self.custody.journal.settled(trade, now_ns)
        else:
            self.custody.journal.reverted(trade)
        if trade.status == FAILED:
            self.programmes.voided(trade)
        if trade.status in (MINED, FAILED) and trade.market_id in self.custody.payouts_e6:
            redeem = partial(self.custody.redeem_all, trade.market_id)
            self.schedule(now_ns + AUTO_REDEEM_NS, redeem)
        if trade.status == FAILED:
            for leg in trade.legs:
                if leg.wallet is not None:
                    self.cancel_uncovered(leg.wallet, leg.flows()[1][0], now_ns)
