"""Whether Polymarket trades with the place we are at (venue.md 2.1)."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec

from polyframe.polymarket.rest import RestClient, RestError


class _Answer(msgspec.Struct):
    blocked: bool
    country: str = ""
    region: str = ""


async def geoblock_fault(url: str) -> str | None:
    """Return why this place is not traded with, None when it is.

    Raises:
        RestError: no answer, or one that cannot be read.
    """
    parts = urlsplit(url)
    async with RestClient(f"{parts.scheme}://{parts.netloc}") as rest:
        raw = await rest.get(parts.path)
    try:
        answer = msgspec.json.decode(raw, type=_Answer)
    except msgspec.MsgspecError as error:
        raise RestError(f"{url}: not an answer: {error}") from None
    place = "-".join(part for part in (answer.country, answer.region) if part)
    return f"{place or 'this place'} is blocked" if answer.blocked else None
