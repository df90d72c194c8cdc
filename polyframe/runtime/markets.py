"""What is known of each market, and the only code that changes it.

:class:`Market` is the record and, read-only to plugins, the
:class:`polyframe.views.MarketView`. Ages and states are relative to the shared
:class:`Moment`: the time of the event in hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from polyframe import events
from polyframe.model import FeedHealth, MarketSpec, MarketState
from polyframe.money import PRICE_ONE_E4
from polyframe.runtime.activity import Churn, MidRange
from polyframe.runtime.bookcheck import BookCheck
from polyframe.runtime.books import MarketBook
from polyframe.runtime.orders import Order, Orders
from polyframe.runtime.states import PROPOSED_WORDS, cluster_of, hours_to_close, state_of
from polyframe.settings import Settings

if TYPE_CHECKING:
    from polyframe.runtime.position import Position

_SECOND_NS = 1_000_000_000
Levels = Sequence[tuple[int, float]]


class Moment:
    """The time of the event in hand, shared by every view."""

    __slots__ = ("now_ns",)

    def __init__(self) -> None:
        self.now_ns = 0


class Market:
    """One market: metadata, book, liveliness, and views of our orders and position in it."""

    __slots__ = (
        "_moment", "_orders", "_settings", "book", "book_epoch", "churn", "cluster_id",
        "connected", "has_book", "is_resolved", "market_id", "max_book_age_s", "mid_range",
        "min_size_e6", "position", "proof_ns", "proposed_ns", "spec", "tick_e4", "top",
        "top_changed", "witness_doubts",
    )  # fmt: skip

    def __init__(
        self,
        spec: MarketSpec,
        settings: Settings,
        moment: Moment,
        orders: Orders,
        position: Position,
    ) -> None:
        self._settings = settings
        self._moment = moment
        self._orders = orders
        self.market_id = spec.market_id
        self.spec = spec
        self.cluster_id = cluster_of(spec)
        self.tick_e4 = spec.tick_e4
        self.min_size_e6 = spec.min_size_e6
        self.book = MarketBook(spec.tick_e4)
        self.book_epoch = 0
        self.has_book = False
        self.is_resolved = False
        self.connected = False
        self.proof_ns: int | None = None
        self.proposed_ns: int | None = None
        self.witness_doubts = 0
        self.top = self.book.top
        self.top_changed = False
        self.churn = Churn()
        self.mid_range = MidRange()
        self.position = position
        self.max_book_age_s = settings.feed.max_book_age_s

    @property
    def current_spec(self) -> MarketSpec:
        """The metadata on the grid of now: the feed tells of a new one long before they do."""
        if self.spec.tick_e4 == self.tick_e4:
            return self.spec
        return msgspec.structs.replace(self.spec, tick_e4=self.tick_e4)

    @property
    def state(self) -> MarketState:
        """Where the market stands on its way to resolution."""
        return self.state_and_reason[0]

    @property
    def state_and_reason(self) -> tuple[MarketState, str]:
        """The state, and why it is not NORMAL."""
        return state_of(self.spec, self._moment.now_ns, self._settings.states, self.proposed_ns)

    @property
    def hours_to_close(self) -> float | None:
        """Hours until its end; negative after it, None where the venue gave none."""
        return hours_to_close(self.spec, self._moment.now_ns)

    @property
    def book_age_s(self) -> float | None:
        """Seconds since the last proof that the book is current; None without one."""
        if self.proof_ns is None:
            return None
        return max(0, self._moment.now_ns - self.proof_ns) / _SECOND_NS

    @property
    def updates_per_s(self) -> float:
        """Book updates a second over the last minute."""
        return self.churn.per_s(self._moment.now_ns)

    @property
    def jump_1h(self) -> float:
        """Range of the mid over the last hour, in price."""
        return self.mid_range.range(self._moment.now_ns)

    @property
    def orders(self) -> Sequence[Order]:
        """Our orders in it that may still fill."""
        return self._orders.live(self.market_id)

    @property
    def is_fresh(self) -> bool:
        """Whether the book is proven current within the profile's limit."""
        age_s = self.book_age_s
        return self.has_book and age_s is not None and age_s <= self.max_book_age_s


