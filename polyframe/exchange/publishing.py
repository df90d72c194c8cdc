"""What the public sees of one matching book: the frames of the market channel, and REST books.

Level totals are compared with what was last published, so an order replaced in place says
nothing, and one trader's action is one ``price_change`` for both tokens.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from polyframe.events import Side
from polyframe.exchange.matching import Match, MatchingBook
from polyframe.exchange.source import BookMessage, Frame
from polyframe.exchange.wire import (
    book_message,
    encode,
    level_change,
    socket_book,
    token_levels,
    wire_price,
)
from polyframe.money import PRICE_ONE_E4, size_text

_MS_NS = 1_000_000


class Publisher:
    """Turns what happened in a :class:`MatchingBook` into frames for both tokens.

    ``last_mid_e6`` is the last two-sided mid in YES space, 1e-6 of price; ``has_begun`` says
    whether anything was published yet.
    """

    def __init__(
        self, book: MatchingBook, *, market: str, token_ids: tuple[str, str], neg_risk: bool
    ) -> None:
        self.token_ids = token_ids
        self.last_mid_e6 = 500_000
        self._book = book
        self._market = market
        self._neg_risk = neg_risk
        self._published: dict[tuple[bool, int], int] = {}
        self._touch: tuple[int | None, int | None] = (None, None)
        self._trades = 0
        self.has_begun = False
        self._last_lifted_ask = False  # whether the last taker bought YES or sold NO

    def book(self, token_id: str, now_ns: int) -> BookMessage:
        """Return one token's REST book; the NO book is the exact mirror of the YES book."""
        is_yes = token_id == self.token_ids[0]
        book = self._book
        return book_message(
            market=self._market,
            asset_id=token_id,
            timestamp=str(now_ns // _MS_NS),
            bids=token_levels(book.levels(is_yes), is_yes=is_yes),
            asks=token_levels(book.levels(not is_yes), is_yes=is_yes),
            min_order_size=size_text(book.min_size_e6),
            tick_size=wire_price(book.tick_e4),
            neg_risk=self._neg_risk,
            last_trade_price=self.last_trade(token_id)[0],
        )

    def last_trade(self, token_id: str) -> tuple[str, str]:
        """Return price and taker side of the last trade, mirrored for the other token."""
        last = self._book.last_trade_yes_e4
        if last is None:
            return "", ""
        is_yes = token_id == self.token_ids[0]
        side = Side.BUY if self._last_lifted_ask == is_yes else Side.SELL
        return wire_price(last if is_yes else PRICE_ONE_E4 - last), side.value

    def begin(self) -> None:
        """Take the book as it is for published; until now nothing was anybody's news."""
        self.has_begun = True
        self._changed_levels()
        self._touch = (self._book.best_bid_e4, self._book.best_ask_e4)
        self._note_mid()

    def publish(self, matches: tuple[Match, ...], order_id: str, now_ns: int) -> list[Frame]:
        """Return the frames of one trader's action, in the order the venue sends them.

        Prints first (one per match, seen from the taker), then the levels' new totals, then,
        after a trade, both books; then the touch, for flagged sockets. Nothing before
        :meth:`begin`.
        """
        if not self.has_begun:
            return []
        frames = [self._print(match, now_ns) for match in matches]
        changes = self._changed_levels()
        if changes:
            frames.append(self._price_change(changes, order_id, now_ns))
        if matches:
            frames += self.books(now_ns)
        touch = (self._book.best_bid_e4, self._book.best_ask_e4)
        if touch != self._touch:
            self._touch = touch
            self._note_mid()
            frames += self._best_bid_ask(now_ns)
        return frames

    def books(self, now_ns: int) -> list[Frame]:
        """Return the ``book`` messages of both tokens."""
        return [
            self._frame(
                now_ns, socket_book(self.book(token_id, now_ns)), token_id, book_of=token_id
            )
            for token_id in self.token_ids
        ]

    def change_tick(self, tick_e4: int, now_ns: int) -> list[Frame]:
        """Change the grid and say so for both tokens, fresh books after it."""
        old_e4 = self._book.tick_e4
        self._book.set_tick(tick_e4)
        frames = [
            self._frame(
                now_ns,
                {
                    "event_type": "tick_size_change",
                    "market": self._market,
                    "asset_id": token_id,
                    "old_tick_size": wire_price(old_e4),
                    "new_tick_size": wire_price(tick_e4),
                    "timestamp": str(now_ns // _MS_NS),
                },
                token_id,
            )
            for token_id in self.token_ids
        ]
        return frames + self.books(now_ns)

    def new_market(self, gamma: dict[str, Any], now_ns: int) -> Frame:
        """Return the announcement every flagged socket gets, whatever it follows."""
        market_event = gamma["events"][0]
        message = {
            "event_type": "new_market",
            "id": gamma["id"],
            "question": gamma["question"],
            "market": self._market,
            "condition_id": self._market,
            "slug": gamma["slug"],
            "description": gamma["description"],
            "assets_ids": list(self.token_ids),
            "clob_token_ids": list(self.token_ids),
            "outcomes": json.loads(gamma["outcomes"]),
            "active": True,
            "tags": [tag["slug"] for tag in gamma["tags"]],
            "order_price_min_tick_size": wire_price(self._book.tick_e4),
            "group_item_title": gamma["groupItemTitle"],
            "sports_market_type": gamma.get("sportsMarketType", ""),
            "line": "",
            "game_start_time": gamma.get("gameStartTime", ""),
            "taker_base_fee": "0",
            "fees_enabled": gamma["feesEnabled"],
            "fee_schedule": gamma.get("feeSchedule", {}),
            "event_message": {
                "id": market_event["id"],
                "ticker": market_event["slug"],
                "slug": market_event["slug"],
                "title": market_event["title"],
                "description": "",
            },
            "timestamp": str(now_ns // _MS_NS),
        }
        return Frame(now_ns, encode(message), self.token_ids, flagged=True, for_everyone=True)

    def resolved(self, gamma: dict[str, Any], winner: int | None, now_ns: int) -> Frame:
        """Return the resolution, for flagged sockets that follow one of the tokens.

        ``winner`` is the outcome's index, None where both pay half: then nobody is named.
        """
        message = {
            "event_type": "market_resolved",
            "id": gamma["id"],
            "market": self._market,
            "assets_ids": list(self.token_ids),
            "winning_asset_id": "" if winner is None else self.token_ids[winner],
            "winning_outcome": "" if winner is None else json.loads(gamma["outcomes"])[winner],
            "tags": [tag["slug"] for tag in gamma["tags"]],
            "timestamp": str(now_ns // _MS_NS),
        }
        return Frame(now_ns, encode(message), self.token_ids, flagged=True)

    # --- parts ---------------------------------------------------------------------

    def _frame(
        self, now_ns: int, message: dict[str, Any], *token_ids: str, book_of: str = ""
    ) -> Frame:
        return Frame(now_ns, encode(message), token_ids, book_of=book_of)

    def _changed_levels(self) -> list[tuple[bool, int, int]]:
        changes = []
        for is_bid, price, size in self._book.take_changes():
            key = (is_bid, price)
            if self._published.get(key, 0) == size:
                continue
            if size:
                self._published[key] = size
            else:
                del self._published[key]
            changes.append((is_bid, price, size))
        return changes

    def _price_change(
        self, changes: list[tuple[bool, int, int]], order_id: str, now_ns: int
    ) -> Frame:
        yes, no = self.token_ids
        bid, ask = self._book.best_bid_e4, self._book.best_ask_e4
        no_bid = None if ask is None else PRICE_ONE_E4 - ask
        no_ask = None if bid is None else PRICE_ONE_E4 - bid
        digest = _digest(f"{self._market}:{order_id}")[:40]
        entries = []
        for is_bid, price, size in changes:
            entries.append(
                level_change(
                    yes, price_e4=price, size_e6=size, is_bid=is_bid, order_hash=digest,
                    best_bid_e4=bid, best_ask_e4=ask,
                )
            )  # fmt: skip
            entries.append(
                level_change(
                    no, price_e4=PRICE_ONE_E4 - price, size_e6=size, is_bid=not is_bid,
                    order_hash=digest, best_bid_e4=no_bid, best_ask_e4=no_ask,
                )
            )  # fmt: skip
        message = {
            "event_type": "price_change",
            "market": self._market,
            "timestamp": str(now_ns // _MS_NS),
            "price_changes": entries,
        }
        return Frame(now_ns, encode(message), self.token_ids)

    def _print(self, match: Match, now_ns: int) -> Frame:
        self._trades += 1
        self._last_lifted_ask = match.taker.is_bid
        token_id = self.token_ids[0 if match.taker.is_yes else 1]
        message = {
            "event_type": "last_trade_price",
            "market": self._market,
            "asset_id": token_id,
            "price": wire_price(match.taker_price_e4),
            "size": size_text(match.size_e6),
            "fee_rate_bps": "0",
            "side": match.taker.side.value,
            "timestamp": str(now_ns // _MS_NS),
            "transaction_hash": f"0x{_digest(f'{self._market}:trade:{self._trades}')}",
        }
        return Frame(now_ns, encode(message), (token_id,))

    def _best_bid_ask(self, now_ns: int) -> list[Frame]:
        bid, ask = self._touch
        if bid is None or ask is None:
            return []
        frames = []
        for token_id, best_bid, best_ask in (
            (self.token_ids[0], bid, ask),
            (self.token_ids[1], PRICE_ONE_E4 - ask, PRICE_ONE_E4 - bid),
        ):
            message = {
                "event_type": "best_bid_ask",
                "market": self._market,
                "asset_id": token_id,
                "best_bid": wire_price(best_bid),
                "best_ask": wire_price(best_ask),
                "spread": wire_price(best_ask - best_bid),
                "timestamp": str(now_ns // _MS_NS),
            }
            frames.append(Frame(now_ns, encode(message), (token_id,), flagged=True))
        return frames

    def _note_mid(self) -> None:
        bid, ask = self._touch
        if bid is not None and ask is not None:
            self.last_mid_e6 = (bid + ask) * 50


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
