"""The values hooks speak: markets, quotes, trades, vetoes, fills, decisions.

Quotes are in *YES price space*: the first outcome's price. A NO order at 0.40 is a YES offer at
0.60; nobody outside ``runtime.orders`` has to think about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal

import msgspec

BookSide = Literal["bid", "ask"]
SIDES: tuple[BookSide, BookSide] = ("bid", "ask")
MAKER = "maker"
"""The component of quotes; whatever belongs to another one is a trade's."""


class FeeSchedule(msgspec.Struct, frozen=True):
    """A taker fee ``size * rate * (p (1 - p))^exponent`` and the makers' share of it."""

    rate: float = 0.0
    exponent: float = 1.0
    taker_only: bool = True
    rebate_share: float = 0.0


class RewardTerms(msgspec.Struct, frozen=True):
    """A market's liquidity reward: least size in shares, widest spread in cents, USD a day."""

    min_size: float = 0.0
    max_spread_c: float = 0.0
    daily_usd: float = 0.0


# What the oracle's last status says when the answer stands for good.
RESOLVED_WORDS = frozenset({"resolved", "settled"})


class MarketSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue says a market is. Instants are UTC ns; None means the venue did not say.

    ``yes_payout_e6`` is what a YES share paid (0, 500,000 or 1,000,000), None before that.

    ``token_ids[0]`` belongs to ``outcomes[0]``, the YES side of every price here, whatever
    the outcomes are called. Texts are the venue's and hostile until escaped.
    """

    market_id: str
    question: str
    rules: str
    resolution_source: str
    slug: str
    outcomes: tuple[str, str]
    token_ids: tuple[str, str]
    tick_e4: int
    min_size_e6: int
    fees: FeeSchedule
    rewards: RewardTerms
    neg_risk: bool
    neg_risk_augmented: bool
    market_event_id: str
    market_event_title: str
    group_item_title: str
    category: str
    tags: tuple[str, ...]
    end_ns: int | None
    game_start_ns: int | None
    accepting_orders: bool
    closed: bool
    uma_statuses: tuple[str, ...]
    liveness_s: float | None
    volume_24h_usd: float
    liquidity_usd: float
    seconds_delay: float
    yes_payout_e6: int | None = None


class MarketState(StrEnum):
    """Where a market stands on its way to resolution (mission.md 3.1)."""

    NORMAL = "NORMAL"
    WATCH = "WATCH"
    CLOSE_WINDOW = "CLOSE_WINDOW"
    POST_CLOSE = "POST_CLOSE"
    PROPOSED = "PROPOSED"
    CHALLENGE_WINDOW = "CHALLENGE_WINDOW"
    DISPUTED = "DISPUTED"
    RESOLVED = "RESOLVED"
    UNKNOWN = "UNKNOWN"


class Veto(msgspec.Struct, frozen=True):
    """A refusal to quote. ``code`` is one the plugin declared, ``side`` None means both sides.

    ``observed`` and ``limit`` are the numbers behind it, in the unit the code's text names.
    """

    code: str
    side: BookSide | None = None
    observed: float | None = None
    limit: float | None = None


class QuoteLeg(msgspec.Struct, frozen=True):
    """One side of a quote: a YES-space price and a size."""

    price_e4: int
    size_e6: int


class Quote(msgspec.Struct, frozen=True):
    """The wanted resting state of one market, in YES price space; a missing leg is None.

    ``fair`` is the value the policy quotes around, None when no policy proposed anything.
    ``inputs`` are the numbers that led to it, for the decision's record. ``component`` is
    ``maker`` for a quote; a leg of a trade is put to the vetoes as a one-sided quote of its
    trade's component (``arb``, ``satellite``, ``taker``) at the worst price it may pay.
    ``trade_legs`` is then what the trade has still to send, this leg first: a side alone cannot
    tell a purchase from a sale (a bid buys YES or sells NO). It is empty for a quote.
    """

    market_id: str
    fair: float | None = None
    bid: QuoteLeg | None = None
    ask: QuoteLeg | None = None
    policy: str = ""
    inputs: tuple[tuple[str, float], ...] = ()
    component: str = MAKER
    trade_legs: tuple[TradeLeg, ...] = ()

    def leg(self, side: BookSide) -> QuoteLeg | None:
        """Return the leg of one side."""
        return self.bid if side == "bid" else self.ask

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to rest."""
        return self.bid is None and self.ask is None


class TradeLeg(msgspec.Struct, frozen=True):
    """One order of a trade: take up to ``size_e6`` of a token at ``limit_e4`` or better.

    ``limit_e4`` is the token's own price: the most a buy pays, the least a sell gets.
    """

    market_id: str
    is_yes: bool
    is_buy: bool
    limit_e4: int
    size_e6: int

    @property
    def side(self) -> BookSide:
        """Which side of the YES book it would be."""
        return "bid" if self.is_yes == self.is_buy else "ask"

    @property
    def yes_price_e4(self) -> int:
        """The limit in YES space."""
        return self.limit_e4 if self.is_yes else 10_000 - self.limit_e4

    def as_quote(
        self,
        component: str,
        inputs: tuple[tuple[str, float], ...] = (),
        after: tuple[TradeLeg, ...] = (),
    ) -> Quote:
        """Return the one-sided quote under which the leg is put to the vetoes.

        ``after`` are the legs of the same trade that leave after this one.
        """
        leg = QuoteLeg(self.yes_price_e4, self.size_e6)
        is_bid = self.side == "bid"
        return Quote(
            self.market_id,
            None,
            leg if is_bid else None,
            None if is_bid else leg,
            component,
            inputs,
            component,
            (self, *after),
        )


