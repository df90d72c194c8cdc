"""One Gamma market object to a :class:`~polyframe.model.MarketSpec`; pure.

Gamma's fields come as strings, numbers, JSON inside strings, three spellings of a date, or
not at all (venue.md 6.1). What an order depends on (tokens, tick, least size, fee) is never
guessed: a market without it is skipped, with the reason. Everything else has a stated
meaning when absent.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from polyframe.model import RESOLVED_WORDS, FeeSchedule, MarketSpec, RewardTerms
from polyframe.polymarket.category import category_of
from polyframe.polymarket.wire import size_e6, tick_e4

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_NS = 2**63 - 1


class _Skip(Exception):
    """Why a market cannot be traded; caught in :func:`parse_market`."""


def parse_market(obj: Mapping[str, Any]) -> MarketSpec | str:
    """Return the market, or in a few words why it is skipped; never raises.

    Args:
        obj: a market object of Gamma's, numbers as numbers or as text.
    """
    try:
        return _parse(obj)
    except _Skip as skip:
        return str(skip)


def _parse(obj: Mapping[str, Any]) -> MarketSpec:
    market_id = _text(obj.get("conditionId"))
    if not market_id:
        raise _Skip("no condition id")
    outcomes = _pair(obj.get("outcomes"), "outcomes")
    if obj.get("enableOrderBook") is not None and not _flag(obj["enableOrderBook"]):
        raise _Skip("no order book")
    # Protocol V2 markets trade position ids; their CTF token ids are another asset.
    ids_key = "positionIds" if _text(obj.get("version")) == "v2" else "clobTokenIds"
    token_ids = _pair(obj.get(ids_key), "token ids")
    if token_ids[0] == token_ids[1]:
        raise _Skip("both outcomes have one token id")
    event = _first_event(obj)
    tags = _tags(obj, event)
    closed = _flag(obj.get("closed"))
    return MarketSpec(
        market_id=market_id,
        question=_text(obj.get("question")),
        rules=_text(obj.get("description")),
        resolution_source=_text(obj.get("resolutionSource"))
        or _text(event.get("resolutionSource")),
        slug=_text(obj.get("slug")),
        outcomes=outcomes,
        token_ids=token_ids,
        tick_e4=_tick(obj.get("orderPriceMinTickSize")),
        min_size_e6=_min_size(obj.get("orderMinSize")),
        fees=_fees(obj),
        rewards=_rewards(obj),
        neg_risk=_flag(obj.get("negRisk")) or _flag(event.get("negRisk")),
        neg_risk_augmented=_flag(event.get("enableNegRisk"))
        and _flag(event.get("negRiskAugmented")),
        market_event_id=_text(event.get("id")),
        market_event_title=_text(event.get("title")),
        group_item_title=_text(obj.get("groupItemTitle")),
        category=category_of(
            tags=tags,
            fee_type=_text(obj.get("feeType")),
            series=_text(event.get("seriesSlug")),
            is_game=bool(_text(obj.get("sportsMarketType")) or _text(obj.get("gameStartTime"))),
        ),
        tags=tags,
        end_ns=instant_ns(obj.get("endDate")) or instant_ns(obj.get("endDateIso")),
        game_start_ns=instant_ns(obj.get("gameStartTime")) or instant_ns(obj.get("eventStartTime")),
        accepting_orders=_flag(obj.get("acceptingOrders"))
        and _flag(obj.get("active"))
        and not _flag(obj.get("archived"))
        and not closed,
        closed=closed,
        uma_statuses=_uma_statuses(obj),
        liveness_s=_first_number(obj, "customLiveness") or None,
        volume_24h_usd=_first_number(obj, "volume24hr", "volume24hrClob"),
        liquidity_usd=_first_number(obj, "liquidityNum", "liquidity", "liquidityClob"),
        seconds_delay=_first_number(obj, "secondsDelay"),
        yes_payout_e6=_yes_payout_e6(obj) if closed else None,
    )


# --- what an order depends on: exact, or the market is skipped -----------------------


def _pair(value: Any, what: str) -> tuple[str, str]:
    items = _decoded_array(value)
    if items is None:
        raise _Skip(f"no {what}")
    texts = [_text(item) for item in items]
    if len(texts) != 2:
        raise _Skip(f"not binary: {len(texts)} {what}")
    if not all(texts):
        raise _Skip(f"empty {what}")
    return texts[0], texts[1]


def _tick(value: Any) -> int:
    try:
        return tick_e4(_number_text(value))
    except ValueError:
        raise _Skip("no usable tick size") from None


def _min_size(value: Any) -> int:
    try:
        return size_e6(_number_text(value))
    except ValueError:
        raise _Skip("no usable minimum size") from None


def _fees(obj: Mapping[str, Any]) -> FeeSchedule:
    """The market's own schedule; disabled fees and an absent schedule are zero (venue.md 5.1)."""
    schedule = obj.get("feeSchedule")
    if obj.get("feesEnabled") is not None and not _flag(obj["feesEnabled"]):
        return FeeSchedule()
    if schedule is None or schedule == {}:
        return FeeSchedule()
    if not isinstance(schedule, Mapping):
        raise _Skip("unreadable fee schedule")
    rate = _number(schedule.get("rate"))
    exponent = _number(schedule.get("exponent"))
    if rate is None or exponent is None or not 0 <= rate <= 1 or not 0 <= exponent <= 10:
        raise _Skip("unreadable fee schedule")
    rebate = _number(schedule.get("rebateRate")) or 0.0
    return FeeSchedule(
        rate=rate,
        exponent=exponent,
        taker_only=schedule.get("takerOnly") is None or _flag(schedule["takerOnly"]),
        rebate_share=min(max(rebate, 0.0), 1.0),
    )


