"""What a market channel is like, measured from its frames: recorded or simulated, by one code.

An :class:`Observer` is fed messages in time order and keeps the books they build. It looks at a
market every ten seconds while the market is *live* (it said something within the last
minute), follows every trade for two minutes, and counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from polyframe.exchange.calibration.maker_earnings import Earnings, QueuedMaker
from polyframe.exchange.calibration.samples import Samples
from polyframe.exchange.recorded_book import RecordedLevel, RecordedMessage
from polyframe.money import PRICE_ONE_E4, parse_price_e4

_S_NS = 10**9
_MINUTE_NS = 60 * _S_NS
_LOOK_NS = 10 * _S_NS
_NEAR_E4 = 500
_TOP_LEVELS = 10
_KINDS = ("price_change", "book", "last_trade_price")

_decoder = msgspec.json.Decoder(RecordedMessage)


class Watched(msgspec.Struct, frozen=True):
    """A market to observe: its tokens (YES first) and its tick in 0.0001 of price."""

    market_id: str
    token_ids: tuple[str, str]
    tick_e4: int


class _Book:
    """One token's levels, price in 0.0001 to shares."""

    def __init__(self) -> None:
        self.bids: dict[int, float] = {}
        self.asks: dict[int, float] = {}

    def replace(self, message: RecordedMessage) -> None:
        self.bids = _levels(message.bids)
        self.asks = _levels(message.asks)

    def touch(self) -> tuple[int, int] | None:
        if not self.bids or not self.asks:
            return None
        return max(self.bids), min(self.asks)


class _Market:
    """What is known of one market while it is observed."""

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        self.tick_e4 = watched.tick_e4
        self.books = (_Book(), _Book())
        self.last_ns: int | None = None
        self.look_ns = 0
        self.minutes: dict[int, None] = {}
        self.minute_mid: tuple[int, float] | None = None
        self.mid_before: float | None = None  # before the present instant
        self.traded_ns = -1
        self.queued = QueuedMaker()

    def mid_c(self) -> float | None:
        """The YES mid in cents, None for a one-sided or crossed book."""
        touch = self.books[0].touch()
        if touch is None or touch[0] >= touch[1]:
            return None
        return (touch[0] + touch[1]) / 200


