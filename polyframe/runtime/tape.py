"""The tape: everything the engine was told, in order, and everything it answered.

zstd-compressed JSON lines, rotated (``tape-0001.jsonl.zst``, ...). A run is::

    {"k": "head", ...}                      what is needed to build the same engine again
    {"k": "in", "b": [...]}                 one batch, written *before* it is handled
    {"k": "out", ...}                       what the batch led to, if anything
    {"k": "end", "batches": n, ...}         only when the run stopped in order

Market frames are kept raw, so a replay runs the decoder too. A tape cut off anywhere is a
tape of everything before the cut.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from io import BufferedWriter
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from polyframe.errors import TapeError
from polyframe.events import Event, InputEvent, OrderEvent, RawFrame
from polyframe.model import Decision, Fill
from polyframe.polymarket.codec import decode
from polyframe.runtime.carried import CarriedAccount
from polyframe.runtime.engine import Begin
from polyframe.runtime.states import StateChange
from polyframe.runtime.turn import Outcome

FORMAT = 1
_encoder = msgspec.json.Encoder()
_PATTERN = "tape-*.jsonl.zst"
_CHUNK_BYTES = 256 * 1024


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay needs to build the run's engine again."""

    format: int = FORMAT
    version: str
    run_id: str
    source: str
    profile: str
    speed: float
    config_hash: str
    strategy: dict[str, Any]
    plugins: dict[str, str | None]
    stores: dict[str, dict[str, Any]]
    account: CarriedAccount | None = None
    begin: Begin = Begin()

    @property
    def mode(self) -> str:
        """What reports call the run: only orders at the live venue are ``production``."""
        if not self.begin.is_live:
            return "paper"
        return "production" if self.source == "live" else "rehearsal"

    def manifest(self) -> dict[str, Any]:
        """Return what a run's folder says of it to whoever looks in."""
        return {
            "run_id": self.run_id,
            "version": self.version,
            "source": self.source,
            "mode": self.mode,
            "profile": self.profile,
            "speed": self.speed,
            "config_hash": self.config_hash,
            "continues": None if self.account is None else self.account.run_id,
            "plugins": dict(self.plugins),
            "strategy": self.strategy,
        }


