"""A strategy file's text as plain values that remember their lines; anything odd is refused.

YAML can do far more than a list of settings needs: aliases that grow without bound, merge keys
that hide where a value comes from, tags that name types, two documents in one file. All of that
is refused here, before a schema sees it, and so is everything that reads differently from how it
looks: duplicate keys, look-alike letters, infinities. The tree is built from the parser's event
stream with an explicit stack, so hostile nesting costs nothing.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from polyframe.errors import StrategyError

MAX_BYTES = 1 << 20
MAX_LINES = 20_000
MAX_NODES = 20_000
MAX_DEPTH = 16
_KEY_SHAPED = re.compile(r"(?:0x)?[0-9a-fA-F]{64}")
_MAX_NUMBER_CHARS = 40
_MAX_PROBLEMS = 100

KeyPath = tuple[str | int, ...]

# YAML 1.2 core schema; [0-9] and not \d, which would take every script's digits.
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# Characters YAML forbids, line breaks only some programs see, and marks that reorder the text.
_UNFIT = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
    "|[\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)
_HALF = re.compile("[\ud800-\udfff]")


class Problem(NamedTuple):
    """One thing wrong with the file: where, and a sentence that ends with what to do."""

    line: int
    path: KeyPath
    text: str


@dataclass(slots=True)
class Source:
    """The file's values (dicts, lists, scalars), the line of each path, and what was refused.

    ``unreadable`` holds the paths whose value could not be taken; a schema should not complain
    about them a second time.
    """

    path: str
    data: dict[str, Any]
    lines: dict[KeyPath, int]
    problems: list[Problem] = field(default_factory=list)
    unreadable: set[KeyPath] = field(default_factory=set)


def printable(text: str, limit: int = 60) -> str:
    """Return the text on one line, without control characters, cut to ``limit`` characters.

    What could be a private key does not show: a message ends up in logs and in bug reports.
    """
    text = _KEY_SHAPED.sub("(64 hex digits)", text)
    shown = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text[: limit + 1]
    )
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def dotted(path: KeyPath) -> str:
    """Return a path as people write it: ``plugins.qs.weights[0]``; ``(file)`` for the whole."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + printable(part)
    return text or "(file)"


def refusal(path: str, problems: list[Problem]) -> StrategyError:
    """Return the error that tells the problems in the order of the file, each once."""
    ordered = sorted(set(problems), key=lambda p: (p.line, dotted(p.path), p.text))
    shown = [
        f"{printable(path, 200)}:{line}: {dotted(where)}: {text}"
        for line, where, text in ordered[:_MAX_PROBLEMS]
    ]
    if len(ordered) > _MAX_PROBLEMS:
        last = ordered[-1]
        rest = len(ordered) - _MAX_PROBLEMS
        shown.append(
            f"{printable(path, 200)}:{last.line}: (file): {rest} more problems are not shown; "
            "mend those above first"
        )
    return StrategyError(shown)


class Kind(NamedTuple):
    """What a file is called in messages, what to begin one from, and a key it may hold."""

    name: str
    begin_from: str
    key: str


STRATEGY = Kind("strategy", "strategies/maker.yaml", "feed:")


def read_source(path: Path | str, kind: Kind = STRATEGY) -> Source:
    """Read and parse a strategy file, or a file of another kind under the same rules.

    Problems that leave the rest readable are kept in ``Source.problems`` so that they can be
    told together with the schema's.

    Raises:
        StrategyError: The file cannot be read, is too large, is not UTF-8 or not YAML.
    """
    return parse_source(_text(Path(path), kind), str(path), kind)


def _text(path: Path, kind: Kind) -> str:
    def refuse(text: str, line: int = 1) -> StrategyError:
        return refusal(str(path), [Problem(line, (), text)])

    try:
        if not path.exists():
            raise refuse("there is no such file; check the path")
        if not path.is_file():
            raise refuse(f"is not a file; give the path of a {kind.name} file")
        # Reading one byte past the limit holds even when the file grows meanwhile.
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise refuse(f"cannot be read ({printable(reason)}); check its permissions") from None
    if len(raw) > MAX_BYTES:
        raise refuse(f"is larger than 1 MiB; a {kind.name} is a page or two, remove the rest")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise refuse(
            f"is not UTF-8 (byte 0x{raw[error.start]:02x}); save the file as UTF-8", line
        ) from None
    return text