class Observer:
    """Measures a set of markets from the messages of the market channel.

    The attributes are what was measured; sizes are shares, spreads ticks, waits seconds,
    volatility cents. ``touch_maker`` is whoever made the first match of every trade,
    ``queued_maker`` an imagined small order at the end of either touch's queue.

    Args:
        markets: what to observe; messages about others are ignored.
    """

    def __init__(self, markets: Iterable[Watched]) -> None:
        self.kinds = dict.fromkeys(_KINDS, 0)
        self.entries = Samples()
        self.waits_s = Samples()
        self.spreads = Samples()
        self.touch_sizes = Samples()
        self.near_sizes = Samples()
        self.touch_shares = Samples()
        self.level_counts = Samples()
        self.trade_sizes = Samples()
        self.minute_moves = Samples()
        self.touch_maker = Earnings()
        self.queued_maker = Earnings()
        self.mirrored = 0
        self.levels = 0
        self._markets = [_Market(one) for one in markets]
        self._by_token = {
            token_id: (market, side)
            for market in self._markets
            for side, token_id in enumerate(market.watched.token_ids)
        }

    @property
    def live_minutes(self) -> int:
        """Market-minutes in which a market said something."""
        return sum(len(market.minutes) for market in self._markets)

    def start_with(self, payload: bytes) -> None:
        """Take a ``book`` that was there before; it is not counted."""
        message = _decoder.decode(payload)
        if message.asset_id in self._by_token:
            market, side = self._by_token[message.asset_id]
            market.books[side].replace(message)

    def observe(self, ts_ns: int, payload: bytes) -> None:
        """Take one message.

        Args:
            ts_ns: when it came, not before the one before it.
            payload: one message of the market channel, no array.

        Raises:
            msgspec.DecodeError: it is none.
        """
        message = _decoder.decode(payload)
        if message.event_type not in self.kinds and message.event_type != "tick_size_change":
            return
        known = next((one for one in message.token_ids() if one in self._by_token), None)
        if known is None:
            return
        market, side = self._by_token[known]
        self._let_time_pass(market, ts_ns)
        if message.event_type == "tick_size_change":
            market.tick_e4 = round(float(message.new_tick_size) * PRICE_ONE_E4)
            return
        self.kinds[message.event_type] += 1
        if message.event_type == "book":
            market.books[side].replace(message)
        elif message.event_type == "price_change":
            self._change(message)
        else:
            self._trade(market, side, message, ts_ns)
            return
        self._queue(market, ts_ns)

    # --- parts -------------------------------------------------------------------------

    def _let_time_pass(self, market: _Market, now_ns: int) -> None:
        """Look at a market as it stood until this message came."""
        market_id, mid_c = market.watched.market_id, market.mid_c()
        self.touch_maker.settle(market_id, now_ns, mid_c)
        self.queued_maker.settle(market_id, now_ns, mid_c)
        last_ns = market.last_ns
        if last_ns is None:
            market.look_ns = now_ns + _LOOK_NS
        else:
            until_ns = min(now_ns, last_ns + _MINUTE_NS)
            while market.look_ns <= until_ns:
                self._look(market)
                market.look_ns += _LOOK_NS
            market.look_ns = max(market.look_ns, now_ns - now_ns % _LOOK_NS)
            if last_ns < now_ns <= last_ns + _MINUTE_NS:
                self.waits_s.values.append((now_ns - last_ns) / _S_NS)
        if last_ns is None or now_ns > last_ns:
            market.mid_before = mid_c
            self._note_minute(market, now_ns // _MINUTE_NS)
        market.last_ns = now_ns

    def _note_minute(self, market: _Market, minute: int) -> None:
        if minute in market.minutes:
            return
        market.minutes[minute] = None
        before, mid_c = market.minute_mid, market.mid_before
        market.minute_mid = None if mid_c is None else (minute, mid_c)
        if before is not None and mid_c is not None and before[0] == minute - 1:
            self.minute_moves.values.append(mid_c - before[1])

    def _look(self, market: _Market) -> None:
        yes, no = market.books
        touch = yes.touch()
        if touch is None or touch[0] >= touch[1]:
            return
        bid, ask = touch
        self.spreads.values.append((ask - bid) / market.tick_e4)
        for levels, best in ((yes.bids, bid), (yes.asks, ask)):
            near = sum(size for price, size in levels.items() if abs(price - best) <= _NEAR_E4)
            self.touch_sizes.values.append(levels[best])
            self.near_sizes.values.append(near)
            top = sorted(levels, reverse=levels is yes.bids)[:_TOP_LEVELS]
            self.touch_shares.values.append(levels[best] / sum(levels[price] for price in top))
        self.level_counts.values.append(len(yes.bids) + len(yes.asks))
        for mine, mirror in ((yes.bids, no.asks), (yes.asks, no.bids)):
            for price, size in mine.items():
                self.levels += 1
                self.mirrored += mirror.get(PRICE_ONE_E4 - price) == size

    def _change(self, message: RecordedMessage) -> None:
        changes = message.level_changes()
        self.entries.values.append(len(changes))
        for change in changes:
            known = self._by_token.get(change.asset_id)
            if known is None:
                continue
            book = known[0].books[known[1]]
            levels = book.bids if change.side == "BUY" else book.asks
            _set(levels, change.price, change.size)

    def _trade(self, market: _Market, side: int, message: RecordedMessage, now_ns: int) -> None:
        self.trade_sizes.values.append(float(message.size))
        price_e4 = parse_price_e4(message.price)
        price_e4 = price_e4 if side == 0 else PRICE_ONE_E4 - price_e4
        hits_bid = (message.side == "BUY") != (side == 0)
        if market.mid_before is None:
            return
        own_e4 = market.queued.traded(
            is_bid=hits_bid, price_e4=price_e4, shares=float(message.size)
        )
        if own_e4 is not None:
            self._fill(self.queued_maker, market, hits_bid, own_e4, now_ns)
        if now_ns != market.traded_ns:  # the first match of an order is the one at the touch
            market.traded_ns = now_ns
            self._fill(self.touch_maker, market, hits_bid, price_e4, now_ns)

    def _queue(self, market: _Market, now_ns: int) -> None:
        """Let the imagined order see the new book."""
        book, touch = market.books[0], market.books[0].touch()
        for is_bid, price_e4 in market.queued.changed(book.bids, book.asks):
            self._fill(self.queued_maker, market, is_bid, price_e4, now_ns)
        if touch is not None and touch[0] < touch[1]:
            market.queued.follow(touch, book.bids, book.asks, now_ns)

    def _fill(
        self, earnings: Earnings, market: _Market, is_bid: bool, price_e4: int, now_ns: int
    ) -> None:
        if market.mid_before is not None:
            earnings.filled(
                market.watched.market_id, now_ns,
                is_bid=is_bid, price_c=price_e4 / 100, mid_c=market.mid_before,
            )  # fmt: skip


def watched_markets(
    gamma: Sequence[Mapping[str, object]], tokens: Mapping[str, Sequence[str]]
) -> list[Watched]:
    """Return what to observe of Gamma's markets.

    Args:
        gamma: market objects.
        tokens: the token ids by condition id, YES first; markets without two are left out.
    """
    watched = []
    for one in gamma:
        market_id = str(one.get("conditionId", ""))
        token_ids = tokens.get(market_id, ())
        if len(token_ids) == 2:
            tick_e4 = round(float(str(one.get("orderPriceMinTickSize") or 0.01)) * PRICE_ONE_E4)
            watched.append(Watched(market_id, (token_ids[0], token_ids[1]), tick_e4))
    return watched


def _levels(levels: list[RecordedLevel]) -> dict[int, float]:
    side: dict[int, float] = {}
    for level in levels:
        _set(side, level.price, level.size)
    return side


def _set(side: dict[int, float], price: str, size: str) -> None:
    try:
        price_e4, shares = parse_price_e4(price), float(size)
    except ValueError:
        return  # a level nobody can read is in nobody's book
    if shares > 0.0:
        side[price_e4] = shares
    else:
        side.pop(price_e4, None)
