"""What a rules text says: pure reading, one function per question of quant.md A4.2.

Every pattern is anchored at word boundaries ("considerable" is not "considered"), every
gap inside a pattern is bounded, and the text is cut at :data:`LONGEST_TEXT`, so that a hostile
text cannot make reading it slow. Invisible characters are removed first: a zero-width space
inside a word must not hide it.

Patterns are read against the text in lower case, which is several times faster than ignoring
case; the few that need capitals (:data:`AUTHORITY`, :data:`ZONE`) say so.
"""

from __future__ import annotations

import re
import unicodedata

from polyframe import MarketSpec

# The oracle takes at most 8139 bytes of question and rules; what is longer is not rules.
LONGEST_TEXT = 8_192
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain_text(spec: MarketSpec) -> str:
    """Return question and rules as one NFKC text without format characters, cut at the limit."""
    text = f"{spec.question}\n{spec.rules[:LONGEST_TEXT]}"[:LONGEST_TEXT]
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).replace("\u2019", "'")
        for letter in dict.fromkeys(text):  # each distinct one once: there are few
            if unicodedata.category(letter) == "Cf":
                text = text.replace(letter, "")
    return _CONTROL.sub("", text)


def _words(alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{alternatives})\b")


def found(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    """Return the distinct matches in a lower-case text in order of appearance, blanks collapsed."""
    matches = (" ".join(match.group(0).split()) for match in pattern.finditer(text))
    return tuple(dict.fromkeys(matches))


# --- ambiguity -----------------------------------------------------------------------

VAGUE = _words(
    r"significant(?:ly)?|substantial(?:ly)?|reasonabl[ey]|material(?:ly)|meaningful(?:ly)?|"
    r"widely (?:recognized|reported|accepted|considered)|generally (?:accepted|considered)|"
    r"clear(?:ly)?|obvious(?:ly)?|prominent(?:ly)?|major|notable|serious(?:ly)?|"
    r"credible|reliable|reputable|trusted|informal(?:ly)?|similar|in good faith|spirit of|"
    r"effectively|de facto|temporary|indicative|unambiguous(?:ly)?|definitive(?:ly)?"
)
# Words of provenance: they describe a source, not the event, and count under the source.
_PROVENANCE = frozenset({"credible", "reliable", "reputable", "trusted"})

JUDGEMENT = _words(
    r"deemed?|(?<!will be )considered (?:to be|as|an?)|judged|perceived|interpreted|believed to|"
    r"appears? to|seems? to|determin(?:e|ed) (?:at|in) (?:its|the) (?:sole )?discretion|"
    r"at (?:its|our|the) (?:sole )?discretion|in the opinion of|preponderance of (?:the )?evidence|"
    r"beyond a reasonable doubt"
)

CONTESTED = _words(
    r"cease-?fires?|armistice|truce|peace (?:deal|agreement|treaty|talks)|(?:trade |"
    r"nuclear )?deals?|"
    r"negotiated settlement|invasions?|invad(?:e|es|ed)|military (?:action|engagement|operation|"
    r"clash)(?:es|s)?|(?:air ?)?strikes?|captur(?:e|es|ed)|(?:full |territorial )?control of|"
    r"occup(?:ied by|ation of)|annex(?:es|ed|ation)?|normali[sz](?:e|es|ed|ation)|"
    r"regime (?:change|fall)|"
    r"coup|insurrection|genocide|shut ?downs?|funding lapse|redactions?|audits?|step(?:s|"
    r"ped)? down|out as|"
    r"ceases? to be|attend(?:s|ed|ance)?|"
    r"suits?|dress code|formal (?:attire|wear)|wear(?:s|ing)?|outfits?|handshakes?|"
    r"recession|pardons?|endors(?:e|es|ed|ement)|aliens?|senile|breakthrough|agi"
)
DEFINED = re.compile(
    r"\b(?:(?:is|are|will be|shall be) (?:defined|understood) as|defined as|refers? to|"
    r"means? (?:that|any|the|an?)"
    r"|for the purposes? of this market)\b|[\"\u201c][^\"\u201d\n]{1,40}[\"\u201d] (?:is|means)\b",
)
INTERPRETED_SOURCE = re.compile(
    r"\b(?:maps?\b[^.\n]{0,80}\b(?:shad(?:ed?|ing)|colou?r(?:ed)?|mark(?:ed|s)?|show(?:s|n)?|"
    r"indicat(?:es?|ed)|layers?)|shad(?:ed|ing)\b[^.\n]{0,80}\bmaps?)\b",
)
PAGE_STATE = re.compile(
    r"\b(?:web ?pages?|web ?sites?|home ?pages?|status pages?|page|banner)\b[^.\n]{0,80}"
    r"\b(?:is updated|are updated|has been updated|updates? (?:its|the|to)|updated to|displays?|"
    r"shows?|reads?|states?|lists?|no longer|changes?)\b",
)
CONDITION = _words(
    r"and/or|both of the following|all of the following|either of the following|"
    r"provided that|unless|however|except(?:ion)?|if and only if"
)
EXCLUSION = re.compile(
    r"\b(?:will|do|does|shall|would) not (?:alone )?(?:count|qualify|suffice|be considered)\b",
)

# --- source --------------------------------------------------------------------------

URL = re.compile(
    r"https?://[^\s)\"']+|\b(?:[a-z0-9-]{1,40}\.){1,3}(?:com|org|gov|net|io|co|edu|int|ca|uk|cl|"
    r"br)\b",
)
# The name after "according to" or "source ... is" must be a proper noun: capitals count here.
AUTHORITY = re.compile(
    r"\b(?:according to|as reported by|as published by|published (?:by|on)|reported by|"
    r"[Rr]esolution source (?:for this market )?(?:will be|is)(?: (?:official )?(?:information|"
    r"data) from)?)"
    r" (?:the )?(?:[A-Z][\w&.'-]{2,}|[A-Z]{2,})"
)
SOURCE_TYPE = _words(
    r"official (?:information|statistics|results?|data|statements?|announcements?|documents?|"
    r"court records?|sources?|recordings?|releases?|closing price)|court records|"
    r"information from (?:the )?\w+|(?:video|transcripts?|recordings?|livestreams?) (?:of|and|or)|"
    r"press releases?|sec filings?|exchange's|match statistics|governing body|"
    r"publicly released documents?|government documents?"
)
REPORTING = _words(
    r"credible (?:\w+ )?(?:reporting|reports?|news|sources?|media|resolution sources?)|"
    r"(?:media|news) (?:reports?|reporting|coverage)|reputable sources?|reliable sources?|"
    r"consensus of (?:\w+ )?(?:reporting|reports|sources|media)"
)

# --- dispute susceptibility ----------------------------------------------------------

REVISABLE = _words(
    r"revis(?:ed|ions?)|preliminary|initial release|advance estimate|provisional|"
    r"final (?:value|data(?:set)?)|corrections?|retroactive(?:ly)?|retractions?"
)
REVISION_RULE = re.compile(
    r"\b(?:regardless of|irrespective of|independently of|not (?:be )?(?:consider|count|affect)\w*|"
    r"will not (?:be )?(?:consider|count|affect)\w*|any|no) [^.\n]{0,60}"
    r"\b(?:revis|correct|adjust|retract|retroactiv)\w*",
)
FALLBACK = re.compile(
    r"\b(?:another (?:credible |reliable )?(?:resolution )?source|may (?:also )?be used|"
    r"will also be used|"
    r"(?:will|shall) (?:also )?suffice|(?:if there is|in (?:the )?case of) (?:any )?ambiguity|"
    r"alternative source|secondary source|in the event that|"
    r"if (?:no|the|this|such|for any reason)\b[^.\n]{0,160}\b(?:unavailable|"
    r"not (?:be )?(?:available|released|published|"
    r"displayed|occur|completed|declared|known)|remain open|cancell?ed)|"
    r"if no \w+[^.\n]{0,120}\bwill resolve)\b",
)
THRESHOLD = re.compile(
    r"\b(?:above|below|over|under|higher than|lower than|greater than|less than|more than|"
    r"fewer than|between|at least|exceeds?|reach(?:es)?|hits?) (?:or |an? |equal to )?\$?\d",
)
EQUALITY = re.compile(
    r"\b(?:equal to|or (?:above|below|more|higher|lower|greater|less|fewer)|at least|exactly|"
    r"ties?|tied|"
    r"greater than or|less than or|alphabetical(?:ly)?|higher range bracket|50[-\u2013/ ]50|"
    r"precision)\b|\d\+",
)
SCHEDULED = _words(r"scheduled (?:for|to)|upcoming|will take place|is expected to|matchup")
POSTPONEMENT = _words(
    r"postponed|cancell?ed|delayed|resc?heduled|abandoned|does not (?:take place|occur)|"
    r"if no such|make-?up game|is not (?:held|aired|completed)"
)

# --- time ----------------------------------------------------------------------------

_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december|"
    r"jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\.?"
)
DATE = re.compile(
    rf"\b(?:{_MONTH} \d{{1,2}}|\d{{1,2}} {_MONTH}|\d{{4}}-\d{{2}}-\d{{2}}|"
    rf"(?:by|in|before|during|end of|through) (?:the end of )?(?:{_MONTH}|20\d\d)|"
    r"(?:listed|specified) (?:date|week|month|time|day)|(?:date|time range|month|week) specified|"
    r"20\d\d[-\u2013]\d\d)",
)
CLOCK = re.compile(r"\b(?:\d{1,2}(?::\d{2})? ?[ap]\.?m\b|\d{1,2}:\d{2}|noon|midnight)")
# Abbreviations are capitals: "et" and "ist" are words elsewhere.
ZONE = re.compile(
    r"\b(?:ET|EST|EDT|UTC|GMT|PT|PST|PDT|CT|CST|CDT|BST|CET|JST|IST|KST|"
    r"[Ee]astern [Tt]ime|local time|time ?zone|local to)\b"
)