# --- everything else -----------------------------------------------------------------


def _rewards(obj: Mapping[str, Any]) -> RewardTerms:
    programmes = obj.get("clobRewards")
    rates = [
        _number(programme.get("rewardsDailyRate")) or 0.0
        for programme in (programmes if isinstance(programmes, list) else ())
        if isinstance(programme, Mapping)
    ]
    return RewardTerms(
        min_size=_first_number(obj, "rewardsMinSize"),
        max_spread_c=_first_number(obj, "rewardsMaxSpread"),
        daily_usd=math.fsum(rate for rate in rates if rate > 0),
    )


def _uma_statuses(obj: Mapping[str, Any]) -> tuple[str, ...]:
    """The resolution's history, oldest first; the current status last where it is news."""
    history = [_text(item) for item in _decoded_array(obj.get("umaResolutionStatuses")) or ()]
    current = _text(obj.get("umaResolutionStatus"))
    if current and (not history or history[-1] != current):
        history.append(current)
    return tuple(status for status in history if status)


def _yes_payout_e6(obj: Mapping[str, Any]) -> int | None:
    """What a YES share of a closed market paid, None where the prices are not a payout yet.

    Prices of exactly 1 and 0 are one, unless an answer still stands to be disputed; halves may
    be a last price, unless somebody says that the market is resolved (venue.md 6.1).
    """
    prices = [_number(price) for price in _decoded_array(obj.get("outcomePrices")) or ()]
    statuses = [status.lower() for status in _uma_statuses(obj)]
    said = [*statuses[-1:], _text(obj.get("resolutionStatus")).lower()]
    is_done = any(word in RESOLVED_WORDS for word in said)
    if prices in ([1.0, 0.0], [0.0, 1.0]) and (is_done or not statuses):
        return 1_000_000 if prices[0] else 0
    is_done = is_done or _flag(obj.get("automaticallyResolved"))
    return 500_000 if prices == [0.5, 0.5] and is_done else None


def _first_event(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    events = obj.get("events")
    if isinstance(events, list) and events and isinstance(events[0], Mapping):
        return events[0]
    return {}


def _tags(obj: Mapping[str, Any], event: Mapping[str, Any]) -> tuple[str, ...]:
    """Tag slugs of the market and its event, in their order, without repeats."""
    slugs: dict[str, None] = {}
    for tags in (obj.get("tags"), event.get("tags")):
        for tag in tags if isinstance(tags, list) else ():
            slug = _text(tag.get("slug")) if isinstance(tag, Mapping) else _text(tag)
            if slug:
                slugs[slug.lower()] = None
    return tuple(slugs)


# --- the wire's spellings ------------------------------------------------------------


def instant_ns(value: Any) -> int | None:
    """Return a date of Gamma's as UTC nanoseconds; None when absent, empty or unreadable.

    Takes ISO with any fraction, ``2026-04-05 15:10:00+00``, and a bare date, which means its
    first moment (the cautious reading of an end). No zone means UTC.
    """
    if not isinstance(value, str) or not value.strip():
        return None
    try:
        at = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    microseconds = (at - _EPOCH) // timedelta(microseconds=1)
    return max(-_LAST_NS, min(_LAST_NS, microseconds * 1000))


def _decoded_array(value: Any) -> list[Any] | None:
    """An array, or an array encoded as JSON inside a string; None for anything else."""
    if isinstance(value, str):
        try:
            value = json.loads(value, parse_int=str, parse_float=str, parse_constant=str)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, list) else None


def _text(value: Any) -> str:
    """A string that can be written to a tape; numbers as they read, anything else empty."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return ""


def _number_text(value: Any) -> str:
    return repr(value) if isinstance(value, float) else _text(value).strip()


def _number(value: Any) -> float | None:
    """A finite number from a number or its text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _first_number(obj: Mapping[str, Any], *keys: str) -> float:
    """The first of these fields that holds a number at or above 0, else 0."""
    for key in keys:
        number = _number(obj.get(key))
        if number is not None and number >= 0:
            return number
    return 0.0


def _flag(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")
