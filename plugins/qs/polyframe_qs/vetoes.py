"""When a market must not be quoted at all: every reason, in the order of their weight. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from polyframe import MarketState, MarketView, PluginVeto, Reading, Veto
from polyframe_qs.config import Config

NO_BOOK = "qs.no_book"
STATE = "qs.state"
NEAR_CLOSE_VOLATILE = "qs.near_close_volatile"
CROSSED = "qs.crossed"
STALE = "qs.stale"
LIQUIDITY = "qs.liquidity"
ONE_SIDED = "qs.one_sided"

CODES = (NO_BOOK, STATE, NEAR_CLOSE_VOLATILE, CROSSED, STALE, LIQUIDITY, ONE_SIDED)

# The first of these that was cast is the primary reason. `rrs` is any veto of the plugin the
# strategy file names rrs; QS never asks it, it reads the answer in the decision.
PRIMARY_ORDER = (
    "no_book",
    "rrs",
    "state",
    "near_close_volatile",
    "crossed",
    "stale",
    "liquidity",
    "one_sided",
)

QUOTABLE_STATES = (MarketState.NORMAL, MarketState.WATCH, MarketState.CLOSE_WINDOW)

_PRICE_NOISE = 1e-9  # jumps are differences of floats


ALSO_FOR_TRADES = frozenset({NO_BOOK, STATE, STALE})
"""What forbids a leg that takes as well: facts about the book's truth, not about quoting."""


def vetoes(market: MarketView, config: Config) -> list[Veto]:
    """Return every QS veto of a market, all conditions evaluated.

    Units of ``observed`` and ``limit``: near_close_volatile price, crossed cents, stale
    seconds (observed None when nothing ever proved the book), liquidity USD; the others none.
    """
    book = market.book
    found = []
    if not market.has_book:
        found.append(Veto(NO_BOOK))
    if market.state not in QUOTABLE_STATES:
        found.append(Veto(STATE))
    if is_near(market.hours_to_close, config) and (
        market.jump_1h > config.near_close_jump + _PRICE_NOISE
    ):
        found.append(Veto(NEAR_CLOSE_VOLATILE, None, market.jump_1h, config.near_close_jump))
    spread_e4 = book.spread_e4
    if spread_e4 is not None and spread_e4 < market.tick_e4:
        found.append(Veto(CROSSED, None, spread_e4 / 100, market.tick_e4 / 100))
    age_s = market.book_age_s
    if age_s is None or age_s > market.max_book_age_s:
        found.append(Veto(STALE, None, age_s, market.max_book_age_s))
    resting_usd = liquidity_usd(market, config)
    if resting_usd < config.min_liquidity_usd:
        found.append(Veto(LIQUIDITY, None, resting_usd, config.min_liquidity_usd))
    if book.best_bid_e4 is None or book.best_ask_e4 is None:
        found.append(Veto(ONE_SIDED))
    return found


def readings(market: MarketView, config: Config) -> list[Reading]:
    """Return the numbers that :func:`vetoes` compares, each with its limit, where there is one."""
    found = [
        Reading("resting_usd", liquidity_usd(market, config), config.min_liquidity_usd),
        Reading("jump_1h", market.jump_1h, config.near_close_jump),
    ]
    if market.book.spread_e4 is not None:
        found.append(Reading("spread_c", market.book.spread_e4 / 100, market.tick_e4 / 100))
    if market.book_age_s is not None:
        found.append(Reading("book_age_s", market.book_age_s, market.max_book_age_s))
    if market.hours_to_close is not None:
        found.append(Reading("hours_to_close", market.hours_to_close, config.near_close_h))
    return found


def is_near(hours_to_close: float | None, config: Config) -> bool:
    """Whether a market counts as near its close; one whose end is unknown does."""
    return hours_to_close is None or hours_to_close < config.near_close_h


def liquidity_usd(market: MarketView, config: Config) -> float:
    """Return the money resting near the touch on both sides.

    What the book shows, not what the metadata claims: the book can be verified.
    """
    within_e4 = round(config.liquidity_within_c * 100)
    return market.book.depth_usd("bid", within_e4) + market.book.depth_usd("ask", within_e4)


def primary(cast: Iterable[PluginVeto]) -> str | None:
    """Return the first reason of :data:`PRIMARY_ORDER` among a decision's vetoes, else None."""
    reasons = {
        "rrs" if given.plugin == "rrs" else given.veto.code.removeprefix("qs.") for given in cast
    }
    return next((reason for reason in PRIMARY_ORDER if reason in reasons), None)