# --- clarification -------------------------------------------------------------------

CLARIFIED = re.compile(
    r"\b(?:additional context|clarifications?|updated? (?:rules|on [a-z]+ \d{1,2})|"
    r"(?:this|the) (?:market|rules?) (?:has|have|was|were) (?:been )?(?:clarified|updated|"
    r"amended))\b",
)
PLACEHOLDER = re.compile(
    r"^(?:other|another|(?:person|player|team|candidate|option|party|movie|company|country|artist)"
    r" [a-z0-9]{1,3})$",
    re.IGNORECASE,
)


def vague_modifiers(text: str) -> tuple[str, ...]:
    """Return the distinct modifiers whose measure is left open, without words of provenance.

    The text is in lower case.
    """
    return tuple(word for word in found(VAGUE, text) if word not in _PROVENANCE)


def undefined_terms(text: str) -> tuple[tuple[str, ...], bool]:
    """Return contested words of a lower-case text, and whether it defines any term at all."""
    return found(CONTESTED, text), DEFINED.search(text) is not None


def source_concreteness(spec: MarketSpec, text: str) -> tuple[float, str]:
    """Return how concrete the named source is, with what was found (quant.md A4.2).

    1.0 a URL or a named authority; 0.6 a kind of source ("official information"); 0.2 only
    "credible reporting"; 0.0 none. Reporting as a *fallback* to a named source does not lower it.
    """
    if spec.resolution_source.strip():
        return 1.0, "the market names a resolution source"
    lowered = text.lower()
    if URL.search(lowered):
        return 1.0, "a web address in the rules"
    if authority := AUTHORITY.search(text):
        return 1.0, " ".join(authority.group(0).split())
    if kinds := found(SOURCE_TYPE, lowered):
        return 0.6, kinds[0]
    if reports := found(REPORTING, lowered):
        return 0.2, reports[0]
    return 0.0, "no source is named"
