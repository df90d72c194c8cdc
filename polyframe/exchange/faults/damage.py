"""How a message is damaged: bytes in, bytes out, None where there is nothing to damage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import msgspec

from polyframe.exchange.faults import message_kinds as kinds

Message = dict[str, Any]
_encode = msgspec.json.encode

_SIZES = ("size", "original_size", "size_matched", "matched_amount")
_MARK = "\0not finite\0"


def damaged(fault: kinds.MessageFault, payload: bytes, rng: Random) -> list[bytes] | None:
    """Return the frames that come in place of one; None when it has nothing to damage.

    What is about arrival (drop, delay, ...) is not decided here.
    """
    match fault:
        case kinds.TruncatedJson():
            return [payload[: max(1, int(len(payload) * rng.uniform(0.1, 0.95)))]]
        case kinds.UnknownEvent():
            return [_encode({"event_type": fault.event_type, "payload": {"version": 9}}), payload]
        case kinds.GiantArray():
            return [b"[" + b"{}," * (fault.elements - 1) + b"{}]", payload]
        case kinds.DeepNesting():
            return [b"[" * fault.depth + b"]" * fault.depth, payload]
        case kinds.NotFinite():
            changed = _changed(payload, lambda message: _set_number(message, rng))
            token = fault.value.encode()
            # Bare, as a careless serialiser writes it, or as text, like every other number.
            place = token if rng.random() < 0.5 else b'"%b"' % token
            return None if changed is None else [changed.replace(_encode(_MARK), place)]
    change = _change_of(fault, rng)
    changed = None if change is None else _changed(payload, change)
    return None if changed is None else [changed]


def crossing(payload: bytes, rng: Random) -> tuple[bytes, bytes] | None:
    """Return a price change with a bid above the best ask, and the one that takes it back."""
    message = _decode(payload)
    if not isinstance(message, dict) or message.get("event_type") != "price_change":
        return None
    changes = message.get("price_changes")
    if not isinstance(changes, list):  # an earlier fault has already broken it
        return None
    entries = [one for one in changes if one.get("best_ask")]
    if not entries:
        return None
    entry = entries[rng.randrange(len(entries))]
    price = _price_text(min(0.9999, float(entry["best_ask"]) + 0.01))
    bid = {**entry, "price": price, "size": "100", "side": "BUY", "best_bid": price}
    gone = {**entry, "price": price, "size": "0", "side": "BUY"}
    return (
        _encode({**message, "price_changes": [bid]}),
        _encode({**message, "price_changes": [gone]}),
    )


def _decode(payload: bytes) -> Any:
    """Return a frame as plain data; None when an earlier fault has already broken it."""
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None  # cut, cut within a letter, nested too deeply


def _changed(payload: bytes, change: Callable[[Message], bool]) -> bytes | None:
    """Return the frame after ``change`` altered its first message that could be altered."""
    frame = _decode(payload)
    for message in frame if isinstance(frame, list) else [frame]:
        if isinstance(message, dict) and change(message):
            return _encode(frame)
    return None


def _change_of(fault: kinds.MessageFault, rng: Random) -> Callable[[Message], bool] | None:
    match fault:
        case kinds.WrongTypes():
            return lambda message: _set_wrong_type(message, rng)
        case kinds.NegativeSize():
            return lambda message: _alter(
                message, _SIZES, rng, lambda text: text if text.startswith("-") else f"-{text}"
            )
        case kinds.OffGrid():
            return lambda message: _alter(message, ("price",), rng, _off_grid)
        case kinds.WrongAsset():
            wrong = str(rng.getrandbits(250))
            return lambda message: _alter(message, ("asset_id",), rng, lambda _: wrong)
        case kinds.WrongHash():
            wrong = f"{rng.getrandbits(160):040x}"
            return lambda message: (
                message.get("event_type") == "book"
                and _alter(message, ("hash",), rng, lambda _: wrong)
            )
        case kinds.MillisecondTimes():
            return lambda message: _alter(
                message, ("created_at",), rng, lambda text: f"{text}000" if text else text
            )
        case kinds.SuffixedStatus():
            return lambda message: (
                message.get("type") == "CANCELLATION"
                and _alter(
                    message, ("status",), rng, lambda text: f"{text.split('_')[0]}_{fault.suffix}"
                )
            )
        case kinds.EmptyNumerics():
            return _empty_numerics
    return None


def _places(message: Message, names: tuple[str, ...]) -> Iterator[tuple[Message, str]]:
    """Yield where fields of these names stand: in the message or in its lists of objects."""
    for key, value in message.items():
        if key in names and isinstance(value, str):
            yield message, key
        elif isinstance(value, list):
            for entry in value:
                if isinstance(entry, dict):
                    yield from _places(entry, names)


def _alter(
    message: Message, names: tuple[str, ...], rng: Random, new: Callable[[str], str]
) -> bool:
    places = list(_places(message, names))
    if not places:
        return False
    inside, key = places[rng.randrange(len(places))]
    before = inside[key]
    inside[key] = new(before)
    return bool(inside[key] != before)


def _set_number(message: Message, rng: Random) -> bool:
    return _alter(message, ("price", *_SIZES), rng, lambda _: _MARK)


def _set_wrong_type(message: Message, rng: Random) -> bool:
    names = [name for name in message if name != "event_type"]
    if not names:
        return False
    name = names[rng.randrange(len(names))]
    value = message[name]
    if isinstance(value, str):
        message[name] = [17, {"value": value}][rng.randrange(2)]
    elif isinstance(value, list):
        message[name] = ["none", None][rng.randrange(2)]
    else:
        message[name] = "maybe"
    return True


def _off_grid(price: str) -> str:
    # Finer than the finest grid there is, so it is off whatever the tick.
    return f"{min(float(price), 0.9998) + 0.00003:.5f}"


def _empty_numerics(message: Message) -> bool:
    if message.get("event_type") != "order":
        return False
    message |= {"size_matched": "", "created_at": "", "outcome": ""}
    return True


def _price_text(price: float) -> str:
    return f"{price:.4f}".rstrip("0").rstrip(".")
