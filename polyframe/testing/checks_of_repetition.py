"""Whether a plugin answers the same again: at once, in another Python, after a restart."""

from __future__ import annotations

from collections.abc import Iterable

from polyframe.testing.hash_seeds import SEEDS, Line, answers_under_seeds
from polyframe.testing.playing import Answer
from polyframe.testing.recording import (
    CannotContinue,
    NotJson,
    encoded,
    plain_recording,
    restarted_recording,
    watched_recording,
)
from polyframe.testing.subject import CannotBeJudged, ContractBroken, Subject, built
from polyframe.testing.tour import PAUSE_S

_SHOWN = 160


def check_repeats(subject: Subject) -> None:
    """The same world twice gives the same answers twice.

    Raises:
        ContractBroken: with the first answer that differs.
    """
    pairs = zip(
        map(_line, plain_recording(subject).answers),
        map(_line, watched_recording(subject).answers),
        strict=False,
    )
    for first, second in pairs:
        if first != second:
            raise ContractBroken(
                f"{_where(first)}: the same world twice gives two answers, "
                f"{_both(first[3], second[3])}. Answer from the arguments, the settings and "
                "self.context only; nothing may stay behind in the class or the module"
            )


def check_hash_seeds(subject: Subject, answers: tuple[list[Line], ...] | None = None) -> None:
    """Another Python with another hash seed gives the same answers.

    ``answers`` are those of :func:`answers_under_seeds` when they are at hand already.

    Raises:
        ContractBroken: with the first answer that differs.
    """
    if answers is None:
        if not isinstance(subject.kind, type):
            raise CannotBeJudged("there is no class to look at")
        built(subject)
        [answers] = answers_under_seeds([subject])
    for first, second in zip(*answers, strict=False):
        if first != second:
            raise ContractBroken(
                f"{_where(first)}: PYTHONHASHSEED={SEEDS[0]} and ={SEEDS[1]} give two answers, "
                f"{_both(first[3], second[3])}. The order of a set is no order: loop over "
                "sorted(...) or keep a dict; hash() of text changes as well"
            )


def check_restart(subject: Subject) -> None:
    """A plugin built anew from its document votes as the one that was never stopped.

    Facts and opinions are compared, the report is not: it covers what its own run saw.

    Raises:
        ContractBroken: the document is not JSON, or the first vote that differs.
    """
    try:
        restarted, cut = restarted_recording(subject)
    except NotJson as error:
        raise ContractBroken(
            f"context.store cannot be saved: {error}. Keep text keys, lists, texts, finite numbers"
        ) from None
    except CannotContinue as error:
        raise ContractBroken(
            f"it cannot be built from the document it left: {error}. What the constructor reads "
            "from context.store has been through JSON: tuples are lists, keys are texts"
        ) from None
    for before, after in zip(
        _votes(plain_recording(subject).answers, cut),
        _votes(restarted.answers, cut),
        strict=False,
    ):
        first, second = _line(before), _line(after)
        if first != second:
            raise ContractBroken(
                f"{_where(first)}, {before.at_s:.0f} s into the tour: after a restart it answers "
                f"otherwise, {_both(first[3], second[3])}. What a vote depends on for longer than "
                f"{PAUSE_S:.0f} s belongs into self.context.store (at the latest in on_cycle_end), "
                f"and {subject.kind.__name__}.__init__ reads it back"
            )


def _votes(answers: Iterable[Answer], cut: int) -> list[Answer]:
    return [one for one in answers if one.moment >= cut and one.hook != "report_section"]


def _line(answer: Answer) -> Line:
    return answer.hook, answer.label, answer.market_id, encoded(answer.value).decode()


def _where(line: Line) -> str:
    hook, label, market_id, _ = line
    return f"{hook} of {market_id} at {label!r}" if market_id else f"{hook} at {label!r}"


def _both(first: str, second: str) -> str:
    """Return two answers from a little before the place where they part."""
    same = next(
        (at for at, (one, two) in enumerate(zip(first, second, strict=False)) if one != two),
        min(len(first), len(second)),
    )
    start = max(0, same - _SHOWN // 3)
    dots = "..." if start else ""
    shown = (f"{dots}{text[start : start + _SHOWN]}" for text in (first, second))
    return " and ".join(shown)
