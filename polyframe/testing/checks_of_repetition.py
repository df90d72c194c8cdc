"""Whether a plugin answers the same again: at once, in another Python, after a restart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from polyframe.testing.documents import NotJson
from polyframe.testing.elsewhere import SEEDS, Elsewhere, Life, Line, elsewhere
from polyframe.testing.lives import plain_recording, record, restart_of, watched_recording
from polyframe.testing.playing import Answer
from polyframe.testing.recording import Recording, encoded
from polyframe.testing.subject import CannotBeJudged, ContractBroken, Subject
from polyframe.testing.tour import PAUSE_S

_SHOWN = 160
_EXPLAINS = "explain_quote"


def check_repeats(subject: Subject) -> None:
    """The same world twice gives the same answers twice, whether readings are asked for or not.

    Raises:
        ContractBroken: with the first answer that differs.
    """
    plain = plain_recording(subject)
    pair = _first_difference(_lines(plain.answers), _lines(watched_recording(subject).answers))
    if pair is not None:
        first, second = pair
        raise ContractBroken(
            f"{_where(first)}: the same world twice gives two answers, "
            f"{_both(first.text, second.text)}. Answer from the arguments, the settings and "
            "self.context only; nothing may stay behind in the class or the module"
        )
    if plain.answers.of(_EXPLAINS):
        _check_explaining(plain, record(subject, subject.tour.moments, without=_EXPLAINS))


def _check_explaining(plain: Recording, silent: Recording) -> None:
    others = [one for one in plain.answers if one.hook != _EXPLAINS]
    pair = _first_difference(_lines(others), _lines(silent.answers))
    if pair is not None:
        first, second = pair
        found = (
            f"{_where(first)}: asked for its readings or not, it gives two answers, "
            f"{_both(first.text, second.text)}"
        )
    elif plain.left[1] != silent.left[1]:
        found = "explain_quote draws from self.context.rng"
    elif plain.left[0] != silent.left[0]:
        found = "explain_quote changes self.context.store"
    else:
        return
    raise ContractBroken(
        f"{found}. Nobody may ask for readings, so explain_quote must change nothing the plugin "
        "remembers: compute there what it shows, and keep nothing"
    )


def check_hash_seeds(subject: Subject) -> None:
    """Other Pythons with other hash seeds give the same answers.

    Raises:
        ContractBroken: with the first answer that differs.
    """
    lives = elsewhere(subject).seeded
    for seed, life in zip(SEEDS, lives, strict=True):
        if life.fault is not None:
            raise ContractBroken(
                f"under PYTHONHASHSEED={seed} another Python could not live through the same: "
                f"{life.fault}. It imports the plugin's module anew; that alone must suffice"
            )
    for seed, life in zip(SEEDS[1:], lives[1:], strict=True):
        pair = _first_difference(lives[0].lines, life.lines)
        if pair is not None:
            first, second = pair
            raise ContractBroken(
                f"{_where(first)}: PYTHONHASHSEED={SEEDS[0]} and ={seed} give two answers, "
                f"{_both(first.text, second.text)}. The order of a set is no order: loop over "
                "sorted(...) or keep a dict; hash() of text changes as well"
            )


def check_restart(subject: Subject) -> None:
    """A plugin built anew from its document, in a new Python, votes as if never stopped.

    Facts and opinions are compared, the report is not: it covers what its own run saw.

    Raises:
        ContractBroken: the document is not JSON, or the first vote that differs.
    """
    try:
        cut = restart_of(subject).first
    except NotJson as error:
        raise ContractBroken(
            f"context.store cannot be saved: {error}. Keep text keys, lists, texts, finite numbers"
        ) from None
    whole, restarted = _both_lives(elsewhere(subject))
    if restarted.fault is not None:
        raise ContractBroken(
            f"it cannot be built from the document it left: {restarted.fault}. What the "
            "constructor reads from context.store has been through JSON: tuples are lists, keys "
            "are texts"
        )
    pair = _first_difference(_votes(whole.lines, cut), _votes(restarted.lines, cut))
    if pair is not None:
        first, second = pair
        raise ContractBroken(
            f"{_where(first)}, {first.at_s:.0f} s into the tour: after a restart it answers "
            f"otherwise, {_both(first.text, second.text)}. What a vote depends on for longer than "
            f"{PAUSE_S:.0f} s belongs into self.context.store (at the latest in on_cycle_end), "
            f"and {subject.kind.__name__}.__init__ reads it back; a new Python has nothing else"
        )


def _both_lives(other: Elsewhere) -> tuple[Life, Life]:
    whole, restarted = other.seeded[0], other.restarted
    if restarted is None or whole.fault is not None:
        raise CannotBeJudged("it cannot live in another Python, which another check explains")
    return whole, restarted


def _votes(lines: Iterable[Line], cut: int) -> list[Line]:
    return [one for one in lines if one.moment >= cut and one.hook != "report_section"]


def _lines(answers: Iterable[Answer]) -> list[Line]:
    return [
        Line(one.moment, one.at_s, one.hook, one.label, one.market_id, encoded(one.value).decode())
        for one in answers
    ]


def _first_difference(one: Sequence[Line], other: Sequence[Line]) -> tuple[Line, Line] | None:
    pairs = zip(one, other, strict=False)
    return next(((first, second) for first, second in pairs if first != second), None)


def _where(line: Line) -> str:
    market_id = line.market_id
    about = f"{line.hook} of {market_id}" if market_id else line.hook
    return f"{about} at {line.label!r}"


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
