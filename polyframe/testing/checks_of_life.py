"""What a plugin shows when it lives through the tour: answers, exceptions, reach, report."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from polyframe.model import Quote, Trade
from polyframe.money import PRICE_ONE_E4
from polyframe.runtime.answers import (
    WrongAnswer,
    quote_fault,
    ranking_of,
    readings_fault,
    section_of,
    shape_fault,
    trades_fault,
    vetoes_fault,
)
from polyframe.testing.documents import NotJson
from polyframe.testing.elsewhere import elsewhere
from polyframe.testing.lives import (
    building_breaches,
    plain_recording,
    restart_of,
    watched_recording,
)
from polyframe.testing.playing import Answer
from polyframe.testing.recording import Finding, Raised
from polyframe.testing.subject import ContractBroken, Subject

_FACTS = ("on_book", "on_fill", "on_cycle_end")
_REPORT = "report_section"


def check_survives(subject: Subject) -> None:
    """No hook raises, whatever the books, the states and our holdings are.

    Raises:
        ContractBroken: with the first exception, its place, and the moment.
    """
    raised = [one for one in watched_recording(subject).raised if one.hook != _REPORT]
    about_none = "A missing side, mid, end date or view is None: say what you do without it"
    other = "Such a world comes: say what you do in it"
    _raise_first(raised, "raises", about_none if raised and raised[0].about_none else other)


def check_answers(subject: Subject) -> None:
    """Every answer is what its hook allows: sound types, finite numbers, prices on the tick.

    Raises:
        ContractBroken: with the first that is not.
    """
    found = [
        Finding(answer.hook, answer.label, fault)
        for answer in plain_recording(subject).answers
        if answer.hook != _REPORT
        for fault in _faults(answer)
    ]
    _raise_first(found, "answers what it may not", "docs/hooks.md has each hook's answer")


def check_codes(subject: Subject) -> None:
    """Every veto code that is cast is declared.

    Raises:
        ContractBroken: with the first that is not.
    """
    declared = getattr(subject.kind, "codes", ())
    for answer in plain_recording(subject).answers.of("pre_quote_veto"):
        for veto in _sequence(answer.value):
            code = getattr(veto, "code", None)
            if type(code) is str and code not in declared:
                raise ContractBroken(
                    f"pre_quote_veto casts {code!r} (at {answer.label!r}), which the class does "
                    f"not declare; write codes = ({', '.join(map(repr, (*declared, code)))},)"
                )


def check_reads_only(subject: Subject) -> None:
    """Nothing that is handed to a hook is changed by it.

    Raises:
        ContractBroken: with the first argument that was.
    """
    _raise_first(
        watched_recording(subject).mutated,
        "changes what it was given",
        "Views are read-only and lists are the caller's: work on a copy (sorted(markets)), and "
        "keep numbers, not views",
    )


def check_stays_inside(subject: Subject) -> None:
    """No hook reads a clock, the environment or a file, uses a socket, or draws unseeded chance.

    Neither do the constructor, with a document or without, and the module when it is imported;
    they may find and read files.

    Raises:
        ContractBroken: with the first that does, and where.
    """
    stores: dict[str, Mapping[str, Any]] = {"its first start": {}}
    with contextlib.suppress(NotJson):
        stores["a restart"] = restart_of(subject).store or {}
    found = [
        Finding("__init__", label, text)
        for label, store in stores.items()
        for text in building_breaches(subject, store)
    ]
    found += watched_recording(subject).outside
    # Its own lines come last: another Python has to be started to see them.
    found = found or [Finding("the module", "its import", text) for text in _at_import(subject)]
    _raise_first(found, "reaches outside", "A replay of the tape must see what the run saw")


def _at_import(subject: Subject) -> Sequence[str]:
    try:
        return elsewhere(subject).seeded[0].at_import
    except ContractBroken:
        return ()  # no other Python finds it, which the check of hash seeds says


def check_report(subject: Subject) -> None:
    """The report section is None or a mapping JSON can carry, before anything happened too.

    Raises:
        ContractBroken: it raises, or holds something else.
    """
    recording = plain_recording(subject)
    raised = [one for one in recording.raised if one.hook == _REPORT]
    for answer in recording.answers.of(_REPORT):
        if answer.value is None or isinstance(answer.value, Raised):
            continue
        try:
            section_of(answer.value)
        except WrongAnswer as error:
            raised.append(Finding(_REPORT, answer.label, str(error)))
    _raise_first(
        raised,
        "gives no report",
        "Text keys and finite numbers only; where nothing was measured write None, and why under "
        "'nulls'",
    )


def _raise_first(found: Sequence[Finding], what: str, instead: str) -> None:
    if found:
        hook, label, text, _ = found[0]
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise ContractBroken(f"{hook} {what}, at {label!r}: {text}{more}. {instead}")


def _faults(answer: Answer) -> Iterator[str]:
    value, facts = answer.value, answer.facts
    if value is None or isinstance(value, Raised):
        return
    fault: str | None = None
    if answer.hook in _FACTS:
        fault = f"the answer is {type(value).__name__}; a fact is told, an answer is lost"
    elif answer.hook == "rank_markets":
        try:
            ranking_of(value, {market.market_id for market in facts["markets"]})
        except WrongAnswer as error:
            fault = str(error)
    elif answer.hook == "propose_quote":
        fault = quote_fault(value, answer.market_id) or _off_tick(value, facts["market"].tick_e4)
    elif answer.hook == "shape_quote":
        fault = shape_fault(value, facts["quote"], facts["market"])
        fault = fault or _off_tick(value, facts["market"].tick_e4)
    elif answer.hook == "propose_trades":
        fault = trades_fault(value) or _trades_off_tick(value, facts["portfolio"])
    elif answer.hook == "explain_quote":
        fault = readings_fault(value)
    elif answer.hook == "pre_quote_veto":
        # Codes are another check's: here each one counts as declared.
        fault = vetoes_fault(value, _codes_in(value))
    else:
        fault = _not_finite(value)
    if fault is not None:
        yield fault


def _off_tick(quote: Quote, tick_e4: int) -> str | None:
    for side, leg in (("bid", quote.bid), ("ask", quote.ask)):
        if leg is not None and not _is_on_tick(leg.price_e4, tick_e4):
            return (
                f"the {side} {leg.price_e4} (e4) is not on the tick in force, {tick_e4} (e4); "
                "round with polyframe.money.floor_to_tick or ceil_to_tick and market.tick_e4"
            )
    return None


def _trades_off_tick(trades: Sequence[Trade], portfolio: Any) -> str | None:
    for trade in trades:
        for leg in trade.legs:
            market = portfolio.market(leg.market_id)
            if market is None:
                return f"a leg is in {leg.market_id!r}, a market that portfolio.market has not"
            if not _is_on_tick(leg.limit_e4, market.tick_e4):
                return (
                    f"the limit {leg.limit_e4} (e4) is not on the tick in force, "
                    f"{market.tick_e4} (e4); round it with market.tick_e4"
                )
    return None


def _is_on_tick(price_e4: int, tick_e4: int) -> bool:
    return price_e4 % tick_e4 == 0 and tick_e4 <= price_e4 <= PRICE_ONE_E4 - tick_e4


def _codes_in(value: Any) -> set[str]:
    codes = (getattr(veto, "code", None) for veto in _sequence(value))
    return {code for code in codes if type(code) is str}


def _sequence(value: Any) -> Sequence[Any]:
    return value if type(value) in (list, tuple) else ()


def _not_finite(value: Any, path: str = "the answer") -> str | None:
    """Return where a number that is not finite stands, for hooks without a rule of their own."""
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{path} holds {value}, which is not finite"
    if isinstance(value, msgspec.Struct):
        return _not_finite([getattr(value, name) for name in value.__struct_fields__], path)
    if isinstance(value, Mapping):
        return _not_finite(list(value.values()), path)
    if isinstance(value, (list, tuple)):
        return next((fault for item in value if (fault := _not_finite(item, path))), None)
    return None
