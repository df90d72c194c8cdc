"""The live ledger against the true venue: words late, twice, never and out of order, and crashes.

The shadow engine believes what it is given and holds the ledger to what an engine may rely on:
no order it was not told of, nothing twice, nothing freed that may still fill.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from live_venue import FEES, MARKET, START, TOKENS, S, TrueVenue, venue_id
from polyframe.commands import MergePairs, PlaceOrder
from polyframe.events import (
    CancelRejected,
    Event,
    MergeFailed,
    OrderAccepted,
    OrderAdopted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderUncertain,
    PairsMerged,
    RewardPaid,
    Side,
)
from polyframe.live_settings import ProductionSettings
from polyframe.money import SHARE_E6, notional_e12
from polyframe.polymarket.account_words import (
    Cancelled,
    OrderWord,
    Placement,
    PlaceResult,
)
from polyframe.runtime.live.changes import Change
from polyframe.runtime.live.evidence import DUST_E6
from polyframe.runtime.live.ledger import LiveLedger
from polyframe.runtime.live.reconciliation import Reconciliation, compare
from polyframe.runtime.live.rows import AccountRow, FillRow
from polyframe.runtime.live.statements import Balances
from polyframe.runtime.live.stored_account import StoredAccount, account_of

SIDES = [Side.BUY, Side.BUY, Side.SELL]
SETTINGS = ProductionSettings()
UNKNOWN_AFTER = 120 * S
REMEMBERS = 40 * S
TRADES_LAG = 8 * S


class Cut(Exception):
    """The process is gone."""


class Disk(Protocol):
    def apply(self, rows: Iterable[AccountRow]) -> None: ...

    def load(self, upto_seq: int, forget_before_ns: int) -> StoredAccount: ...

    def booked(self) -> dict[tuple[str, str, int], tuple[int, int]]: ...


class MemoryDisk:
    """Keeps rows as they were applied; a crash loses none of them."""

    def __init__(self) -> None:
        self.rows: list[AccountRow] = []

    def apply(self, rows: Iterable[AccountRow]) -> None:
        self.rows += rows

    def load(self, upto_seq: int, forget_before_ns: int) -> StoredAccount:
        return account_of(self.rows, upto_seq, forget_before_ns)

    def booked(self) -> dict[tuple[str, str, int], tuple[int, int]]:
        return booked_of(self.rows)


def booked_of(rows: Iterable[AccountRow]) -> dict[tuple[str, str, int], tuple[int, int]]:
    """Price and size of the fills that count, by identity."""
    last = {row.identity: row for row in rows if isinstance(row, FillRow)}
    return {at: (row.price_e4, row.size_e6) for at, row in last.items() if row.is_booked}


@dataclass
class ShadowOrder:
    size_e6: int
    filled_e6: int
    is_live: bool
    side: Side
    token_id: str
    was_gone: bool = False


@dataclass
class ShadowEngine:
    cash_e12: int = 0
    tokens_e6: dict[str, int] = field(default_factory=dict)
    orders: dict[str, ShadowOrder] = field(default_factory=dict)
    booked: set[tuple[str, str]] = field(default_factory=set)

    def begin_again(self) -> "ShadowEngine":
        """What a snapshot keeps: cash and holdings; orders live and die with their run."""
        return ShadowEngine(self.cash_e12, dict(self.tokens_e6))

    def place(self, command: PlaceOrder) -> None:
        self.orders[command.order_id] = ShadowOrder(
            command.size_e6, 0, True, command.side, command.token_id
        )

    def hear(self, event: Event) -> None:
        match event:
            case OrderAdopted():
                assert event.order_id not in self.orders, f"{event.order_id} introduced twice"
                self.orders[event.order_id] = ShadowOrder(
                    event.size_e6,
                    event.filled_e6,
                    event.is_live,
                    event.side,
                    event.token_id,
                    was_gone=not event.is_live,
                )
            case OrderAccepted() | OrderUncertain() | CancelRejected():
                assert self.orders[event.order_id].is_live
            case OrderRejected() | OrderCancelled():
                assert self.orders[event.order_id].is_live, f"{event} of an order that is over"
                self.orders[event.order_id].is_live = False
            case OrderFilled():
                self.fill(event)
            case PairsMerged():
                for token_id in TOKENS[event.market_id]:
                    self.gain(token_id, -event.size_e6)
                self.cash_e12 += event.size_e6 * SHARE_E6
            case RewardPaid():
                self.cash_e12 += event.amount_e12
            case MergeFailed():
                pass
            case _:
                raise AssertionError(event)

    def fill(self, event: OrderFilled) -> None:
        order = self.orders[event.order_id]
        key = event.trade_id, event.order_id
        assert key not in self.booked, f"{key} told twice"
        self.booked.add(key)
        sign = -1 if event.reverses else 1
        buys = sign if order.side is Side.BUY else -sign
        self.cash_e12 -= buys * notional_e12(event.price_e4, event.size_e6)
        self.cash_e12 -= sign * event.fee_e12
        self.gain(order.token_id, buys * event.size_e6)
        if not event.reverses and "!again" not in event.trade_id:
            is_dust = event.size_e6 <= DUST_E6
            assert order.is_live or order.was_gone or is_dust, f"{event} of what was freed"
            order.filled_e6 += event.size_e6
            if order.filled_e6 >= order.size_e6:
                order.is_live = False

    def gain(self, token_id: str, size_e6: int) -> None:
        held_e6 = self.tokens_e6.get(token_id, 0) + size_e6
        self.tokens_e6[token_id] = held_e6
        if not held_e6:
            del self.tokens_e6[token_id]


class Rehearsal:
    """One account, one venue; ``steps`` of chance, then peace.

    Args:
        rng: every choice.
        disk: where rows go.
        cut_at: the numbers of the durable changes after which the process is gone before it
            acts on them; negative ones are gone before anything is durable.
        loses: the share of words that never come.
    """

    def __init__(
        self, rng: Random, disk: Disk, cut_at: frozenset[int] = frozenset(), loses: float = 0.1
    ) -> None:
        self.rng = rng
        self.disk = disk
        self.cut_at = cut_at
        self.loses = loses
        self.venue = TrueVenue(rng)
        self.applied = 0
        self.cuts = 0
        self.pending: list[object] = []
        self.answers: list[Placement] = []
        self.reads: list[Callable[[], Change]] = []
        self.to_arrive: list[tuple[int, PlaceOrder]] = []
        self.merges: dict[str, tuple[str, int]] = {}
        self.venue.remember()
        self.snapshot = (ShadowEngine(), 0)
        self.rewards = 0
        self.engine = ShadowEngine()
        self.run = 0
        self.last_read: tuple[int, int] = (0, 0)
        self.ledger = self.begin()
        while not self.ledger.books.is_opened:
            self.act(lambda: self.open_account())
        self.engine.cash_e12 = self.ledger.books.opening_cash_e12
        self.take_snapshot()

    def open_account(self) -> Change:
        held = self.balances()
        return self.ledger.statements.open_account(held.cash_e12, held, self.now)

    def to_the_end(self, ask: Callable[[], object]) -> None:
        """Ask again when the process was cut while it asked."""
        cuts = -1
        while cuts != self.cuts:
            cuts = self.cuts
            ask()

    @property
    def now(self) -> int:
        return self.venue.now_ns

    def begin(self) -> LiveLedger:
        self.run += 1
        engine, upto_seq = self.snapshot
        self.engine = engine.begin_again()
        stored = self.disk.load(upto_seq, self.now - REMEMBERS)
        ledger = LiveLedger(
            stored, run_id=f"run-{self.run}", fees=lambda _: FEES,
            unknown_after_ns=UNKNOWN_AFTER,
        )  # fmt: skip
        self.ledger = ledger
        self.act(lambda: ledger.resume(self.now))
        return ledger

    def act(self, change_of: Callable[[], Change]) -> None:
        """Do what a caller owes: durable first, then believed."""
        try:
            self.owed(change_of())
        except Cut:
            self.restart()

    def owed(self, change: Change) -> None:
        if change.rows:
            self.applied += 1
            if -self.applied in self.cut_at:
                raise Cut
            self.disk.apply(change.rows)
            if self.applied in self.cut_at:
                raise Cut
        for event in change.events:
            self.engine.hear(event)
        self.ledger.given(change)
        self.check_reservations()

    def restart(self) -> None:
        self.cuts += 1
        self.answers.clear()  # whoever waited for them is gone
        self.reads.clear()
        self.begin()

    def check_reservations(self) -> None:
        """What may still fill at the venue is live for the engine (I2)."""
        for order_id, order in self.venue.orders.items():
            known = self.engine.orders.get(order_id)
            if order.is_open and known is not None:
                assert known.is_live, f"{order_id} rests and the engine believes it gone"

    def take_snapshot(self) -> None:
        self.snapshot = (self.engine.begin_again(), self.ledger.given_seq)

    # --- what may happen -------------------------------------------------------------

    def step(self) -> None:
        rng = self.rng
        self.venue.now_ns += round(rng.choice([0.05, 0.5, 2.0, 5.0]) * S)
        self.arrive_late()
        self.venue.remember()
        for _ in range(3):
            rng.choice(self.deeds)()
            self.collect()

    @property
    def deeds(self) -> list[Callable[[], object]]:
        return [
            self.place, self.place, self.place, self.match, self.match, self.cancel, self.expire,
            self.settle, self.settle, self.settle, self.hear, self.hear, self.hear, self.answer,
            self.answer, self.ask, self.read_open, self.take_snapshot, self.merge,
            self.merge_ends, self.reward, self.compare, self.lose, self.away,
            self.forget, self.late_read, self.late_read,
        ]  # fmt: skip

    def collect(self) -> None:
        for word in self.venue.words:
            if self.rng.random() >= self.loses:
                self.pending.append(word)
        self.venue.words.clear()

    def place(self) -> None:
        rng = self.rng
        market_id = rng.choice(list(TOKENS))
        numbers = self.ledger.numbers
        command = PlaceOrder(
            order_id=f"o-{numbers.order:06d}", market_id=market_id,
            token_id=rng.choice(TOKENS[market_id]), side=rng.choice(SIDES),
            price_e4=rng.choice([4700, 5000, 5350]), size_e6=rng.choice([5, 10, 20]) * SHARE_E6,
            expires_ns=self.now + 600 * S, post_only=rng.random() < 0.8, component="maker",
            decision_id=1,
        )  # fmt: skip
        self.engine.place(command)
        try:
            self.owed(self.ledger.intend(command, venue_id(command.order_id), b"signed", self.now))
        except Cut:
            return self.restart()
        kind = rng.choice(["yes", "yes", "yes", "no", "lost", "never", "late", "silent"])
        if kind in ("yes", "lost", "silent"):
            self.venue.arrive(command)
        if kind == "late":
            self.to_arrive.append((self.now + rng.randint(1, 60) * S, command))
        if kind in ("yes", "no"):
            result = PlaceResult.ACCEPTED if kind == "yes" else PlaceResult.REJECTED
            self.answers.append(
                Placement(order_id=venue_id(command.order_id), result=result, code="post_only")
            )
        elif kind != "silent":
            self.answers.append(
                Placement(order_id=venue_id(command.order_id), result=PlaceResult.UNKNOWN,
                          message="timeout")
            )  # fmt: skip
        else:
            self.answers.append(
                Placement(order_id=venue_id(command.order_id), result=PlaceResult.UNKNOWN)
            )
        return None

    def arrive_late(self) -> None:
        due = [one for one in self.to_arrive if one[0] <= self.now]
        self.to_arrive = [one for one in self.to_arrive if one[0] > self.now]
        for _, command in due:
            self.venue.arrive(command)

    def resting(self) -> list:
        return [order for order in self.venue.orders.values() if order.is_open]

    def match(self) -> None:
        resting = self.resting()
        if resting:
            self.venue.match(self.rng.sample(resting, min(len(resting), self.rng.randint(1, 3))))

    def settle(self) -> None:
        moving = [trade for trade in self.venue.trades.values() if trade.to_come]
        if moving:
            self.venue.settle(self.rng.choice(moving))

    def cancel(self) -> None:
        live = [order_id for order_id, order in self.engine.orders.items() if order.is_live]
        if not live:
            return
        asked = self.rng.sample(live, min(len(live), 2))
        self.act(lambda: self.ledger.cancel_asked(asked, self.now))
        gone, refused = [], {}
        for order_id in asked:
            order = self.venue.orders.get(order_id)
            if order is not None and order.is_open:
                self.venue.end(order, OrderWord.CANCELED)
                gone.append(venue_id(order_id))
            else:
                refused[venue_id(order_id)] = "already canceled or matched"
        if self.rng.random() < 0.3:
            self.ledger.cancel_unanswered(asked, self.now)
        else:
            answer = Cancelled(gone=tuple(gone), refused=refused)
            self.act(lambda: self.ledger.cancelled(answer, self.now))

    def expire(self) -> None:
        resting = self.resting()
        if resting:
            self.venue.end(self.rng.choice(resting), OrderWord.CANCELED, "EXPIRED_ORDER")

    def lose(self) -> None:
        resting = self.resting()
        if resting and self.rng.random() < 0.2:
            self.venue.lose(self.rng.choice(resting))

    def hear(self) -> None:
        if not self.pending:
            return
        heard = self.rng.sample(self.pending, min(len(self.pending), self.rng.randint(1, 4)))
        for word in heard:
            if self.rng.random() < 0.8:  # otherwise it comes again
                self.pending.remove(word)
        self.act(lambda: self.ledger.heard(heard, self.now))

    def away(self) -> None:
        since = self.now - 5 * S
        self.pending.clear()
        self.ledger.user_feed_back(since)

    def answer(self) -> None:
        if self.answers:
            placement = self.answers.pop(self.rng.randrange(len(self.answers)))
            self.act(lambda: self.ledger.placed(placement, self.now))

    def forget(self) -> None:
        self.ledger.forget(self.now - REMEMBERS)

    def late_read(self) -> None:
        """A read is asked for now and its answer comes later, or one that was comes now."""
        asked_ns, venue = self.now, self.venue
        wanted = list(self.ledger.questions(asked_ns).order_ids)
        for one in wanted[:2]:
            found = venue.read_order(one)
            self.reads.append(
                lambda one=one, found=found: self.ledger.read_order(one, found, asked_ns, self.now)
            )
        shown = venue.read_open()
        self.reads.append(lambda: self.ledger.read_orders(shown, asked_ns, self.now))
        while len(self.reads) > 3:
            self.act(self.reads.pop(self.rng.randrange(len(self.reads))))

    def ask(self, lag_ns: int = TRADES_LAG) -> None:
        asked_ns = self.now
        questions = self.ledger.questions(asked_ns)
        for wanted in questions.order_ids:
            found = self.venue.read_order(wanted)
            self.act(
                lambda wanted=wanted, found=found: self.ledger.read_order(
                    wanted, found, asked_ns, self.now
                )
            )
        if questions.trades_since_s is not None:
            self.read_trades(questions.trades_since_s, lag_ns)

    def read_trades(self, since_s: int, lag_ns: int = 0) -> None:
        found, asked_ns = self.venue.read_trades(since_s, lag_ns), self.now
        self.act(lambda: self.ledger.read_trades(found, since_s, asked_ns, self.now))

    def read_open(self) -> None:
        found, asked_ns = self.venue.read_open(), self.now
        self.act(lambda: self.ledger.read_orders(found, asked_ns, self.now))

    def merge(self) -> None:
        yes, no = TOKENS[MARKET]
        pairs = min(self.venue.tokens_e6.get(yes, 0), self.venue.tokens_e6.get(no, 0))
        if pairs <= 0 or self.ledger.conversions.under_way():
            return
        command = MergePairs(f"m-{self.run:02d}{self.applied:04d}", MARKET, pairs)
        try:
            self.owed(self.ledger.conversions.merge_asked(command, (yes, no), self.now))
        except Cut:
            return self.restart()
        self.merges[command.merge_id] = ("under way", pairs)
        return None

    def merge_ends(self) -> None:
        for row in self.ledger.conversions.under_way():
            merge_id = row.conversion_id
            state, pairs = self.merges.get(merge_id, ("never sent", 0))
            if state == "under way":
                yes, no = TOKENS[MARKET]
                held = min(self.venue.tokens_e6.get(yes, 0), self.venue.tokens_e6.get(no, 0))
                state = "done" if held >= pairs and self.rng.random() < 0.8 else "failed"
                self.merges[merge_id] = (state, pairs)
                if state == "done":
                    self.venue.cash_e12 += pairs * SHARE_E6
                    self.venue.tokens_e6[yes] -= pairs
                    self.venue.tokens_e6[no] -= pairs
            if state == "done":
                self.act(lambda one=merge_id: self.ledger.conversions.done(one, self.now))
            else:
                self.act(
                    lambda one=merge_id: self.ledger.conversions.failed(one, "reverted", self.now)
                )

    def reward(self) -> None:
        if self.rng.random() < 0.5:
            self.rewards += 1
            self.venue.cash_e12 += self.rewards * 10**10
        self.read_rewards()

    def balances(self) -> Balances:
        """What a cache of the chain shows: now, or up to half a minute ago."""
        _, cash_e12, tokens_e6 = self.rng.choice(self.venue.past[-1:] * 2 + self.venue.past)
        every = dict.fromkeys([one for two in TOKENS.values() for one in two], 0)
        return Balances(asked_ns=self.now, cash_e12=cash_e12, tokens_e6=every | tokens_e6)

    def compare(self) -> Reconciliation:
        """Read in the order that is asked for, and find no false alarm."""
        held = self.balances()
        self.to_the_end(self.read_all)
        self.venue.remember()
        found = compare(self.ledger, held, self.now, SETTINGS)
        wrong = [one for one in found.differences if one.what in ("cash", "token")
                 and not one.explained_by]  # fmt: skip
        assert not wrong, wrong
        return found

    def read_all(self) -> None:
        self.read_rewards()
        self.read_open()
        self.read_trades(START // S - 60)

    # --- peace -----------------------------------------------------------------------

    def finish(self) -> None:
        """No more faults: everything ends, and what is asked is answered."""
        for _ in range(8):
            for order in self.resting():
                self.venue.end(order, OrderWord.CANCELED)
            for trade in list(self.venue.trades.values()):
                self.venue.settle(trade)
            self.venue.now_ns += 20 * S
            self.arrive_late()
        while self.answers:
            self.answer()
        self.to_the_end(self.read_open)
        self.read_rewards()
        for _ in range(200):
            self.ask(lag_ns=0)
            self.venue.now_ns += 3 * S
        self.to_the_end(self.merge_ends)
        self.to_the_end(self.read_rewards)

    def read_rewards(self) -> None:
        """The statement has every day, each time it is read."""
        for day in range(1, self.rewards + 1):
            self.act(
                lambda day=day: self.ledger.statements.reward_paid(
                    f"day {day}", MARKET, day * 10**10, self.now
                )
            )

    def check_end(self) -> None:
        """The ledger and the engine have exactly what is true."""
        ledger, venue = self.ledger, self.venue
        still = [r.row for r in ledger.orders if r.row.is_open]
        assert not still, still
        assert self.disk.booked() == venue.true_fills()
        assert not ledger.fills.contradicted
        assert not ledger.foreign.fills()
        assert not ledger.foreign.orders()
        held = {token: size for token, size in venue.tokens_e6.items() if size}
        assert ledger.books.tokens_e6 == held
        assert self.engine.tokens_e6 == held
        assert ledger.books.cash_e12 == venue.cash_e12
        assert self.engine.cash_e12 == venue.cash_e12
        assert not [o for o, order in self.engine.orders.items() if order.is_live]
        venue.now_ns += 3600 * S
        venue.past.clear()
        venue.remember()
        found = self.compare()
        assert not [one for one in found.differences if not one.explained_by], found