class Trade(msgspec.Struct, frozen=True):
    """Something to take now: one leg, or legs that belong together.

    Legs are sent one after the other, each for what the one before it got. When the last is
    not filled within ``within_s`` of the first, what the earlier ones got is unwound.
    ``component`` is the line it is accounted on (``arb``, ``satellite``, ``taker``);
    ``inputs`` are the numbers that led to it.
    """

    component: str
    legs: tuple[TradeLeg, ...]
    within_s: float = 5.0
    inputs: tuple[tuple[str, float], ...] = ()


class Fill(msgspec.Struct, frozen=True):
    """An execution of ours, once per ``(trade_id, order_id)``.

    ``price_e4`` is the token's own price; ``sign`` is +1 when the *YES* exposure grew.
    ``mid_before_e6`` is the YES mid just before, None when the book had none.
    A fill taken back because its settlement failed comes as the same trade the other way
    round, under a trade id of its own; ``reverses`` is then the trade id it takes back.
    """

    ts_ns: int
    trade_id: str
    order_id: str
    market_id: str
    token_id: str
    is_yes: bool
    is_buy: bool
    price_e4: int
    size_e6: int
    fee_e12: int
    is_maker: bool
    component: str
    decision_id: int
    mid_before_e6: int | None
    reverses: str = ""

    @property
    def is_reversal(self) -> bool:
        """Whether this takes an earlier fill back."""
        return bool(self.reverses)

    @property
    def sign(self) -> int:
        """+1 when YES exposure grew (YES bought or NO sold), -1 when it shrank."""
        return 1 if self.is_yes == self.is_buy else -1

    @property
    def yes_price_e4(self) -> int:
        """The price in YES space."""
        return self.price_e4 if self.is_yes else 10_000 - self.price_e4


class PluginVeto(msgspec.Struct, frozen=True):
    """A veto and who cast it (``runtime`` for the engine's own checks)."""

    plugin: str
    veto: Veto


class PluginShape(msgspec.Struct, frozen=True):
    """What one plugin's ``shape_quote`` made of the quote; a leg it dropped is None."""

    plugin: str
    bid: QuoteLeg | None
    ask: QuoteLeg | None


class Reading(msgspec.Struct, frozen=True):
    """A number behind a plugin's vote, its unit in the name, and the limit it is held to.

    ``limit`` is None for a number that is not held to one. Whether the number must stay below
    or above its limit is the plugin's business; its name should tell (``max``, ``min``).
    """

    name: str
    value: float
    limit: float | None = None


class PluginReading(msgspec.Struct, frozen=True):
    """A reading and whose it is."""

    plugin: str
    reading: Reading


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One quoting decision, complete enough to explain it afterwards.

    ``outcome``: quoted (an order changes), unchanged (what rests is right), deferred (an
    order should change, but the mutation budget is used up), pulled (nothing is to rest, and orders
    are cancelled or being cancelled), vetoed (nothing rests and nothing
    may), no_proposal; for a leg of a trade: taking, unwinding or vetoed.

    ``since_ns`` is when its cause arose: a book may have moved, and waited for the market's
    least interval, before ``ts_ns``. ``origin`` is what first caused it, where it had to wait for
    the mutation budget since, "" else. ``proposed_by`` is the plugin whose proposal it was, ""
    without one. ``asked`` are the plugins whose vetoes were asked, in order; empty where the
    runtime had refused already (no rank, stopping). ``shapes`` are those that changed the quote
    on the way (``runtime`` where a market may only reduce), ``readings`` the numbers behind the
    votes, told for decisions that change something, or refuse for other reasons than the last.
    ``held_by`` is what kept a wanted order back, where it was not the mutation budget: hazards by
    name, and ``unknown o-000123``, an order of the market whose fate is unknown.
    """

    decision_id: int
    ts_ns: int
    market_id: str
    trigger: str
    outcome: str
    proposal: Quote
    shaped: Quote
    vetoes: tuple[PluginVeto, ...]
    target: Quote
    commands: tuple[str, ...]
    best_bid_e4: int | None
    best_ask_e4: int | None
    book_age_s: float | None
    state: MarketState
    net_yes_e6: int
    since_ns: int = 0
    origin: str = ""
    proposed_by: str = ""
    asked: tuple[str, ...] = ()
    shapes: tuple[PluginShape, ...] = ()
    readings: tuple[PluginReading, ...] = ()
    held_by: tuple[str, ...] = ()


class FeedHealth(msgspec.Struct, frozen=True, kw_only=True):
    """The feed's counters at one moment; ages in seconds, counts since the run began."""

    messages: Mapping[str, int]
    parse_errors: int
    tokens: int
    tokens_with_book: int
    fresh_10s: int
    fresh_60s: int
    median_age_s: float | None
    max_age_s: float | None
    stalest: tuple[tuple[str, float], ...]
    reconnects: int
    books_checked: int
    books_mismatched: int
    witness_agreed: int
    witness_differed: int


class Cycle(msgspec.Struct, frozen=True, kw_only=True):
    """One selection pass, with every decision since the last and the feed's health."""

    number: int
    ts_ns: int
    decisions: tuple[Decision, ...]
    active: tuple[str, ...]
    clusters: int
    ranked: int
    health: FeedHealth


class ReportPeriod(msgspec.Struct, frozen=True, kw_only=True):
    """The UTC day (or its part) a report covers, and the runtime's own facts about it.

    ``facts`` is JSON-ready: portfolio, attribution by component and market, paper
    profiles, orders, vetoes, feed. Money in it is float USD rounded to 1e-6.
    """

    day: str
    start_ns: int
    end_ns: int
    facts: Mapping[str, Any]