def parse_source(text: str, path: str, kind: Kind = STRATEGY) -> Source:
    """Parse a strategy file's text; ``path`` is only shown in messages.

    Raises:
        StrategyError: The text is not YAML, or nothing can be made of its top level.
    """

    def refuse(line: int, message: str) -> StrategyError:
        return refusal(path, [Problem(line, (), message)])

    if unfit := _UNFIT.search(text):
        line = text.count("\n", 0, unfit.start()) + 1
        raise refuse(
            line, f"holds the character U+{ord(unfit[0]):04X}, which cannot be seen; remove it"
        )
    if text.count("\n") > MAX_LINES:
        raise refuse(MAX_LINES, f"has more than {MAX_LINES} lines; remove what is not a setting")
    tree = _Tree(path, kind)
    try:
        # The pure parser's events carry lines. Its safe flavour is the round-trip one without
        # the bookkeeping of comments, which nobody reads here.
        for event in YAML(typ="safe", pure=True).parse(text):
            tree.take(event)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        problem = str(error.problem or error.context)
        if "'\\t'" in problem:
            raise refuse(line, "a tab is used for indentation; use spaces") from None
        while_ = f" {error.context}" if error.context else ""
        raise refuse(
            line,
            f"is not valid YAML{printable(while_, 80)}: {printable(problem, 80)}; check the "
            "indentation, quotes, brackets and colons here",
        ) from None
    except (YAMLError, ValueError, OverflowError) as error:
        # The last two: an escape such as "\\UFFFFFFFF" that names no character.
        raise refuse(1, f"is not valid YAML: {printable(str(error), 120)}; mend it") from None
    return tree.source()


@dataclass(slots=True)
class _Frame:
    """A mapping or list being filled; ``key`` is the mapping's key that awaits its value."""

    into: dict[str, Any] | list[Any]
    path: KeyPath
    key: str | None = None
    skip: bool = False


