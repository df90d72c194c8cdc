"""What a plugin may answer: every check on a hook's result, as pure functions.

A check returns one sentence that says what is wrong, or None when the answer stands (the checks
that also copy raise :class:`WrongAnswer` with that sentence). Types are compared exactly: a
number that only looks like a float (numpy's) or a Quote with methods of its own would break
later, in the decision's record, where it could no longer be told whose it was.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from polyframe.model import MAKER, Quote, QuoteLeg, Reading, Trade, TradeLeg, Veto
from polyframe.money import PRICE_ONE_E4
from polyframe.views import MarketView

PLUGIN_ERROR = "runtime.plugin_error"
"""The code of the veto that stands in for a plugin that broke."""

_READING_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_DEEPEST_REPORT = 20
_MOST_READINGS = 32
_LONGEST_TRADE_S = 60


class WrongAnswer(ValueError):
    """A plugin answered something its hook does not allow; the text says what."""


def ranking_of(answer: Any, known: Collection[str]) -> list[str]:
    """Return the ranking as a list of known, distinct market ids.

    Raises:
        WrongAnswer: it is not a list or tuple of them.
    """
    if type(answer) not in (list, tuple):
        raise WrongAnswer(f"a ranking is a list of market ids, not {_kind(answer)}")
    seen: set[str] = set()
    for market_id in answer:
        if type(market_id) is not str:
            raise WrongAnswer(f"a ranking holds market ids, not {_kind(market_id)}")
        if market_id not in known:
            raise WrongAnswer(f"market {market_id[:20]!r} was not among those to rank")
        if market_id in seen:
            raise WrongAnswer(f"market {market_id[:20]!r} is ranked twice")
        seen.add(market_id)
    ranking: list[str] = list(answer)
    return ranking


def quote_fault(answer: object, market_id: str) -> str | None:
    """Return what makes this no quote for the market, or None.

    A sound quote has integer legs of positive size with 0 < price < 1 and bid < ask, a fair value
    strictly inside (0, 1) or None, and finite plain numbers as inputs.
    """
    if type(answer) is not Quote:
        return f"the answer is {_kind(answer)}, not a Quote"
    if answer.market_id != market_id:
        return f"the quote is for market {str(answer.market_id)[:20]!r}, not the one asked about"
    bid, ask = answer.bid, answer.ask
    fault = _leg_fault("bid", bid) or _leg_fault("ask", ask)
    if fault:
        return fault
    if bid is not None and ask is not None and bid.price_e4 >= ask.price_e4:
        return f"bid {bid.price_e4} is not below ask {ask.price_e4} (e4)"
    fair = answer.fair
    if fair is not None and not (type(fair) is float and 0.0 < fair < 1.0):
        return f"fair value {_shown(fair)} is not a float strictly between 0 and 1"
    if type(answer.policy) is not str or not answer.policy.isprintable():
        return "the policy's name is not printable text"
    if answer.component != MAKER or answer.trade_legs != ():
        # Vetoes go by the component: a quote that calls itself a trade would escape the maker's.
        return "a quote is the maker's; what takes is a Trade, from propose_trades"
    return _inputs_fault(answer.inputs)


def _leg_fault(side: str, leg: object) -> str | None:
    if leg is None:
        return None
    if type(leg) is not QuoteLeg or type(leg.price_e4) is not int or type(leg.size_e6) is not int:
        return f"the {side} is not a QuoteLeg of two integers"
    if not 0 < leg.price_e4 < PRICE_ONE_E4:
        return f"{side} price {leg.price_e4} (e4) is not strictly between 0 and 1"
    if leg.size_e6 <= 0:
        return f"{side} size {leg.size_e6} (e6) is not positive; leave the leg out instead"
    return None


def _inputs_fault(inputs: object) -> str | None:
    if type(inputs) is not tuple:
        return "inputs is not a tuple of (name, number)"
    for item in inputs:
        if type(item) is not tuple or len(item) != 2 or type(item[0]) is not str:
            return "inputs is not a tuple of (name, number)"
        name, number = item
        if not name.isprintable():
            return "a name in inputs is not printable text"
        if not _is_plain_number(number):
            return f"input {name!r} is {_shown(number)}, not a finite plain number"
    return None


_COMPONENTS = ("arb", "satellite", "taker")
_MOST_LEGS = 16


def trades_fault(answer: Any) -> str | None:
    """Return what makes this no sequence of sound trades, or None."""
    if type(answer) not in (list, tuple):
        return f"the answer is {_kind(answer)}, not a list of Trade"
    for trade in answer:
        if type(trade) is not Trade:
            return f"the answer holds {_kind(trade)}, not Trade"
        if trade.component not in _COMPONENTS:
            return f"component {str(trade.component)[:20]!r} is none of {', '.join(_COMPONENTS)}"
        if type(trade.legs) is not tuple or not 1 <= len(trade.legs) <= _MOST_LEGS:
            return f"a trade has 1 to {_MOST_LEGS} legs in a tuple"
        if not (_is_plain_number(trade.within_s) and 0 < trade.within_s <= _LONGEST_TRADE_S):
            return f"within_s {_shown(trade.within_s)} is not between 0 and {_LONGEST_TRADE_S}"
        fault = _inputs_fault(trade.inputs) or _legs_fault(trade.legs)
        if fault:
            return fault
    return None


def _legs_fault(legs: tuple[Any, ...]) -> str | None:
    for leg in legs:
        if type(leg) is not TradeLeg:
            return f"a leg is {_kind(leg)}, not TradeLeg"
        if type(leg.market_id) is not str:
            return f"a leg's market_id is {_kind(leg.market_id)}, not text"
        if type(leg.is_yes) is not bool or type(leg.is_buy) is not bool:
            return "is_yes and is_buy are true or false"
        if type(leg.limit_e4) is not int or not 0 < leg.limit_e4 < PRICE_ONE_E4:
            return f"limit {_shown(leg.limit_e4)} (e4) is not strictly between 0 and 1"
        if type(leg.size_e6) is not int or leg.size_e6 <= 0:
            return f"size {_shown(leg.size_e6)} (e6) is not a positive integer"
    return None


def shape_fault(answer: object, before: Quote, market: MarketView) -> str | None:
    """Return what makes this no more careful quote than ``before``, or None.

    Sizes may shrink and legs may go. Prices may move away from each other. With inventory both
    legs may move the way that reduces it (down when long YES, up when short), the far leg at
    least as far as the near one: whatever moves, the distance between the legs never shrinks.
    """
    fault = quote_fault(answer, before.market_id)
    if fault or type(answer) is not Quote:
        return fault
    kept = (answer.fair, answer.policy, answer.component)
    if kept != (before.fair, before.policy, before.component):
        return "fair and policy are the proposal's, its component too: they stay as they are"
    if answer.inputs[: len(before.inputs)] != before.inputs:
        return "a shape may only append to inputs: the proposal's numbers stay in the record"
    for side, leg, leg_before in (
        ("bid", answer.bid, before.bid),
        ("ask", answer.ask, before.ask),
    ):
        if leg is None:
            continue
        if leg_before is None:
            return f"a shape may not add a {side}"
        if leg.size_e6 > leg_before.size_e6:
            return f"a shape may not grow the {side} ({leg_before.size_e6} to {leg.size_e6} e6)"
    bid_up = _rise(answer.bid, before.bid)
    ask_up = _rise(answer.ask, before.ask)
    if bid_up is not None and ask_up is not None and ask_up < bid_up:
        return f"a shape may not bring bid and ask {bid_up - ask_up} (e4) closer"
    net_yes_e6 = market.position.net_yes_e6
    if ask_up is not None and ask_up < 0 and net_yes_e6 <= 0:
        return f"a shape may lower the ask only when long YES (net {net_yes_e6} e6)"
    if bid_up is not None and bid_up > 0 and net_yes_e6 >= 0:
        return f"a shape may raise the bid only when short YES (net {net_yes_e6} e6)"
    return None


def _rise(leg: QuoteLeg | None, before: QuoteLeg | None) -> int | None:
    """Return by how much a leg's price rose (e4); None when the leg is gone."""
    return None if leg is None or before is None else leg.price_e4 - before.price_e4


