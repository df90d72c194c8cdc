"""Which market a person means: an id or its beginning, a slug, or words of the question."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

from polyframe.errors import UsageError
from polyframe.runtime.lines import visible

_SHOWN = 5
_LONGEST = 60
_WORD = re.compile(r"\w+")
ID = b'"polyframe.market.id","value":{"stringValue":'
"""What stands before a market's id in a line of spans."""
_TEXT = rb'("(?:[^"\\]|\\.)*")'
_MARKET = re.compile(
    re.escape(ID)
    + _TEXT
    + rb'\}\}(?:,\{"key":"polyframe\.market\.slug","value":\{"stringValue":'
    + _TEXT
    + rb'\}\},\{"key":"polyframe\.market\.question","value":\{"stringValue":'
    + _TEXT
    + rb"\}\})?"
)


class MarketName(NamedTuple):
    """What a market is called; slug and question are the venue's texts, "" when not known."""

    market_id: str
    slug: str = ""
    question: str = ""

    @property
    def shown(self) -> str:
        """A few escaped words that tell it from others."""
        text = visible(self.slug or self.question)
        short = text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
        return f"{short} ({visible(self.market_id[:12])})" if short else visible(self.market_id)


def note_markets(block: bytes, known: dict[bytes, MarketName]) -> None:
    """Add the markets that lines of spans name, found as bytes; the first name known stays.

    Args:
        block: lines.
        known: markets by their id as it is written.
    """
    at = 0
    while (at := block.find(ID, at)) >= 0:
        found = _MARKET.match(block, at)
        at += len(ID)
        if found is None or (found[1] in known and (not found[2] or known[found[1]].slug)):
            continue
        try:
            texts = [json.loads(text) if text else "" for text in found.groups()]
        except ValueError:
            continue
        known[found[1]] = MarketName(*texts)


def exact(wanted: str, markets: Iterable[MarketName]) -> MarketName | None:
    """Return the market of this id or slug."""
    return next((name for name in markets if wanted in (name.market_id, name.slug)), None)


def matching(wanted: str, markets: Collection[MarketName]) -> list[MarketName]:
    """Return every market that ``wanted`` may mean, one for an exact id or slug.

    The whole of a question or slug goes before what only contains it. A beginning of an id
    (``0x`` may be left out) counts beside the words: ``fed`` is both. Whole words go before parts
    of words.
    """
    if (found := exact(wanted, markets)) is not None:
        return [found]
    folded = wanted.casefold()
    by_id = [n for n in markets if n.market_id.casefold().startswith((folded, f"0x{folded}"))]
    if folded.startswith("0x") and by_id:
        return by_id
    words = _split(folded)
    texts = [(name, (name.slug, name.question)) for name in markets]
    if whole := [n for n, own in texts if words and any(words == _split(text) for text in own)]:
        return whole
    by_words = [name for name in markets if words and set(words) <= set(_words(name))]
    if not by_words:
        by_words = [n for n in markets if words and all(word in _text(n) for word in words)]
    return [*by_id, *(name for name in by_words if name not in by_id)]


def one_of(wanted: str, found: Collection[MarketName], known: Collection[MarketName]) -> MarketName:
    """Return the only market found.

    Raises:
        UsageError: there are several, or none.
    """
    said = f"'{visible(wanted[:_LONGEST])}'"
    if len(found) == 1:
        return next(iter(found))
    if found:
        shown = ", ".join(name.shown for name in list(found)[:_SHOWN])
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise UsageError(
            f"{said} fits {len(found)} markets: {shown}{more}; give more words, the slug or "
            "more of the id"
        )
    near = _nearest(wanted, known)
    hint = (
        "nearest: " + ", ".join(name.shown for name in near)
        if near
        else f"the run decided on {len(known)} others; 'polyframe trace' lists the last ones"
    )
    raise UsageError(f"no market of this run is {said}; {hint}")


def _nearest(wanted: str, markets: Collection[MarketName]) -> list[MarketName]:
    words = _split(wanted)[:12]

    def score(name: MarketName) -> float:
        own = set(_words(name))
        return sum(1.0 if w in own else 0.9 * bool(_close(w, own)) for w in words)

    scored = sorted(((score(name), name) for name in markets), key=lambda pair: -pair[0])
    return [name for points, name in scored[:_SHOWN] if points]


def _close(word: str, words: Collection[str]) -> list[str]:
    return difflib.get_close_matches(word, words, n=1, cutoff=0.75)


def _text(name: MarketName) -> str:
    return f"{name.slug} {name.question}".casefold()


def _words(name: MarketName) -> list[str]:
    return _split(_text(name))


def _split(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
