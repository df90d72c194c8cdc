"""Which tokens a wallet holds, by the Data API (venue.md 2.13): it lags, and knows all markets."""

from __future__ import annotations

import msgspec

from polyframe.polymarket.rest import RestClient, RestError

_PAGE = 500
_MOST_PAGES = 200


class _Row(msgspec.Struct):
    token_id: str
    opposite_token_id: str = ""


class _Pagination(msgspec.Struct):
    has_more: bool = False
    next_cursor: str | None = None


class _Page(msgspec.Struct):
    data: list[_Row]
    pagination: _Pagination = msgspec.field(default_factory=_Pagination)


async def held_token_ids(data_url: str, wallet: str) -> list[str]:
    """Return the tokens of every market in which a wallet holds something, both of each.

    What it holds of them now the CLOB says: this API may be minutes behind.

    Raises:
        RestError: no answer, or one that cannot be read.
    """
    found: dict[str, None] = {}
    cursor = ""
    async with RestClient(data_url) as rest:
        for _ in range(_MOST_PAGES):
            params = [("user", wallet), ("limit", str(_PAGE))]
            if cursor:
                params.append(("cursor", cursor))
            raw = await rest.get("/v2/positions", params)
            try:
                page = msgspec.json.decode(raw, type=_Page)
            except msgspec.MsgspecError as error:
                raise RestError(f"{data_url}/v2/positions: not a page: {error}") from None
            for row in page.data:
                found[row.token_id] = None
                if row.opposite_token_id:
                    found[row.opposite_token_id] = None
            cursor = page.pagination.next_cursor or ""
            if not page.pagination.has_more or not cursor:
                break
    return list(found)