def vetoes_fault(answer: Any, codes: Collection[str]) -> str | None:
    """Return what makes this no sequence of vetoes with declared codes, or None."""
    if type(answer) not in (list, tuple):
        return f"the answer is {_kind(answer)}, not a list of Veto"
    for veto in answer:
        if type(veto) is not Veto:
            return f"the answer holds {_kind(veto)}, not Veto"
        if isinstance(veto.code, str) and type(veto.code) is not str:
            return f"code {str(veto.code)[:60]!r} is {_kind(veto.code)}, not plain text"
        if type(veto.code) is not str or veto.code not in codes:
            return f"code {str(veto.code)[:60]!r} is not among the declared codes"
        if veto.side is not None and veto.side not in ("bid", "ask"):
            return f"{veto.code}: side is {_shown(veto.side)}, not 'bid', 'ask' or None"
        for name, number in (("observed", veto.observed), ("limit", veto.limit)):
            if number is not None and not _is_plain_number(number):
                return f"{veto.code}: {name} is {_shown(number)}, not a finite plain number"
    return None


def readings_fault(answer: Any) -> str | None:
    """Return what makes this no sequence of readings, or None."""
    if type(answer) not in (list, tuple):
        return f"the answer is {_kind(answer)}, not a list of Reading"
    if len(answer) > _MOST_READINGS:
        return f"{len(answer)} readings are too many to read: at most {_MOST_READINGS}"
    seen: set[str] = set()
    for reading in answer:
        if type(reading) is not Reading:
            return f"the answer holds {_kind(reading)}, not Reading"
        if type(reading.name) is not str or not _READING_NAME.fullmatch(reading.name):
            return f"a reading's name is {_shown(reading.name)}, not made of a-z, 0-9 and _"
        if reading.name in seen:
            return f"{reading.name} is told twice: a name is told once"
        seen.add(reading.name)
        for name, number in (("value", reading.value), ("limit", reading.limit)):
            if not (_is_plain_number(number) or (number is None and name == "limit")):
                return f"{reading.name}: {name} is {_shown(number)}, not a finite plain number"
    return None


