"""Gamma's view of a generated market: one object with the fields and spellings of the venue."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from polyframe.exchange.simulation.subjects import FEES, Subject
from polyframe.polymarket.contracts import COLLATERAL

_HOUR_NS = 3_600 * 10**9
_REWARDED = ("lively", "calm", "updown", "in_play", "upcoming")
_V2_OF_256 = 26  # a tenth of the markets trades under protocol V2 (venue.md 1.4)


def gamma_market(
    seed: int,
    index: int,
    subject: Subject,
    rules: str,
    deadline: str,
    kind: str,
    end_ns: int | None,
    start_ns: int,
    rng: Random,
) -> dict[str, Any]:
    """Return one market object with the fields of venue.md 6.1 and 6.2."""
    fees = FEES[subject.category]
    question = subject.question.format(deadline=deadline)
    created_ns = start_ns - int(rng.uniform(3.0, 60.0) * 24) * _HOUR_NS
    volume_24h = _volume_24h_usd(kind, rng)
    volume = round(volume_24h * rng.uniform(3.0, 40.0), 2)
    event_slug = f"{slug_of(subject.event_title)}-{key_of(seed, 'event', subject.event_title)[:6]}"
    tags = [
        {"id": str(1 + list(FEES).index(subject.category)), "label": subject.category,
         "slug": subject.category.lower()},
    ]  # fmt: skip
    market: dict[str, Any] = {
        "id": str(700_000 + index),
        "question": question,
        "conditionId": f"0x{key_of(seed, 'condition', str(index))}",
        "slug": f"{slug_of(question)}-{key_of(seed, 'market', str(index))[:6]}",
        "resolutionSource": subject.url,
        "startDate": _iso(created_ns),
        "description": rules,
        "outcomes": json.dumps(list(subject.outcomes)),
        "outcomePrices": '["0.5", "0.5"]',
        "clobTokenIds": json.dumps([_token_id(seed, index, side) for side in ("yes", "no")]),
        "questionID": f"0x{key_of(seed, 'question', str(index))}",
        "version": "v1",
        "active": True,
        "closed": False,
        "archived": False,
        "restricted": True,
        "acceptingOrders": True,
        "acceptingOrdersTimestamp": _iso(created_ns),
        "enableOrderBook": True,
        "orderPriceMinTickSize": 0.01,
        "orderMinSize": 5,
        "negRisk": False,
        "negRiskOther": False,
        "volume": str(volume),
        "volumeNum": volume,
        "volume24hr": volume_24h,
        "volume24hrClob": volume_24h,
        "liquidity": "0",
        "liquidityNum": 0.0,
        "liquidityClob": 0.0,
        "makerBaseFee": 1000,
        "takerBaseFee": 1000,
        "feesEnabled": fees.rate > 0,
        "rewardsMinSize": 50,
        "rewardsMaxSpread": 4.5 if kind in ("lively", "calm") else 3.5,
        "clobRewards": (
            [
                {
                    "id": str(index),
                    "conditionId": f"0x{key_of(seed, 'condition', str(index))}",
                    "assetAddress": COLLATERAL,
                    "rewardsAmount": 0,
                    "rewardsDailyRate": rng.choice((5, 10, 20, 50)),
                    "startDate": _iso(created_ns)[:10],
                    "endDate": "2500-12-31",
                }
            ]
            if kind in _REWARDED and rng.random() < 0.4
            else []
        ),
        "holdingRewardsEnabled": False,
        "secondsDelay": 0,
        "clearBookOnStart": False,
        "automaticallyActive": True,
        "automaticallyResolved": False,
        "manualActivation": False,
        "umaBond": "500",
        "umaReward": "5",
        "umaResolutionStatuses": "[]",
        "umaResolutionStatus": "",
        "customLiveness": 0,
        "rfqEnabled": False,
        "groupItemTitle": "",
        "groupItemThreshold": "0",
        "createdAt": _iso(created_ns),
        "updatedAt": _iso(start_ns),
        "tags": tags,
        "events": [
            {
                "id": str(800_000 + int(key_of(seed, "event", subject.event_title)[:4], 16)),
                "slug": event_slug,
                "title": subject.event_title,
                "negRisk": False,
                "enableNegRisk": False,
                "negRiskAugmented": False,
                "tags": tags,
            }
        ],
    }
    if fees.rate > 0:
        market["feeType"] = fees.fee_type
        market["feeSchedule"] = {
            "exponent": 1,
            "rate": fees.rate,
            "takerOnly": True,
            "rebateRate": fees.rebate_share,
        }
    if end_ns is not None:
        market["endDate"] = _iso(end_ns)
        market["endDateIso"] = market["endDate"][:10]
    if subject.category == "Sports":
        market["sportsMarketType"] = "totals" if subject.outcomes[0] == "Over" else "moneyline"
    return market


def is_v2(seed: int, index: int) -> bool:
    """Return whether a market (or an event, by its first market) trades under protocol V2."""
    return int(key_of(seed, "version", str(index))[:2], 16) < _V2_OF_256


def as_v2(gamma: dict[str, Any], seed: int, index: int, *, module: int) -> dict[str, Any]:
    """Return a market as one of Protocol V2 (venue.md 1.4).

    A position id is the condition's 31 bytes and the outcome's index: the top byte is the
    module (1 binary, 2 negative risk), and bits 40 to 103 are zero.
    """
    own = int(key_of(seed, "condition", str(index)), 16)
    condition = (module << 240 | own & ((1 << 240) - 1)) & ~(((1 << 64) - 1) << 32)
    condition_id = f"0x{condition:062x}"
    return gamma | {
        "version": "v2",
        "conditionId": condition_id,
        "positionIds": [str(condition << 8 | outcome) for outcome in (0, 1)],
        "resolutionStatus": "active",
        "clobRewards": [one | {"conditionId": condition_id} for one in gamma["clobRewards"]],
    }


def deadline_of(end_ns: int | None, start_ns: int) -> str:
    """Return the day before the end: the market ends when that day is over in New York."""
    day = utc(end_ns if end_ns is not None else start_ns) - timedelta(hours=5)
    return f"{day:%B} {day.day}, {day.year}"


def utc(instant_ns: int) -> datetime:
    """Return an instant (UTC ns) as a date and time."""
    return datetime.fromtimestamp(instant_ns // 10**9, UTC)


def key_of(seed: int, *parts: str) -> str:
    """Return 64 hex digits that belong to these parts alone."""
    return hashlib.sha256(":".join((str(seed), *parts)).encode()).hexdigest()


def slug_of(text: str) -> str:
    """Return a text as it stands in an address."""
    kept = "".join(letter if letter.isalnum() else "-" for letter in text.lower())
    return "-".join(part for part in kept.split("-") if part)[:80]


def _volume_24h_usd(kind: str, rng: Random) -> float:
    least, most = {
        "lively": (8_000.0, 250_000.0),
        "hostile": (8_000.0, 250_000.0),
        "together": (4_000.0, 80_000.0),
        "calm": (600.0, 12_000.0),
        "wild": (30_000.0, 400_000.0),
        "in_play": (30_000.0, 400_000.0),
        "upcoming": (4_000.0, 90_000.0),
        "updown": (8_000.0, 250_000.0),
        "dead": (0.0, 0.0),
        "last_day": (4_000.0, 90_000.0),
    }.get(kind, (100.0, 5_000.0))
    return round(least * (most / least) ** rng.random(), 2) if most else 0.0


def _iso(instant_ns: int) -> str:
    return f"{utc(instant_ns):%Y-%m-%dT%H:%M:%SZ}"


def _token_id(seed: int, index: int, side: str) -> str:
    return str(int(key_of(seed, "token", str(index), side), 16))
