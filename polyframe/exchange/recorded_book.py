"""One token's book as the frames of a recording build it, strings kept as the venue wrote them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from polyframe.exchange.source import BookMessage, GammaMarket
from polyframe.exchange.wire import book_message
from polyframe.money import parse_price_e4


class RecordedLevel(msgspec.Struct, gc=False):
    """A price level as sent."""

    price: str = ""
    size: str = ""


class RecordedChange(msgspec.Struct, gc=False):
    """An entry of ``price_changes``, or of the ``changes`` of recordings before 2025-09-15."""

    asset_id: str = ""
    price: str = ""
    size: str = ""
    side: str = ""


class RecordedMessage(msgspec.Struct, gc=False):
    """What has to be known of any market-channel message to route it and to keep books."""

    event_type: str = ""
    market: str = ""
    asset_id: str = ""
    timestamp: str = ""
    bids: list[RecordedLevel] = []
    asks: list[RecordedLevel] = []
    price_changes: list[RecordedChange] = []
    changes: list[RecordedChange] = []
    assets_ids: list[str] = []
    price: str = ""
    size: str = ""
    side: str = ""
    new_tick_size: str = ""
    tick_size: str = ""
    min_order_size: str = ""
    neg_risk: bool | None = None
    last_trade_price: str | None = None

    def token_ids(self) -> tuple[str, ...]:
        """Return the tokens the message concerns, each once, in order of mention."""
        mentioned = [self.asset_id, *self.assets_ids]
        mentioned += [change.asset_id for change in self.price_changes]
        return tuple(dict.fromkeys(token_id for token_id in mentioned if token_id))

    def level_changes(self) -> list[RecordedChange]:
        """Return the levels of a ``price_change``, whichever of its three shapes it has."""
        if self.price_changes:
            return self.price_changes
        if self.changes:
            return [
                RecordedChange(self.asset_id, change.price, change.size, change.side)
                for change in self.changes
            ]
        return [RecordedChange(self.asset_id, self.price, self.size, self.side)]


class RecordedBook:
    """A token's levels, by price, with the texts the venue used."""

    def __init__(self, first: RecordedMessage, gamma: GammaMarket) -> None:
        self.last_trade_price = ""
        self.last_trade_side = ""
        self.tick_size = str(gamma.get("orderPriceMinTickSize") or "")
        self._min_order_size = str(gamma.get("orderMinSize") or "")
        self._neg_risk = bool(gamma.get("negRisk"))
        self._market = first.market
        self._asset_id = first.asset_id
        self._timestamp = first.timestamp
        self._bids: dict[int, RecordedLevel] = {}
        self._asks: dict[int, RecordedLevel] = {}

    def replace(self, message: RecordedMessage) -> None:
        """Take a whole ``book`` message; what it leaves out stays as it was."""
        self._timestamp = message.timestamp
        self._bids = _levels(message.bids)
        self._asks = _levels(message.asks)
        self.tick_size = message.tick_size or self.tick_size
        self._min_order_size = message.min_order_size or self._min_order_size
        if message.neg_risk is not None:
            self._neg_risk = message.neg_risk
        if message.last_trade_price:
            self.last_trade_price = message.last_trade_price

    def change(self, changes: Iterable[RecordedChange], timestamp: str) -> None:
        """Set levels to their new totals; "0" deletes."""
        self._timestamp = timestamp or self._timestamp
        for change in changes:
            side = self._bids if change.side == "BUY" else self._asks
            _set_level(side, RecordedLevel(change.price, change.size))

    def message(self) -> BookMessage:
        """Return the REST book, worst first, hash included."""
        return book_message(
            market=self._market,
            asset_id=self._asset_id,
            timestamp=self._timestamp,
            bids=_wire(self._bids, descending=False),
            asks=_wire(self._asks, descending=True),
            min_order_size=self._min_order_size,
            tick_size=self.tick_size,
            neg_risk=self._neg_risk,
            last_trade_price=self.last_trade_price,
        )


def _levels(levels: list[RecordedLevel]) -> dict[int, RecordedLevel]:
    side: dict[int, RecordedLevel] = {}
    for level in levels:
        _set_level(side, level)
    return side


def _set_level(side: dict[int, RecordedLevel], level: RecordedLevel) -> None:
    try:
        price_e4 = parse_price_e4(level.price)
        is_gone = float(level.size) <= 0.0
    except ValueError:
        return  # an unreadable level is passed on to the client, but cannot be part of a book
    if is_gone:
        side.pop(price_e4, None)
    else:
        side[price_e4] = level


def _wire(side: dict[int, RecordedLevel], *, descending: bool) -> list[dict[str, str]]:
    return [
        {"price": side[price].price, "size": side[price].size}
        for price in sorted(side, reverse=descending)
    ]
