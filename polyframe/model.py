"""The values hooks speak: markets, quotes, vetoes, fills, decisions, and read-only views.

Quotes and book views are in *YES price space*: the first outcome's price. A NO order at
0.40 is a YES offer at 0.60; nobody outside ``runtime.orders`` has to think about it.
Views are Protocols: what a plugin may read. They are valid during the hook call only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal, Protocol

import msgspec

BookSide = Literal["bid", "ask"]
SIDES: tuple[BookSide, BookSide] = ("bid", "ask")


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


class MarketSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue says a market is. Instants are UTC ns; None means the venue did not say.

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
    ``inputs`` are the numbers that led to it, for the decision's record.
    """

    market_id: str
    fair: float | None = None
    bid: QuoteLeg | None = None
    ask: QuoteLeg | None = None
    policy: str = ""
    inputs: tuple[tuple[str, float], ...] = ()

    def leg(self, side: BookSide) -> QuoteLeg | None:
        """Return the leg of one side."""
        return self.bid if side == "bid" else self.ask

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to rest."""
        return self.bid is None and self.ask is None


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


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One quoting decision, complete enough to explain it afterwards.

    ``outcome``: quoted (an order changes), unchanged (what rests is right), pulled (orders
    cancelled), vetoed (nothing rests and nothing may), no_proposal, unselected.
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


# --- read-only views -----------------------------------------------------------------


class BookView(Protocol):
    """One market's book in YES price space. A missing side is None, never 0 or 1."""

    @property
    def best_bid_e4(self) -> int | None: ...
    @property
    def best_ask_e4(self) -> int | None: ...
    @property
    def best_bid_size(self) -> float: ...
    @property
    def best_ask_size(self) -> float: ...
    @property
    def mid(self) -> float | None:
        """(bid + ask) / 2; None when one-sided, locked or crossed."""
        ...

    @property
    def microprice(self) -> float | None:
        """The mid weighted by the opposite sizes; None where the mid is."""
        ...

    @property
    def spread_e4(self) -> int | None:
        """Ask - bid; zero or negative when locked or crossed; None when one-sided."""
        ...

    def size_at(self, side: BookSide, price_e4: int) -> float:
        """Shares displayed at a price."""
        ...

    def depth_usd(self, side: BookSide, within_e4: int) -> float:
        """Dollars resting within a distance of the side's best price (its own side's notional)."""
        ...

    def levels(self, side: BookSide, count: int) -> list[tuple[int, float]]:
        """The best ``count`` levels ``(price_e4, size)``, best first."""
        ...


class PositionView(Protocol):
    """What we hold of one market's two tokens, in micro-shares."""

    @property
    def yes_e6(self) -> int: ...
    @property
    def no_e6(self) -> int: ...
    @property
    def net_yes_e6(self) -> int:
        """YES minus NO: the signed exposure once pairs are netted."""
        ...

    @property
    def cost_e12(self) -> int:
        """Cash spent on what is held (average cost), both tokens."""
        ...


class OrderView(Protocol):
    """One order of ours that may still fill."""

    @property
    def order_id(self) -> str: ...
    @property
    def market_id(self) -> str: ...
    @property
    def is_yes(self) -> bool: ...
    @property
    def is_buy(self) -> bool: ...
    @property
    def price_e4(self) -> int:
        """The token's own price."""
        ...

    @property
    def leaves_e6(self) -> int: ...
    @property
    def side(self) -> BookSide:
        """Which side of the YES book it rests on."""
        ...

    @property
    def yes_price_e4(self) -> int: ...


class MarketView(Protocol):
    """Everything a plugin may know of one market."""

    @property
    def spec(self) -> MarketSpec: ...
    @property
    def market_id(self) -> str: ...
    @property
    def cluster_id(self) -> str: ...
    @property
    def tick_e4(self) -> int:
        """The tick in force now (the feed's word beats the metadata's)."""
        ...

    @property
    def min_size_e6(self) -> int: ...
    @property
    def book(self) -> BookView: ...
    @property
    def has_book(self) -> bool:
        """Whether a snapshot of this epoch has arrived."""
        ...

    @property
    def state(self) -> MarketState: ...
    @property
    def hours_to_close(self) -> float | None: ...
    @property
    def book_age_s(self) -> float | None:
        """Seconds since the last proof that the book is current; None without one."""
        ...

    @property
    def max_book_age_s(self) -> float:
        """The profile's oldest quotable book."""
        ...

    @property
    def updates_per_s(self) -> float:
        """Book updates a second over the last minute (churn)."""
        ...

    @property
    def jump_1h(self) -> float:
        """Range of the mid over the last hour, in price (0.03 = 3 cents)."""
        ...

    @property
    def orders(self) -> Sequence[OrderView]: ...
    @property
    def position(self) -> PositionView: ...


class PortfolioView(Protocol):
    """Cash, holdings and open orders of the account, exact."""

    @property
    def bankroll_e12(self) -> int: ...
    @property
    def cash_e12(self) -> int: ...
    @property
    def equity_e12(self) -> int:
        """Cash plus holdings at their marks."""
        ...

    @property
    def peak_equity_e12(self) -> int: ...
    @property
    def day_start_equity_e12(self) -> int: ...
    @property
    def reserved_e12(self) -> int:
        """Cash promised to open BUY orders."""
        ...

    def position(self, market_id: str) -> PositionView:
        """The holdings in one market (zeros when none)."""
        ...

    def positions(self) -> Mapping[str, PositionView]:
        """Every market with a holding."""
        ...

    def orders(self, market_id: str | None = None) -> Sequence[OrderView]:
        """Orders that may still fill, in-flight ones included."""
        ...

    def market(self, market_id: str) -> MarketView | None:
        """Another market's view, for clusters and events."""
        ...