class Out(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one batch led to."""

    decisions: tuple[Decision, ...] = ()
    fills: tuple[Fill, ...] = ()
    order_events: tuple[OrderEvent, ...] = ()
    states: tuple[StateChange, ...] = ()

    @classmethod
    def of(cls, outcome: Outcome) -> Out:
        """Return the comparable part of an outcome."""
        return cls(
            tuple(outcome.decisions),
            tuple(outcome.fills),
            tuple(outcome.order_events),
            tuple(outcome.states),
        )


def events_of(batch: Sequence[RawFrame | Event]) -> list[Event]:
    """Decode a batch: raw frames become events in place, events stay."""
    found: list[Event] = []
    for item in batch:
        if isinstance(item, RawFrame):
            found.extend(decode(item.data, item.ts_ns))
        else:
            found.append(item)
    return found


class TapeWriter:
    """Writes one run's tape into a folder.

    Args:
        folder: created if missing.
        head: the first line of every file of the tape.
        rotate_bytes: compressed size after which a new file starts.
    """

    def __init__(self, folder: Path, head: Head, rotate_bytes: int) -> None:
        self._folder = folder
        self._head = head
        self._rotate_bytes = rotate_bytes
        self._files = 0
        self.batches = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._open()

    def _open(self) -> None:
        self._files += 1
        self._file: BufferedWriter = (self._folder / f"tape-{self._files:04d}.jsonl.zst").open("wb")
        self._out = zstandard.ZstdCompressor(level=3).stream_writer(self._file)
        self._line({"k": "head", "part": self._files, **msgspec.to_builtins(self._head)})

    def _line(self, content: dict[str, Any]) -> None:
        self._out.write(_encoder.encode(content) + b"\n")

    def batch(self, batch: Sequence[RawFrame | Event]) -> None:
        """Record a batch before it is handled."""
        items = [_frame_item(item) if isinstance(item, RawFrame) else item for item in batch]
        self._line({"k": "in", "b": items})
        self.batches += 1

    def outcome(self, outcome: Outcome) -> None:
        """Record what the batch led to; nothing is written when it led to nothing."""
        out = Out.of(outcome)
        if out != Out():
            self._line({"k": "out", "o": out})
        if self._file.tell() > self._rotate_bytes:
            self._close_file()
            self._open()

    def flush(self) -> None:
        """Push what is written to the file, so that a crash loses little."""
        self._out.flush(zstandard.FLUSH_BLOCK)
        self._file.flush()

    def _close_file(self) -> None:
        self._out.flush(zstandard.FLUSH_FRAME)
        if not self._file.closed:
            self._file.close()

    def close(self) -> None:
        """Write the orderly end and close."""
        self._line({"k": "end", "batches": self.batches})
        self._close_file()


class TapeReader:
    """Reads a tape: a folder of ``tape-*.jsonl.zst`` (or a run's folder), or one file.

    Raises:
        TapeError: nothing readable there, or a line that is not a tape's.
    """

    def __init__(self, path: Path) -> None:
        self.files = _tape_files(path)
        self._lines = self._read()
        first = next(self._lines, None)
        if first is None or first[1].get("k") != "head":
            raise TapeError(f"{self.files[0]}: not a polyframe tape: the first line is no head")
        if first[1].get("format") != FORMAT:
            raise TapeError(
                f"{self.files[0]}: tape format {first[1].get('format')!r}, this version reads "
                f"{FORMAT}: replay it with polyframe {first[1].get('version')}"
            )
        self.head = msgspec.convert(
            {key: value for key, value in first[1].items() if key not in {"k", "part"}}, Head
        )
        self.is_whole = False

    def _read(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for file in self.files:
            for number, text in enumerate(_whole_lines(file), start=1):
                try:
                    content = msgspec.json.decode(text)
                except msgspec.DecodeError as error:
                    raise TapeError(f"{file}:{number}: not JSON: {error}") from None
                if not isinstance(content, dict):
                    raise TapeError(f"{file}:{number}: not a tape line")
                yield f"{file.name}:{number}", content

    def steps(self) -> Iterator[tuple[str, list[RawFrame | Event], Out | None]]:
        """Yield ``(where, batch, recorded outcome)`` in order.

        The outcome of a cut tape's last batch is None when it may be what was cut off.
        """
        where, batch, out = "", None, None
        for line_at, content in self._lines:
            kind = content.get("k")
            if kind == "in":
                if batch is not None:
                    yield where, batch, out or Out()
                where, batch, out = line_at, _batch(content, line_at), None
            elif kind == "out":
                out = msgspec.convert(content["o"], Out)
            elif kind == "end":
                self.is_whole = True
        if batch is not None:
            yield where, batch, out or (Out() if self.is_whole else None)


def _whole_lines(file: Path) -> Iterator[bytes]:
    """Yield a file's lines up to where it was torn; a line without its end is no line."""
    rest = b""
    with file.open("rb") as raw:
        stream = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
        while True:
            try:
                chunk = stream.read(_CHUNK_BYTES)
            except zstandard.ZstdError:
                return
            if not chunk:
                return
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines


def _frame_item(frame: RawFrame) -> list[Any]:
    """Return a frame as a list; bytes that are no UTF-8 are kept as base64, marked."""
    try:
        return [frame.ts_ns, frame.shard, frame.data.decode()]
    except UnicodeDecodeError:
        return [frame.ts_ns, frame.shard, b64encode(frame.data).decode(), "base64"]


def _frame(item: list[Any]) -> RawFrame:
    data = b64decode(item[2]) if item[3:] == ["base64"] else item[2].encode()
    return RawFrame(item[0], item[1], data)


def _batch(content: dict[str, Any], where: str) -> list[RawFrame | Event]:
    items: list[RawFrame | Event] = []
    try:
        for item in content["b"]:
            if isinstance(item, list):
                items.append(_frame(item))
            else:
                items.append(msgspec.convert(item, InputEvent))
    except (KeyError, IndexError, AttributeError, ValueError, msgspec.ValidationError) as error:
        raise TapeError(f"{where}: not a batch of events: {error}") from None
    return items


def _tape_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    for folder in (path, path / "tape"):
        files = sorted(folder.glob(_PATTERN)) if folder.is_dir() else []
        if files:
            return files
    raise TapeError(f"{path}: no tape there: give a run's folder, its tape folder, or a tape file")
