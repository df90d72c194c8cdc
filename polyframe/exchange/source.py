"""What the server needs of a market: frames as time passes, books on request, metadata.

Two sources implement it: a recording and a simulation. Neither reads a clock: the server
tells them how far market time has come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

GammaMarket = Mapping[str, Any]
"""A market object as Gamma sends it (venue.md 6.1)."""

BookMessage = dict[str, Any]
"""A token's book with the keys of venue.md 2.3, in their order, hash included."""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One message of the market channel, encoded once, and who is to get it.

    ``token_ids`` are the tokens it concerns: a socket gets it when it follows one of them.
    ``flagged`` keeps it to sockets with ``custom_feature_enabled``; ``for_everyone`` ignores the
    token list. ``book_of`` names the token whose whole book this is. Neighbouring frames
    with the same non-zero ``array`` travel as one JSON array.
    """

    ts_ns: int
    payload: bytes
    token_ids: tuple[str, ...]
    flagged: bool = False
    for_everyone: bool = False
    book_of: str = ""
    array: int = 0


class Source(Protocol):
    """A market to be served."""

    @property
    def start_ns(self) -> int:
        """The market time (UTC ns) at which it begins."""
        ...

    @property
    def ended(self) -> bool:
        """Whether no further frame will ever come."""
        ...

    def markets(self) -> Sequence[GammaMarket]:
        """Return Gamma's view of every listed market, as of the last ``advance``."""
        ...

    def advance(self, to_ns: int, most: int) -> list[Frame]:
        """Return the next frames due up to ``to_ns``, in time order, about ``most`` at once.

        Fewer than ``most`` means that nothing more is due. Books and markets are those after
        the last frame returned.
        """
        ...

    def book(self, token_id: str) -> BookMessage | None:
        """Return a token's book now; None for an unknown token or one without a book yet."""
        ...

    def last_trade(self, token_id: str) -> tuple[str, str] | None:
        """Return price and taker side of the token's last trade as the venue writes them.

        ``("", "")`` for a token that never traded, None where :meth:`book` is None.
        """
        ...

    def close(self) -> None:
        """Let go of files."""
        ...