class Markets:
    """Every market known, by market and by token, with the feed's counters."""

    def __init__(self, settings: Settings, moment: Moment, orders: Orders) -> None:
        self._settings = settings
        self._moment = moment
        self._orders = orders
        self._by_id: dict[str, Market] = {}
        self._by_token: dict[str, tuple[Market, bool]] = {}
        self._token_proof_ns: dict[str, int] = {}
        self.subscribed: tuple[str, ...] = ()
        self.check = BookCheck()
        self.messages: dict[str, int] = {}
        self.parse_errors = 0
        self.unknown_token = 0
        self.reconnects = 0
        self.witness_agreed = 0
        self.witness_differed = 0

    # --- metadata ----------------------------------------------------------------------

    def put(self, spec: MarketSpec, position: Position) -> tuple[Market, bool]:
        """Add a market or renew its metadata; True when something that matters changed."""
        market = self._by_id.get(spec.market_id)
        if market is None:
            market = Market(spec, self._settings, self._moment, self._orders, position)
            self._by_id[spec.market_id] = market
            for token_id, is_yes in zip(spec.token_ids, (True, False), strict=True):
                self._by_token[token_id] = (market, is_yes)
            return market, True
        if market.is_resolved and not spec.closed:
            # Metadata lags behind the feed: what has paid out does not open again.
            spec = msgspec.structs.replace(spec, closed=True)
        changed = _without_volumes(market.spec) != _without_volumes(spec)
        if spec.tick_e4 != market.spec.tick_e4 and spec.tick_e4 != market.tick_e4:
            self._start_epoch(market, spec.tick_e4)
        if spec.min_size_e6 != market.spec.min_size_e6:
            market.min_size_e6 = spec.min_size_e6
        if is_proposed(spec) and not is_proposed(market.spec):
            market.proposed_ns = self._moment.now_ns
        elif len(spec.uma_statuses) != len(market.spec.uma_statuses):
            market.proposed_ns = self._moment.now_ns if is_proposed(spec) else None
        market.spec = spec
        market.cluster_id = cluster_of(spec)
        return market, changed

    def resolved(self, market: Market) -> None:
        """The market paid out: it is closed for good."""
        market.is_resolved = True
        market.spec = msgspec.structs.replace(market.spec, closed=True)

    def find(self, market_id: str) -> Market | None:
        """Return a market by its condition id."""
        return self._by_id.get(market_id)

    def followed(self) -> list[Market]:
        """Markets whose tokens are subscribed, in subscription order, each once."""
        found: dict[str, Market] = {}
        for token_id in self.subscribed:
            known = self._by_token.get(token_id)
            if known is not None:
                found[known[0].market_id] = known[0]
        return list(found.values())

    def followed_ids(self) -> list[str]:
        """The ids of :meth:`followed`."""
        return [market.market_id for market in self.followed()]

    def known(self) -> Iterable[Market]:
        """Every market whose metadata was ever fetched."""
        return self._by_id.values()

    def is_blind(self) -> bool:
        """Whether markets are followed and not one of their books is current."""
        followed = self.followed()
        return bool(followed) and not any(market.is_fresh for market in followed)

    def token_proof_ns(self, token_id: str) -> int | None:
        """When the token's book was last proven current; None without a book."""
        return self._token_proof_ns.get(token_id)

    def follow(self, token_ids: Iterable[str]) -> None:
        """Follow exactly these tokens; what is known of any other's book ends here."""
        followed = tuple(token_ids)
        wanted = frozenset(followed)
        self.subscribed = followed
        self.on_lost(
            token_id
            for token_id, (market, _) in self._by_token.items()
            if token_id not in wanted and (market.connected or market.has_book)
        )

    # --- market data -------------------------------------------------------------------

    def on_snapshot(self, event: events.BookSnapshot) -> Market | None:
        """Replace a market's book; returns the market when its book is usable now."""
        known = self._by_token.get(event.token_id)
        if known is None:
            self.unknown_token += 1
            return None
        market, is_yes = known
        if event.tick_e4 is not None and event.tick_e4 != market.tick_e4:
            self._start_epoch(market, event.tick_e4)
        if event.min_size_e6 is not None:
            market.min_size_e6 = event.min_size_e6
        bids, asks = in_yes_space(is_yes, event.bids, event.asks)
        is_first = not market.has_book
        if not is_first:
            self.check.compare(market.market_id, market.book, bids, asks, event.ts_ns)
        market.book.replace(bids, asks)
        market.has_book = True
        market.witness_doubts = 0
        self._proven(market, event.token_id, event.ts_ns)
        self._note(market, event.ts_ns)
        # An empty book looks like none: that it is known now is a change all the same.
        market.top_changed = market.top_changed or is_first
        return market

    def on_change(self, event: events.PriceChange) -> Market | None:
        """Apply level changes; returns the market when its book is usable."""
        market: Market | None = None
        for change in event.changes:
            known = self._by_token.get(change.token_id)
            if known is None:
                self.unknown_token += 1
                continue
            market, is_yes = known
            if not market.has_book:
                continue
            is_bid = change.is_bid is is_yes
            price_e4 = change.price_e4 if is_yes else PRICE_ONE_E4 - change.price_e4
            market.book.set_level(is_bid, price_e4, change.size)
            self.check.on_level(market.market_id, is_bid, price_e4, change.size, event.ts_ns)
            self._token_proof_ns[change.token_id] = event.ts_ns
        if market is None or not market.has_book:
            return None
        market.proof_ns = event.ts_ns
        self._note(market, event.ts_ns)
        return market

    def on_tick_size(self, event: events.TickSizeChange) -> Market | None:
        """Start a new epoch: what is known of the book belongs to the old grid."""
        known = self._by_token.get(event.token_id)
        if known is None:
            self.unknown_token += 1
            return None
        market = known[0]
        if market.tick_e4 != event.new_tick_e4:
            self._start_epoch(market, event.new_tick_e4)
        return market

    def on_witness(self, event: events.BookWitness) -> tuple[Market, bool] | None:
        """Compare a REST book with ours; agreement is proof that ours is current.

        Returns the market and whether its book must be asked for again: twice in a row
        the venue's own answer was another one and no message explained it.
        """
        known = self._by_token.get(event.token_id)
        if known is None or not known[0].has_book:
            return None
        market, is_yes = known
        bids, asks = in_yes_space(is_yes, event.bids, event.asks)
        if market.book.agreement(bids, asks) == "same":
            self.witness_agreed += 1
            market.witness_doubts = 0
            self._proven(market, event.token_id, event.ts_ns)
            return market, False
        self.witness_differed += 1
        market.witness_doubts += 1
        return market, market.witness_doubts >= 2

    # --- the connection ----------------------------------------------------------------

    def on_connected(self, token_ids: Iterable[str]) -> list[Market]:
        """A socket follows these tokens: returns the markets whose books it made unknown.

        What happened before the subscription was not heard; a snapshot comes next.
        """
        forgotten: dict[str, Market] = {}
        for token_id in token_ids:
            known = self._by_token.get(token_id)
            if known is not None:
                market = known[0]
                market.connected = True
                if market.has_book:
                    self.distrust(market)
                    forgotten[market.market_id] = market
        return list(forgotten.values())

    def on_lost(self, token_ids: Iterable[str]) -> list[Market]:
        """A socket is gone: returns the markets whose books can no longer be trusted."""
        lost: dict[str, Market] = {}
        for token_id in token_ids:
            known = self._by_token.get(token_id)
            if known is not None:
                market = known[0]
                market.connected = False
                self.distrust(market)
                lost[market.market_id] = market
        return list(lost.values())

    def distrust(self, market: Market) -> None:
        """Forget a book; nothing is quoted from it until a fresh snapshot."""
        market.has_book = False
        market.proof_ns = None
        market.witness_doubts = 0
        for token_id in market.spec.token_ids:
            self._token_proof_ns.pop(token_id, None)
        market.book.clear(market.tick_e4)
        market.top = market.book.top

    def _start_epoch(self, market: Market, tick_e4: int) -> None:
        market.tick_e4 = tick_e4
        market.book_epoch += 1
        self.distrust(market)

    def _proven(self, market: Market, token_id: str, now_ns: int) -> None:
        self._token_proof_ns[token_id] = now_ns
        market.proof_ns = now_ns

    def _note(self, market: Market, now_ns: int) -> None:
        market.churn.add(now_ns)
        top = market.book.top
        market.top_changed = top != market.top
        if not market.top_changed:
            return
        market.top = top
        mid_e6 = market.book.mid_e6
        if mid_e6 is not None:
            market.mid_range.add(mid_e6, now_ns)

    # --- health ------------------------------------------------------------------------

    def count(self, kind: str) -> None:
        """Count a message by type."""
        self.messages[kind] = self.messages.get(kind, 0) + 1

    def health(self) -> FeedHealth:
        """Return the feed's counters now."""
        now_ns = self._moment.now_ns
        ages = sorted(
            (
                ((now_ns - self._token_proof_ns[token_id]) / _SECOND_NS, token_id)
                for token_id in self.subscribed
                if token_id in self._token_proof_ns
            ),
        )
        return FeedHealth(
            messages=dict(sorted(self.messages.items())),
            parse_errors=self.parse_errors,
            tokens=len(self.subscribed),
            tokens_with_book=len(ages),
            fresh_10s=sum(1 for age, _ in ages if age <= 10),
            fresh_60s=sum(1 for age, _ in ages if age <= 60),
            median_age_s=ages[len(ages) // 2][0] if ages else None,
            max_age_s=ages[-1][0] if ages else None,
            stalest=tuple((token_id, age) for age, token_id in reversed(ages[-10:])),
            reconnects=self.reconnects,
            books_checked=self.check.checked,
            books_mismatched=self.check.mismatched,
            witness_agreed=self.witness_agreed,
            witness_differed=self.witness_differed,
        )


def in_yes_space(is_yes: bool, bids: Levels, asks: Levels) -> tuple[Levels, Levels]:
    """Return a token's levels as YES bids and asks: a NO bid at q is a YES ask at 1 - q."""
    if is_yes:
        return bids, asks
    return (
        [(PRICE_ONE_E4 - price_e4, size) for price_e4, size in asks],
        [(PRICE_ONE_E4 - price_e4, size) for price_e4, size in bids],
    )


def is_proposed(spec: MarketSpec) -> bool:
    """Whether an answer stands that can still be disputed."""
    return bool(spec.uma_statuses) and spec.uma_statuses[-1].lower() in PROPOSED_WORDS


def _without_volumes(spec: MarketSpec) -> tuple[object, ...]:
    return tuple(
        getattr(spec, name)
        for name in spec.__struct_fields__
        if name not in {"volume_24h_usd", "liquidity_usd"}
    )