class _Tree:
    """Builds the values from parser events; see the module's first lines for what it refuses."""

    def __init__(self, path: str, kind: Kind) -> None:
        self._path = path
        self._kind = kind
        self._root: Any = None
        self._documents = 0
        self._nodes = 0
        self._stack: list[_Frame] = []
        self._lines: dict[KeyPath, int] = {(): 1}
        self._problems: list[Problem] = []
        self._unreadable: set[KeyPath] = set()

    def source(self) -> Source:
        """Return what was read."""
        if self._documents == 0 or self._root is None:
            raise self._refuse(1, (), f"is empty; start from {self._kind.begin_from}")
        if not isinstance(self._root, dict):
            raise self._refuse(
                1, (), f"is not a mapping; write sections such as '{self._kind.key}'"
            )
        return Source(self._path, self._root, self._lines, self._problems, self._unreadable)

    def take(self, event: Event) -> None:
        """Take the next parser event."""
        line = event.start_mark.line + 1
        if isinstance(event, DocumentStartEvent):
            self._start_document(event, line)
        elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
            self._stack.pop()
        elif isinstance(event, (ScalarEvent, AliasEvent, MappingStartEvent, SequenceStartEvent)):
            self._nodes += 1
            if self._nodes > MAX_NODES:
                raise self._refuse(line, (), f"has more than {MAX_NODES} values; remove some")
            frame = self._stack[-1] if self._stack else None
            if frame is not None and isinstance(frame.into, dict) and frame.key is None:
                self._take_key(frame, event, line)
            else:
                self._take_value(frame, event, line)

    def _start_document(self, event: DocumentStartEvent, line: int) -> None:
        self._documents += 1
        if self._documents > 1:
            raise self._refuse(line, (), "holds a second document; remove the '---' and below")
        if event.version not in (None, (1, 2)):
            raise self._refuse(line, (), "asks for another YAML than 1.2; remove the %YAML line")
        if event.tags:
            raise self._refuse(line, (), "declares tags; remove the %TAG line")

    def _take_key(self, frame: _Frame, event: Event, line: int) -> None:
        if not isinstance(event, ScalarEvent):
            raise self._refuse(line, frame.path, "has a key that is not text; write 'key: value'")
        key = event.value
        path = (*frame.path, key)
        assert isinstance(frame.into, dict)
        frame.key = key
        frame.skip = False
        self._check_marks(event, path, line)
        if key == "<<" and not event.style:
            self._unreadable.add(path)
            self._tell(line, path, "merge keys are not used here; write the settings out")
        if path in self._lines:
            first = self._lines[path]
            self._tell(line, path, f"stands twice, first in line {first}; keep one of them")
            frame.skip = True
            return
        self._lines[path] = line
        if odd := next((char for char in key if not "\x20" < char < "\x7f"), None):
            name = unicodedata.name(odd, "a control character")
            self._tell(
                line, path, f"the key holds U+{ord(odd):04X} ({name}); retype it in plain ASCII"
            )

    def _take_value(self, frame: _Frame | None, event: Event, line: int) -> None:
        path, skip = self._place(frame, line)
        self._check_marks(event, path, line)
        value: Any
        if isinstance(event, MappingStartEvent):
            value = {}
        elif isinstance(event, SequenceStartEvent):
            value = []
        elif isinstance(event, ScalarEvent):
            value = self._scalar(event, path, line)
        else:
            value = None
        if frame is None:
            self._root = value
        elif isinstance(frame.into, list):
            frame.into.append(value)
        else:
            if not skip:
                assert frame.key is not None
                frame.into[frame.key] = value
            frame.key = None
        if isinstance(value, (dict, list)):
            if len(self._stack) >= MAX_DEPTH:
                raise self._refuse(
                    line, path[:4], f"is nested deeper than {MAX_DEPTH} levels; write it flat"
                )
            self._stack.append(_Frame(value, path))

    def _place(self, frame: _Frame | None, line: int) -> tuple[KeyPath, bool]:
        if frame is None:
            return (), False
        if isinstance(frame.into, list):
            path = (*frame.path, len(frame.into))
            self._lines[path] = line
            return path, False
        assert frame.key is not None
        # What stands under a duplicate key gets a path of its own, so that it is not taken for
        # a repetition of every key below the first one.
        own = f"{frame.key} (line {line})" if frame.skip else frame.key
        return (*frame.path, own), frame.skip

    def _check_marks(self, event: Event, path: KeyPath, line: int) -> None:
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if isinstance(event, AliasEvent):
            mark, action = f"the alias *{anchor}", "write the value out"
        elif anchor is not None:
            mark, action = f"the anchor &{anchor}", "remove it and write the value out"
        elif tag is not None:
            mark, action = f"the tag {tag}", "remove it, types are known from the schema"
        else:
            return
        self._unreadable.add(path)
        self._tell(line, path, f"{printable(mark)} is not used in a strategy file; {action}")

    def _scalar(self, event: ScalarEvent, path: KeyPath, line: int) -> Any:
        text: str = event.value
        if _HALF.search(text):
            self._unreadable.add(path)
            self._tell(line, path, "holds half of a character pair; write the character itself")
        if event.style or event.tag is not None:
            return text
        if text in _WORDS:
            return _WORDS[text]
        is_int = _INT.fullmatch(text)
        if not is_int and not _FLOAT.fullmatch(text):
            if _NOT_FINITE.fullmatch(text):
                return self._not_a_setting(text, path, line, "is not a finite number")
            return text
        if len(text) > _MAX_NUMBER_CHARS:
            return self._not_a_setting(text, path, line, "has too many digits")
        if is_int:
            return int(text) if text.lstrip("-+").isdecimal() else int(text, 0)
        number = float(text)
        if not math.isfinite(number):
            return self._not_a_setting(text, path, line, "is not a finite number")
        return number

    def _not_a_setting(self, text: str, path: KeyPath, line: int, why: str) -> None:
        self._unreadable.add(path)
        self._tell(line, path, f"{printable(text, 30)} {why}; write a plain number")

    def _tell(self, line: int, path: KeyPath, text: str) -> None:
        self._problems.append(Problem(line, path, text))

    def _refuse(self, line: int, path: KeyPath, text: str) -> StrategyError:
        return refusal(self._path, [*self._problems, Problem(line, path, text)])
