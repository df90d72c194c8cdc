"""Words of a venue for one order, short to write: a ledger, and what it is told in a test."""

from typing import Any

from live_venue import FEES, MARKET, START, YES, S, venue_id
from polyframe.commands import PlaceOrder
from polyframe.events import Event, Side
from polyframe.money import SHARE_E6
from polyframe.polymarket.account_words import (
    OrderWord,
    Placement,
    PlaceResult,
    TradeStatus,
    VenueFill,
    VenueOrder,
)
from polyframe.runtime.live.changes import Change
from polyframe.runtime.live.ledger import LiveLedger
from polyframe.runtime.live.rows import AccountRow
from polyframe.runtime.live.stored_account import account_of

LIVE, MATCHED, CANCELED = OrderWord.LIVE, OrderWord.MATCHED, OrderWord.CANCELED


def an_order(number: int = 1, **fields: Any) -> PlaceOrder:
    given = {
        "order_id": f"o-{number:06d}", "market_id": MARKET, "token_id": YES, "side": Side.BUY,
        "price_e4": 5000, "size_e6": 10 * SHARE_E6, "expires_ns": START + 600 * S,
        "post_only": True, "component": "maker", "decision_id": 7,
    }  # fmt: skip
    return PlaceOrder(**given | fields)


def a_word(
    command: PlaceOrder, word: OrderWord = LIVE, matched: float | None = 0, **fields: Any
) -> VenueOrder:
    given = {
        "ts_ns": START, "order_id": venue_id(command.order_id), "owner": "key",
        "market_id": command.market_id, "token_id": command.token_id, "side": command.side,
        "price_e4": command.price_e4, "size_e6": command.size_e6, "word": word,
        "matched_e6": None if matched is None else round(matched * SHARE_E6),
        "created_s": START // S,
    }  # fmt: skip
    return VenueOrder(**given | fields)


def a_fill(
    command: PlaceOrder,
    size: float,
    status: TradeStatus | str = TradeStatus.MATCHED,
    trade_id: str = "t1",
    **fields: Any,
) -> VenueFill:
    given = {
        "ts_ns": START, "trade_id": trade_id, "order_id": venue_id(command.order_id), "leg": 0,
        "market_id": command.market_id, "token_id": command.token_id, "side": command.side,
        "price_e4": command.price_e4, "size_e6": round(size * SHARE_E6), "is_maker": True,
        "status": TradeStatus(status), "match_time_s": START // S,
    }  # fmt: skip
    return VenueFill(**given | fields)


class Teller:
    """A ledger at a clock; every change is kept as on disk, every event as the engine has it."""

    def __init__(self, rows: list[AccountRow] | None = None, upto_seq: int = 0) -> None:
        self.now = START
        self.rows: list[AccountRow] = [] if rows is None else list(rows)
        self.events: list[Event] = []
        self.ledger = LiveLedger(
            account_of(self.rows, upto_seq), run_id="run", fees=lambda _: FEES,
            unknown_after_ns=120 * S,
        )  # fmt: skip

    def take(self, change: Change) -> list[Event]:
        self.rows += change.rows
        self.events += change.events
        self.ledger.given(change)
        return list(change.events)

    def wait(self, seconds: float) -> None:
        self.now += round(seconds * S)

    def intend(self, command: PlaceOrder) -> list[Event]:
        return self.take(
            self.ledger.intend(command, venue_id(command.order_id), b"signed", self.now)
        )

    def placed(self, command: PlaceOrder, result: str = "accepted", code: str = "") -> list[Event]:
        answer = Placement(
            order_id=venue_id(command.order_id), result=PlaceResult(result), code=code
        )
        return self.take(self.ledger.placed(answer, self.now))

    def resting(self, number: int = 1, **fields: Any) -> PlaceOrder:
        command = an_order(number, **fields)
        self.intend(command)
        self.placed(command)
        return command

    def hear(self, *words: VenueOrder | VenueFill) -> list[Event]:
        return self.take(self.ledger.heard(words, self.now))

    def read(self, command: PlaceOrder, found: VenueOrder | None) -> list[Event]:
        wanted = venue_id(command.order_id)
        return self.take(self.ledger.read_order(wanted, found, self.now, self.now))

    def read_trades(self, *found: VenueFill) -> list[Event]:
        since_s = START // S - 60
        return self.take(self.ledger.read_trades(found, since_s, self.now, self.now))

    def state(self, command: PlaceOrder) -> str:
        record = self.ledger.orders.find(command.order_id)
        assert record is not None
        return str(record.row.state)

    def asked(self) -> list[str]:
        return [one.removeprefix("0x") for one in self.ledger.questions(self.now).order_ids]


def names(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]
