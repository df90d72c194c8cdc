"""Faults of single messages: lost, late, repeated, malformed, or well-formed and wrong."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from polyframe.exchange.faults.fault import ChanceFault, Group
from polyframe.exchange.faults.socket_kinds import Channel
from polyframe.plugin import setting as s


class MessageFault(ChanceFault, frozen=True, kw_only=True):
    """A fault that strikes messages of the market or the user channel; never a PONG."""

    group: ClassVar[Group] = "message"

    channel: Annotated[Channel, s("which channel's messages", unit="name")] = "both"
    events: Annotated[
        tuple[str, ...], s("event types it can strike; empty means all", unit="name")
    ] = ()
    tokens: Annotated[
        tuple[str, ...], s("token ids the message must name; empty means any", unit="name")
    ] = ()
    markets: Annotated[
        tuple[str, ...], s("condition ids the message must name; empty means any", unit="name")
    ] = ()


class Drop(MessageFault, frozen=True, kw_only=True, tag="drop"):
    """The message never arrives."""


class Duplicate(MessageFault, frozen=True, kw_only=True, tag="duplicate"):
    """The message arrives again at once."""

    copies: Annotated[int, s("copies besides the first", unit="count", ge=1, le=1000)] = 1


class Reorder(MessageFault, frozen=True, kw_only=True, tag="reorder"):
    """The message is overtaken by those of the next moments."""

    within_s: Annotated[float, s("it is late by at most this", unit="s", gt=0, le=60)] = 2.0


class Delay(MessageFault, frozen=True, kw_only=True, tag="delay"):
    """The message and all after it on that socket are late; order is kept."""

    up_to_s: Annotated[float, s("late by at most this", unit="s", gt=0, le=600)] = 60.0


class TruncatedJson(MessageFault, frozen=True, kw_only=True, tag="truncated_json"):
    """The frame ends in the middle."""


class WrongTypes(MessageFault, frozen=True, kw_only=True, tag="wrong_types"):
    """Numbers for texts, texts for lists, null for objects."""


class NotFinite(MessageFault, frozen=True, kw_only=True, tag="not_finite"):
    """A price or size that is no finite number."""

    value: Annotated[
        Literal["NaN", "1e400", "Infinity"], s("what stands in its place", unit="name")
    ] = "NaN"


class NegativeSize(MessageFault, frozen=True, kw_only=True, tag="negative_size"):
    """A level or trade of less than nothing."""


class UnknownEvent(MessageFault, frozen=True, kw_only=True, tag="unknown_event"):
    """An event type nobody has heard of comes before the message."""

    event_type: Annotated[str, s("its name", unit="name")] = "book_v9"


class GiantArray(MessageFault, frozen=True, kw_only=True, tag="giant_array"):
    """A frame with an enormous array of empty objects comes before the message."""

    elements: Annotated[int, s("objects in it", unit="count", ge=1, le=1_000_000)] = 100_000


class DeepNesting(MessageFault, frozen=True, kw_only=True, tag="deep_nesting"):
    """A frame nested beyond reason comes before the message."""

    depth: Annotated[int, s("levels", unit="count", ge=1, le=1_000_000)] = 10_000


class WrongAsset(MessageFault, frozen=True, kw_only=True, tag="wrong_asset"):
    """The message names a token that does not exist."""


class WrongHash(MessageFault, frozen=True, kw_only=True, tag="wrong_hash"):
    """The book's hash is another book's."""


class CrossedDelta(MessageFault, frozen=True, kw_only=True, tag="crossed_delta"):
    """A price change whose new bid lies above its best ask, taken back soon after."""

    lasts_s: Annotated[float, s("how long the book stays crossed", unit="s", ge=0, le=3600)] = 2.0


class OffGrid(MessageFault, frozen=True, kw_only=True, tag="off_grid"):
    """A price between two ticks."""


class UserFault(MessageFault, frozen=True, kw_only=True):
    """A fault of the user channel's events."""

    channel: Annotated[Literal["user"], s("the user channel only", unit="name")] = "user"


class Redelivered(UserFault, frozen=True, kw_only=True, tag="redelivered"):
    """An event comes again later, as after a reconnect."""

    after_s: Annotated[float, s("how much later", unit="s", ge=0, le=3600)] = 5.0


class MillisecondTimes(UserFault, frozen=True, kw_only=True, tag="millisecond_times"):
    """``created_at`` in milliseconds, as captured in March 2026 (venue.md 3.4)."""


class SuffixedStatus(UserFault, frozen=True, kw_only=True, tag="suffixed_status"):
    """A final order event whose status carries its reason (venue.md 3.4)."""

    suffix: Annotated[str, s("what follows the status and an underscore", unit="name")] = (
        "order couldn't be fully filled. FOK orders are fully filled or killed."
    )


class EmptyNumerics(UserFault, frozen=True, kw_only=True, tag="empty_numerics"):
    """``size_matched``, ``created_at`` and ``outcome`` are empty texts (venue.md 3.4)."""
