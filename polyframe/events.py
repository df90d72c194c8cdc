"""What can happen: the immutable inputs of the engine.

Every event carries ``ts_ns``, UTC nanoseconds of *receipt*; the engine has no other clock.
Token prices are the token's own (a NO token's 0.40 is 0.40); only the books turn them into
YES price space. Nothing here has behaviour.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from polyframe.hazards import Action, Hazard
from polyframe.model import MarketSpec


class Side(StrEnum):
    """Of an order: BUY or SELL *of its token*. Of a print: what the taker did."""

    BUY = "BUY"
    SELL = "SELL"


class Event(msgspec.Struct, frozen=True, tag_field="event", tag=True):
    """Base of every input; ``ts_ns`` is the receipt time in UTC nanoseconds."""

    ts_ns: int


class RawFrame(msgspec.Struct, frozen=True, gc=False):
    """A market socket's frame as it came; ``ts_ns`` is its receipt, UTC nanoseconds."""

    ts_ns: int
    shard: int
    data: bytes


# --- market data ---------------------------------------------------------------------


class LevelChange(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One level's new total. ``size`` in shares, 0 removes the level.

    ``best_bid_e4`` and ``best_ask_e4`` are the venue's word on the touch after the change,
    None where it did not say.
    """

    token_id: str
    is_bid: bool
    price_e4: int
    size: float
    best_bid_e4: int | None = None
    best_ask_e4: int | None = None


class BookSnapshot(Event, frozen=True):
    """A token's whole book. Levels are ``(price_e4, size)`` in no promised order.

    ``tick_e4`` and ``min_size_e6`` are None where the venue left them out.
    """

    venue_ms: int
    market_id: str
    token_id: str
    bids: tuple[tuple[int, float], ...]
    asks: tuple[tuple[int, float], ...]
    tick_e4: int | None = None
    min_size_e6: int | None = None
    hash: str = ""


class PriceChange(Event, frozen=True):
    """Levels of one market that changed together, often of both tokens."""

    venue_ms: int
    market_id: str
    changes: tuple[LevelChange, ...]


class TradePrint(Event, frozen=True):
    """A public trade as its taker made it; ``taker_side`` is a claim, often wrong."""

    venue_ms: int
    market_id: str
    token_id: str
    price_e4: int
    size_e6: int
    taker_side: Side
    transaction_hash: str = ""


class TickSizeChange(Event, frozen=True):
    """A new price grid: everything known of this token's book belongs to the old epoch."""

    venue_ms: int
    market_id: str
    token_id: str
    old_tick_e4: int
    new_tick_e4: int


class BestBidAsk(Event, frozen=True):
    """The venue's word on a token's touch; None where that side is empty."""

    venue_ms: int
    market_id: str
    token_id: str
    best_bid_e4: int | None
    best_ask_e4: int | None


class MarketListed(Event, frozen=True):
    """The venue announced a market; its details come with the next refresh."""

    venue_ms: int
    market_id: str
    token_ids: tuple[str, ...]
    question: str


class MarketResolved(Event, frozen=True):
    """A market paid out. ``winning_token_id`` is empty where the venue did not say."""

    venue_ms: int
    market_id: str
    winning_token_id: str


class Unrecognised(Event, frozen=True):
    """A message the codec could not read; counted and kept, never raised."""

    reason: str
    sample: str


# --- facts about the connection and the universe -------------------------------------


class FeedConnected(Event, frozen=True):
    """A socket is subscribed to these tokens; their books are unknown until a snapshot comes."""

    shard: int
    token_ids: tuple[str, ...]


class FeedLost(Event, frozen=True):
    """A socket is gone or silent; every book of these tokens is stale from now on."""

    shard: int
    token_ids: tuple[str, ...]
    reason: str


class BookWitness(Event, frozen=True):
    """A REST answer for a token, to be compared with the book built from the feed."""

    venue_ms: int
    token_id: str
    bids: tuple[tuple[int, float], ...]
    asks: tuple[tuple[int, float], ...]


class MarketsFetched(Event, frozen=True):
    """Market metadata.

    ``complete`` is False when paging broke off; ``universe`` is True for a whole selection
    (anything else is a refresh of markets already known). ``skipped`` counts listed
    objects that cannot be traded at all, by reason.
    """

    markets: tuple[MarketSpec, ...]
    complete: bool = True
    universe: bool = True
    detail: str = ""
    skipped: tuple[tuple[str, int], ...] = ()


class Tick(Event, frozen=True):
    """Time has passed; drives cycles, expiries and markouts when nothing else does."""


class RunStarted(Event, frozen=True):
    """The first event of every run."""

    run_id: str
    source: str


class StopAsked(Event, frozen=True):
    """A stop is wanted while trades are under way: they are ended, nothing new is begun."""

    reason: str


class RunStopping(Event, frozen=True):
    """The last decision point: pull everything."""

    reason: str


# --- what the venue says of our orders -----------------------------------------------


class OrderAccepted(Event, frozen=True):
    """The order rests."""

    order_id: str


class OrderRejected(Event, frozen=True):
    """The order never rested. ``code`` is one of polyframe's, ``message`` the venue's words."""

    order_id: str
    code: str
    message: str


class OrderUncertain(Event, frozen=True):
    """Nobody knows whether the order rests: its request was not answered (venue.md 2.10).

    It keeps its reservation until evidence says what became of it.
    """

    order_id: str
    reason: str


class OrderAdopted(Event, frozen=True):
    """An order of an earlier run that the venue may still say something of.

    ``is_live`` is whether it may still fill; fills and reversals of one that is gone are
    booked all the same. ``is_uncertain`` as in :class:`OrderUncertain`.
    """

    order_id: str
    market_id: str
    token_id: str
    side: Side
    price_e4: int
    size_e6: int
    filled_e6: int
    expires_ns: int | None
    component: str
    decision_id: int
    placed_ns: int
    is_live: bool
    is_uncertain: bool = False


class OrderCancelled(Event, frozen=True):
    """The order is off the book, asked for or not; ``reason`` says why."""

    order_id: str
    reason: str


class CancelRejected(Event, frozen=True):
    """The cancel came too late; a fill or another end of the order explains it."""

    order_id: str
    message: str


class OrderFilled(Event, frozen=True):
    """An execution of ours, keyed ``(trade_id, order_id)``; price is the token's own.

    ``fee_e12`` is what we paid (a maker: 0). ``reverses`` names the trade id of a fill
    whose settlement failed: this event takes it back.
    """

    order_id: str
    trade_id: str
    price_e4: int
    size_e6: int
    fee_e12: int
    is_maker: bool
    reverses: str = ""


class HoldingsSettling(Event, frozen=True):
    """What was bought of a market and cannot be sold yet: its trades are matched, not mined.

    The whole of it, in micro-shares; a later word replaces an earlier one (venue.md 7.10).
    """

    market_id: str
    yes_e6: int
    no_e6: int


class ProceedsSettling(Event, frozen=True):
    """What sales brought and nobody can spend yet: their trades are matched, not mined.

    The whole account's, in 1e-12 USD; a later word replaces an earlier one (venue.md 4.5).
    """

    amount_e12: int


class RebatePaid(Event, frozen=True):
    """The venue paid a maker rebate for one market and day."""

    market_id: str
    amount_e12: int


class RewardPaid(Event, frozen=True):
    """The venue paid a liquidity reward for one market and day."""

    market_id: str
    amount_e12: int


class CashMoved(Event, frozen=True):
    """Cash came or went that no trade explains, and the operator accepted it."""

    amount_e12: int
    reason: str


class PairsMerged(Event, frozen=True):
    """``size_e6`` YES and as many NO of a market became as many dollars."""

    merge_id: str
    market_id: str
    size_e6: int


class MergeFailed(Event, frozen=True):
    """Nothing was merged; what is held is what it was."""

    merge_id: str
    market_id: str
    message: str


class TokensRedeemed(Event, frozen=True):
    """A resolved market's holdings became the cash they were worth."""

    redeem_id: str
    market_id: str


class AllowancesRefreshed(Event, frozen=True):
    """Allowances were given anew; ``message`` says why not, "" when they were."""

    message: str


class RedeemFailed(Event, frozen=True):
    """Nothing was redeemed; it is asked for again."""

    redeem_id: str
    market_id: str
    message: str


# --- what keeps us from trading ---------------------------------------------------------


class HazardRaised(Event, frozen=True):
    """A hazard stands from now on, or stands for another reason."""

    hazard: Hazard
    action: Action
    detail: str


class HazardCleared(Event, frozen=True):
    """The cause of a hazard is gone."""

    hazard: Hazard


class BookVerified(Event, frozen=True):
    """The venue was asked what rests after a cancel-all; ``left`` of ours still does.

    ``took_ns`` is market time from the command to the answer.
    """

    reason: str
    left: int
    took_ns: int


MarketDataEvent = (
    BookSnapshot
    | PriceChange
    | TradePrint
    | TickSizeChange
    | BestBidAsk
    | MarketListed
    | MarketResolved
    | Unrecognised
)
OrderEvent = (
    OrderAccepted
    | OrderRejected
    | OrderUncertain
    | OrderAdopted
    | OrderCancelled
    | CancelRejected
    | OrderFilled
    | HoldingsSettling
    | ProceedsSettling
    | RebatePaid
    | RewardPaid
    | CashMoved
    | PairsMerged
    | MergeFailed
    | TokensRedeemed
    | RedeemFailed
    | AllowancesRefreshed
)
SafetyEvent = HazardRaised | HazardCleared | BookVerified
InputEvent = (
    MarketDataEvent
    | FeedConnected
    | FeedLost
    | BookWitness
    | MarketsFetched
    | Tick
    | RunStarted
    | StopAsked
    | RunStopping
    | OrderEvent
    | SafetyEvent
)