def section_of(answer: object) -> dict[str, Any]:
    """Return a report section as a copy made of plain JSON values.

    Raises:
        WrongAnswer: it is no mapping, holds something JSON cannot carry, or a number that is
            not finite.
    """
    if not isinstance(answer, Mapping):
        raise WrongAnswer(f"a section is a mapping, not {_kind(answer)}")
    plain = _plain(answer, "section", 0)
    # The copy is also encoded once: text that UTF-8 cannot carry is found here.
    section: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(plain))
    return section


def _plain(value: object, path: str, depth: int) -> object:
    if depth > _DEEPEST_REPORT:
        raise WrongAnswer(f"{path[:80]} is nested deeper than {_DEEPEST_REPORT}")
    if isinstance(value, Mapping):
        for key in value:
            if type(key) is not str:
                raise WrongAnswer(f"{path} has the key {_shown(key)}, which is not text")
        return {key: _plain(item, f"{path}.{key}", depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{path}[{at}]", depth + 1) for at, item in enumerate(value)]
    if value is None or type(value) in (str, bool) or _is_plain_number(value):
        return value
    raise WrongAnswer(f"{path} is {_shown(value)}, which JSON cannot carry")


def close_coroutine(answer: object) -> None:
    """Close an answer that is a coroutine, so that it does not warn of never being awaited."""
    if inspect.iscoroutine(answer):
        answer.close()


def _is_plain_number(value: object) -> bool:
    # 64 bits: what the decision's record and the trace can carry.
    if type(value) is int:
        return -(2**63) <= value < 2**63
    return type(value) is float and math.isfinite(value)


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    name = type(value).__name__
    return f"an {name}" if name[:1] in "aeiou" else f"a {name}"


def _shown(value: object) -> str:
    plain = (str, bool, int, float)
    return repr(value)[:60] if type(value) in plain else _kind(value)
