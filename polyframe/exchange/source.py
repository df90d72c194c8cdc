"""What the server needs of a market: frames as time passes, books on request, metadata.

Two sources implement it: a recording and a simulation. Neither reads a clock: the server
tells them how far market time has come. A :class:`TradableSource` takes orders as well; a
recording cannot, because nobody can know what its market would have done with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeGuard

import msgspec

from polyframe.exchange.matching import Execution, Match, MatchingBook, NewOrder

GammaMarket = Mapping[str, Any]
"""A market object as Gamma sends it (venue.md 6.1)."""

BookMessage = dict[str, Any]
"""A token's book with the keys of venue.md 2.3, in their order, hash included."""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One message of the market channel, encoded once, and who is to get it.

    ``token_ids`` are the tokens it concerns: a socket gets it when it follows one of them.
    ``flagged`` keeps it to sockets with ``custom_feature_enabled``; ``for_everyone`` ignores the
    token list. ``book_of`` names the token whose whole book this is. Neighbouring frames
    with the same non-zero ``array`` travel as one JSON array.
    """

    ts_ns: int
    payload: bytes
    token_ids: tuple[str, ...]
    flagged: bool = False
    for_everyone: bool = False
    book_of: str = ""
    array: int = 0


class Source(Protocol):
    """A market to be served."""

    @property
    def start_ns(self) -> int:
        """The market time (UTC ns) at which it begins."""
        ...

    @property
    def ended(self) -> bool:
        """Whether no further frame will ever come."""
        ...

    def markets(self) -> Sequence[GammaMarket]:
        """Return Gamma's view of every listed market, as of the last ``advance``."""
        ...

    def market(self, market_id: str) -> GammaMarket | None:
        """Return one listed market of :meth:`markets` by its condition id, None if unknown."""
        ...

    def market_of_token(self, token_id: str) -> GammaMarket | None:
        """Return the listed market a token belongs to, None for an unknown token."""
        ...

    def advance(self, to_ns: int, most: int) -> list[Frame]:
        """Return the next frames due up to ``to_ns``, in time order, about ``most`` at once.

        Fewer than ``most`` means that nothing more is due. Books and markets are those after
        the last frame returned.
        """
        ...

    def book(self, token_id: str) -> BookMessage | None:
        """Return a token's book now; None for an unknown token or one without a book yet."""
        ...

    def last_trade(self, token_id: str) -> tuple[str, str] | None:
        """Return price and taker side of the token's last trade as the venue writes them.

        ``("", "")`` for a token that never traded, None where :meth:`book` is None.
        """
        ...

    def close(self) -> None:
        """Let go of files."""
        ...


class MarketTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What an order has to know of its market; tick and books are the matching book's.

    ``version`` chooses the signing domain: "v1" the CTF exchanges, "v2" ExchangeV3 (venue.md
    1.4). ``taker_hold_ms`` above 0 is the ``itode`` hold, ``taker_delay_s`` the sports delay
    (venue.md 4.4). ``reward_usd_per_day`` is 0 without a reward programme.
    """

    market_id: str
    token_ids: tuple[str, str]
    outcomes: tuple[str, str]
    neg_risk: bool
    version: str
    fee_rate: float
    fee_exponent: float
    rebate_share: float
    taker_hold_ms: int
    taker_delay_s: int
    reward_min_e6: int
    reward_max_spread_e4: int
    reward_usd_per_day: float
    is_accepting: bool


class MatchListener(Protocol):
    """Who is told what happens to orders inside a tradable source, as it happens."""

    def matched(self, market_id: str, matches: tuple[Match, ...], now_ns: int) -> None:
        """One taker's matches, in the order they were made; the book already shows them."""
        ...

    def removed(self, market_id: str, order_ids: Sequence[str], status: str, now_ns: int) -> None:
        """The venue took resting orders off the book; ``status`` is what the venue calls it."""
        ...

    def resolved(self, market_id: str, payouts_e6: tuple[int, int], now_ns: int) -> None:
        """The market is over: what one YES and one NO share pay, in 1e-6 USD."""
        ...


class TradableSource(Source, Protocol):
    """A source whose matching engines take orders from outside.

    Whoever submits or cancels first lets time come to ``now_ns`` with ``advance``: the crowd's
    earlier orders are matched before. Frames that result come with the next ``advance``.
    """

    listener: MatchListener | None

    def terms(self, token_id: str) -> MarketTerms | None:
        """Return the terms of a listed token's market, None for an unknown token."""
        ...

    def matching_book(self, market_id: str) -> MatchingBook:
        """Return a market's engine, for reading.

        Raises:
            KeyError: no such market.
        """
        ...

    def submit(self, market_id: str, order: NewOrder, now_ns: int) -> Execution:
        """Match an order and rest what is left of it; the listener hears of the matches."""
        ...

    def cancel(self, market_id: str, order_id: str, now_ns: int) -> int:
        """Take an order off the book; return the micro-shares that were left, 0 if gone."""
        ...


def is_tradable(source: Source) -> TypeGuard[TradableSource]:
    """Whether a source takes orders from outside."""
    return hasattr(source, "matching_book")
