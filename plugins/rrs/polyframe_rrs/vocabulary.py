"""From a text to the words that the fitted model may hold against it or for it."""

from __future__ import annotations

import re

_WORD = re.compile(r"\b[a-z][a-z']+\b")
# Months and weekdays would make the score a calendar; the rest is in every text.
_IN_EVERY_TEXT = (
    "january february march april may june july august september october november december "
    "jan feb mar apr jun jul aug sep sept oct nov dec monday tuesday wednesday thursday "
    "friday saturday sunday est edt utc a an and are as at be been before but by for from "
    "had has have if in into is it its no not of on or so such that the their then there "
    "these this those to was were which will with would than any all also other otherwise "
    "market resolve resolves resolved resolution yes they you can more one only"
)
_LEFT_OUT = frozenset(_IN_EVERY_TEXT.split())


def words_of(text: str) -> dict[str, None]:
    """Return the distinct words of a text in order of appearance, possessives made plain.

    Lower case, three letters or more, no numbers, no calendar words, no words that hold
    sentences together. ``text`` is :func:`polyframe_rrs.wording.plain_text`.
    """
    words: dict[str, None] = {}
    for found in _WORD.findall(text.lower()):
        word = found.strip("'").removesuffix("'s")
        if len(word) > 2 and word not in _LEFT_OUT:
            words[word] = None
    return words
