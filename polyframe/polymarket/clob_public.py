"""The CLOB's public REST answers: books to hold against the feed, and the server's clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from polyframe.events import BookWitness
from polyframe.polymarket.codec import decode_books
from polyframe.polymarket.rest import RestClient, RestError

MOST_BOOKS = 500  # tokens in one POST /books (venue.md 2.2)


async def fetch_books(
    rest: RestClient,
    token_ids: Sequence[str],
    *,
    clock: Callable[[], int],
    batch: int = MOST_BOOKS,
) -> list[BookWitness]:
    """Return the books of these tokens as ``POST /books`` has them, stamped on receipt.

    A token the venue has no book for, or answers unreadably, is missing from the result;
    a book nobody asked for is dropped.

    Args:
        rest: a client of the CLOB host.
        token_ids: any number; asked for in batches.
        clock: UTC nanoseconds.
        batch: tokens in one request, at most 500.

    Raises:
        RestError: a batch could not be had; what earlier batches brought is lost.
    """
    asked = list(dict.fromkeys(token_ids))
    size = max(1, min(batch, MOST_BOOKS))
    books: list[BookWitness] = []
    for start in range(0, len(asked), size):
        wanted = asked[start : start + size]
        body = msgspec.json.encode([{"token_id": token_id} for token_id in wanted])
        books += _asked_for(await rest.post("/books", body), clock(), set(wanted))
    return books


async def fetch_book(
    rest: RestClient, token_id: str, *, clock: Callable[[], int]
) -> BookWitness | None:
    """Return one token's book, None where the venue has none or it cannot be read.

    Raises:
        RestError: the venue does not answer, or refuses for another reason.
    """
    try:
        raw = await rest.get("/book", [("token_id", token_id)])
    except RestError as error:
        if error.status == 404:
            return None
        raise
    found = _asked_for(raw, clock(), {token_id})
    return found[0] if found else None


async def server_time(rest: RestClient) -> int:
    """Return the CLOB's clock in Unix seconds.

    Raises:
        RestError: no answer, or not a number.
    """
    try:
        return int((await rest.get("/time")).strip(b'" \r\n'))
    except ValueError as error:
        raise RestError(f"/time did not answer with Unix seconds: {error}") from None


def _asked_for(raw: bytes, ts_ns: int, wanted: set[str]) -> list[BookWitness]:
    return [
        book
        for book in decode_books(raw, ts_ns)
        if isinstance(book, BookWitness) and book.token_id in wanted
    ]
