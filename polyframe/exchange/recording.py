"""A recording as the market: its own frames, at its own times, with the books they imply.

A recording is ``NAME.frames.jsonl.zst`` (or uncompressed, without ``.zst``): one object
``{"recv_ms": ..., "frame": ...}`` a line, in time order, a frame being one message or an array
of them. Its sibling ``NAME.gamma.json`` is the list of its Gamma market objects. Lines end with
a line feed only: texts may hold other line separators. The file is streamed.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import IO

import msgspec
import zstandard

from polyframe.errors import TapeError, VenueError
from polyframe.exchange.public.gamma_objects import market_token_ids
from polyframe.exchange.recorded_book import RecordedBook, RecordedMessage
from polyframe.exchange.source import BookMessage, Frame, GammaMarket

_MS_NS = 1_000_000
_FLAGGED = frozenset(("best_bid_ask", "new_market", "market_resolved"))


class _Line(msgspec.Struct):
    recv_ms: int
    frame: msgspec.Raw


_line_decoder = msgspec.json.Decoder(_Line)
_message_decoder = msgspec.json.Decoder(RecordedMessage)
_array_decoder = msgspec.json.Decoder(list[msgspec.Raw])


class RecordingSource:
    """A recorded market as a :class:`~polyframe.exchange.source.Source`.

    Args:
        path: of the frames; the Gamma objects are read from the sibling ``*.gamma.json``.

    Raises:
        VenueError: one of the two files is missing or the Gamma file cannot be used.
        TapeError: the first line is not a frame line. Later lines raise from ``advance``.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._gamma = _read_gamma(path)
        self._file: IO[bytes] | None = _open(path)
        self._lines = self._read()
        self._books: dict[str, RecordedBook] = {}
        self._specs = _token_specs(self._gamma)
        self._arrays = 0
        self._last_ns = 0
        self._next = next(self._lines, None)
        if self._next is None:
            raise TapeError(f"{path}: the recording has no frames")
        self.start_ns = self._next[0]

    @property
    def ended(self) -> bool:
        """Whether the last frame has been handed out."""
        return self._next is None

    def markets(self) -> list[GammaMarket]:
        """Return the recorded Gamma objects, as they are."""
        return self._gamma

    def market(self, market_id: str) -> GammaMarket | None:
        """Return one recorded Gamma object."""
        return next((one for one in self._gamma if one.get("conditionId") == market_id), None)

    def market_of_token(self, token_id: str) -> GammaMarket | None:
        """Return the recorded Gamma object of a token."""
        return self._specs.get(token_id)

    def advance(self, to_ns: int, most: int) -> list[Frame]:
        """Return the frames received up to ``to_ns``, byte for byte as recorded.

        Raises:
            TapeError: a line cannot be read; the message names file and line.
        """
        frames: list[Frame] = []
        while self._next is not None and self._next[0] <= to_ns and len(frames) < most:
            frames += self._apply(*self._next)
            self._next = next(self._lines, None)
        return frames

    def book(self, token_id: str) -> BookMessage | None:
        """Return the book built from the frames so far; None before the token's first book."""
        book = self._books.get(token_id)
        return None if book is None else book.message()

    def last_trade(self, token_id: str) -> tuple[str, str] | None:
        """Return the token's last recorded trade; the side is empty when only a book told it."""
        book = self._books.get(token_id)
        return None if book is None else (book.last_trade_price, book.last_trade_side)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _read(self) -> Iterator[tuple[int, list[tuple[bytes, RecordedMessage]], bool]]:
        """Yield ``(ts_ns, messages, was an array)`` a line, times never running backwards."""
        number = 0
        try:
            while self._file is not None and (line := self._file.readline()):
                number += 1
                if not line.strip():
                    continue
                if not line.endswith(b"\n") and not _is_whole(line):
                    return  # torn while it was written: everything before it is the recording
                record = _line_decoder.decode(line)
                raw = bytes(record.frame)
                is_array = raw.startswith(b"[")
                parts = [bytes(part) for part in _array_decoder.decode(raw)] if is_array else [raw]
                messages = [(part, _message_decoder.decode(part)) for part in parts]
                self._last_ns = max(self._last_ns, record.recv_ms * _MS_NS)
                yield self._last_ns, messages, is_array
        except (msgspec.DecodeError, zstandard.ZstdError, UnicodeDecodeError) as error:
            at = number if isinstance(error, msgspec.DecodeError) else number + 1
            raise TapeError(f"{self._path}:{at}: not a frame line: {error}") from error
        finally:
            self.close()

    def _apply(
        self, ts_ns: int, messages: list[tuple[bytes, RecordedMessage]], is_array: bool
    ) -> list[Frame]:
        array = 0
        if is_array:
            self._arrays += 1
            array = self._arrays
        frames = []
        for payload, message in messages:
            kind = message.event_type
            self._update_books(message)
            frames.append(
                Frame(
                    ts_ns,
                    payload,
                    message.token_ids(),
                    flagged=kind in _FLAGGED,
                    for_everyone=kind == "new_market",
                    book_of=message.asset_id if kind == "book" else "",
                    array=array,
                )
            )
        return frames

    def _update_books(self, message: RecordedMessage) -> None:
        if message.event_type == "price_change":
            changes = message.level_changes()
            for token_id, group in groupby(changes, key=lambda change: change.asset_id):
                book = self._books.get(token_id)
                if book is not None:  # without a snapshot there is nothing to change
                    book.change(group, message.timestamp)
            return
        book = self._books.get(message.asset_id)
        if message.event_type == "book":
            if book is None:
                spec = self._specs.get(message.asset_id, {})
                book = self._books[message.asset_id] = RecordedBook(message, spec)
            book.replace(message)
        elif book is not None and message.event_type == "tick_size_change":
            book.tick_size = message.new_tick_size or book.tick_size
        elif book is not None and message.event_type == "last_trade_price":
            book.last_trade_price = message.price
            book.last_trade_side = message.side


def _is_whole(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except msgspec.DecodeError:
        return False
    return True


def gamma_path(path: Path) -> Path:
    """Return where a recording's Gamma objects are: ``X.frames.jsonl.zst`` -> ``X.gamma.json``."""
    return path.with_name(path.name.partition(".frames.")[0].partition(".jsonl")[0] + ".gamma.json")


def _open(path: Path) -> IO[bytes]:
    try:
        file = path.open("rb")
    except OSError as error:
        raise VenueError(f"{path}: no such recording ({error.strerror})") from error
    if path.suffix != ".zst":
        return file
    reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True, closefd=True)
    return io.BufferedReader(reader)


def _read_gamma(path: Path) -> list[GammaMarket]:
    if not path.is_file():
        raise VenueError(f"{path}: no such recording")
    sibling = gamma_path(path)
    try:
        markets = json.loads(sibling.read_bytes())
    except FileNotFoundError:
        raise VenueError(f"{sibling}: missing; a recording needs its Gamma objects") from None
    except (OSError, ValueError) as error:
        raise VenueError(f"{sibling}: not a list of Gamma markets: {error}") from error
    if not isinstance(markets, list) or not all(isinstance(one, dict) for one in markets):
        raise VenueError(f"{sibling}: not a list of Gamma markets")
    return markets


def _token_specs(markets: list[GammaMarket]) -> dict[str, GammaMarket]:
    specs: dict[str, GammaMarket] = {}
    for market in markets:
        for token_id in market_token_ids(market):
            specs[token_id] = market
    return specs
