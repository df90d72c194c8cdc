"""Hours of hard trading in virtual time with everything going wrong: nothing is made of nothing."""

from __future__ import annotations

from random import Random

import pytest

from polyframe.events import Side
from polyframe.exchange.faults.targets import ModeChange, TradeFate, TradeStatus
from polyframe.exchange.public.gamma_objects import market_token_ids
from polyframe.exchange.simulation.source import SimulatedSource
from polyframe.exchange.source import MarketTerms
from polyframe.exchange.trading.desk import OrderDesk
from polyframe.exchange.trading.events import AccountEvent, EventKind
from polyframe.exchange.trading.fault_target import DeskFaults
from polyframe.exchange.trading.orders import AccountOrder, OrderRequest, Placement
from polyframe.exchange.trading.settlement import CONFIRMED, FAILED
from polyframe.money import notional_e12

# Well before midnight UTC: rewards and rebates are paid on the way.
START_NS = (1_796_000_000 // 86_400 + 1) * 86_400 * 10**9 - 6_000 * 10**9
S_NS = 10**9
WHO = tuple("0x" + f"{number:02x}" * 20 for number in range(0xA1, 0xA6))
TYPES = ("GTC", "GTC", "GTC", "GTD", "FAK", "FOK")
FATES: tuple[tuple[tuple[float, TradeStatus], ...] | None, ...] = (
    None, None, None, None,
    ((3.0, "FAILED"),),
    ((2.0, "RETRYING"), (50.0, "MINED"), (5.0, "CONFIRMED")),
    ((2.0, "MINED"), (18.0, "RETRYING"), (10.0, "MINED"), (4.0, "CONFIRMED")),
    ((2.0, "MINED"), (20.0, "FAILED")),
)  # fmt: skip


class Fates:
    def __init__(self, rng: Random) -> None:
        self.rng = rng

    def fate_of(self, market_id: str, now_ns: int) -> TradeFate | None:
        steps = self.rng.choice(FATES)
        return None if steps is None else TradeFate(steps)


class Floor:
    """Five accounts that trade in a few markets, and what they were told."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.source = SimulatedSource(seed, 12, 2.0, START_NS, profile="hostile")
        self.desk = OrderDesk(self.source, seed=seed, funds_usd=2_000.0)
        self.faults = DeskFaults(self.desk)
        self.faults.use_fates(Fates(Random(f"fates:{seed}")))
        self.now_ns = START_NS
        self.placed = 0
        self.answers: dict[str, list[Placement]] = {}
        self.told: dict[str, list[AccountEvent]] = {}
        self.trades: dict[str, list[str]] = {}
        self.token_ids = [
            token
            for gamma in self.source.markets()
            if 0.1 < gamma.get("bestBid", 0) < gamma.get("bestAsk", 1) < 0.9
            for token in self._terms(str(gamma["conditionId"])).token_ids
        ]

    def _terms(self, market_id: str) -> MarketTerms:
        gamma = self.source.market(market_id)
        assert gamma is not None
        terms = self.desk.terms(market_token_ids(gamma)[0])
        assert terms is not None
        return terms

    def place(self) -> None:
        rng = self.rng
        token_id, who = rng.choice(self.token_ids), rng.choice(WHO)
        terms = self.desk.terms(token_id)
        assert terms is not None
        book = self.source.matching_book(terms.market_id)
        bid, ask = book.best_bid_e4 or 4_000, book.best_ask_e4 or 6_000
        is_yes = token_id == terms.token_ids[0]
        touch = rng.choice((bid, ask)) + rng.randint(-2, 2) * book.tick_e4
        yes_e4 = min(max(touch, book.tick_e4), 10_000 - book.tick_e4)
        order_type = rng.choice(TYPES)
        self.placed += 1
        request = OrderRequest(
            order_id=f"0x{self.placed:064x}",
            api_key=f"key-{who}",
            signer=who,
            wallet=who,
            token_id=token_id,
            side=rng.choice((Side.BUY, Side.BUY, Side.SELL)),
            price_e4=yes_e4 if is_yes else 10_000 - yes_e4,
            size_e6=rng.randint(500, 30_000) * 10_000,
            order_type=order_type,
            expiration_s=self.now_ns // S_NS + rng.randint(185, 400) if order_type == "GTD" else 0,
            post_only=order_type in ("GTC", "GTD") and rng.random() < 0.4,
        )
        answers = self.answers[request.order_id] = []
        self.desk.place(request, self.now_ns, answers.append)

    def live(self) -> None:
        """One moment: an order, or cancels, or a fault, or the passing of time."""
        rng, desk = self.rng, self.desk
        move = rng.random()
        if move < 0.75:
            self.place()
        elif move < 0.85:
            key = f"key-{rng.choice(WHO)}"
            ids = desk.registry.open_ids(key)
            desk.cancel(key, [*rng.sample(ids, min(3, len(ids))), "0xno"], self.now_ns)
        elif move < 0.87:
            desk.cancel_all(f"key-{rng.choice(WHO)}", self.now_ns)
        elif move < 0.89:
            self.faults.set_balance_lag(rng.choice((0.0, 5.0)), self.now_ns)
        elif move < 0.90:
            mode = rng.choice(("running", "running", "post_only", "cancel_only"))
            self.faults.set_mode(ModeChange(mode=mode), self.now_ns)
        elif move < 0.901:
            self.faults.lose_orders(self.now_ns)
        else:
            self.wait(rng.expovariate(1 / 70.0))

    def wait(self, seconds: float) -> None:
        self.now_ns += int(seconds * S_NS)
        self.desk.advance(self.now_ns, 10_000_000)
        for event in self.desk.take_events():
            if event.order is not None:
                self.told.setdefault(event.order.order_id, []).append(event)
            elif event.trade is not None:
                self.trades.setdefault(event.trade.trade_id, []).append(event.trade.status)

    # --- what has to hold ------------------------------------------------------------

    def check_reservations(self) -> None:
        wanted: dict[tuple[str, str], int] = {}
        for order in self.desk.registry.open.values():
            key = (order.request.wallet, order.asset)
            amount = order.cost(order.leaves_e6) + order.reserved_fee_e12
            wanted[key] = wanted.get(key, 0) + amount
        found = {
            (address, asset): held.reserved
            for address, wallet in self.desk.custody.wallets.items()
            for asset, held in wallet.holdings.items()
            if held.reserved
        }
        assert found == {key: amount for key, amount in wanted.items() if amount}

    def check_settled(self) -> None:
        """Every wallet holds exactly what its confirmed trades and payments say."""
        for address, wallet in self.desk.custody.wallets.items():
            balances = {asset: held.balance for asset, held in wallet.holdings.items()}
            assert all(held.owed == held.incoming == 0 for held in wallet.holdings.values())
            wanted = dict.fromkeys(balances, 0)
            wanted[""] = 2_000 * 10**12
            for trade in self.desk.settlement.trades.values():
                for leg in trade.legs:
                    if leg.wallet is wallet and trade.status == CONFIRMED:
                        (paid, amount), (received, gained) = leg.flows()
                        wanted[paid] -= amount
                        wanted[received] += gained
            kinds = set()
            for entry in self.desk.custody.journal.activity(address):
                kinds.add(entry.kind)
                if entry.kind in ("REWARD", "MAKER_REBATE", "REDEEM"):
                    wanted[""] += entry.amount_e12
                if entry.kind == "REDEEM":
                    wanted[entry.token_id] -= entry.size_e6
            assert balances == wanted
            held = {
                one.token_id: one.size_e6
                for one in self.desk.custody.journal.positions(address)
                if one.size_e6
            }
            assert held == {asset: size for asset, size in balances.items() if asset and size}

    def check_told(self) -> None:
        """What the user channel said of each order and trade adds up to what became of it."""
        for order_id, order in self.desk.registry.orders.items():
            events = self.told[order_id]
            assert [one.kind for one in events].count(EventKind.PLACEMENT) == 1
            assert events[0].kind is EventKind.PLACEMENT
            sizes, trades = [], []
            for event in events:
                assert event.order is not None
                sizes.append(event.order.matched_e6)
                trades.append(len(event.order.trade_ids))
            assert sizes == sorted(sizes)
            assert trades == sorted(trades)
            assert sizes[-1] == order.matched_e6 <= order.request.size_e6
            ends = [one for one in events if one.kind is EventKind.CANCELLATION]
            assert len(ends) <= 1
            assert not ends or events[-1] is ends[0]
            check_fills(self.desk, order)
        for trade_id, statuses in self.trades.items():
            assert statuses[0] == "MATCHED"
            assert statuses[-1] in (CONFIRMED, FAILED)
            assert statuses[-1] == self.desk.settlement.trades[trade_id].status


def check_fills(desk: OrderDesk, order: AccountOrder) -> None:
    """An order's matched size and money are the sum of its legs, each within its limit."""
    size_e6 = amount_e12 = 0
    for trade_id in order.trade_ids:
        for leg in desk.settlement.trades[trade_id].legs:
            if leg.order_id == order.order_id:
                size_e6 += leg.size_e6
                amount_e12 += notional_e12(leg.price_e4, leg.size_e6)
                limit = order.request.price_e4
                better = limit - leg.price_e4 if leg.side is Side.BUY else leg.price_e4 - limit
                assert better >= 0
    assert (size_e6, amount_e12) == (order.matched_e6, order.matched_e12)


def check_trades(desk: OrderDesk) -> None:
    """A trade's two sides are of one size, at complementary prices."""
    for trade in desk.settlement.trades.values():
        assert sum(leg.size_e6 for leg in trade.makers) == trade.taker.size_e6
        for leg in trade.makers:
            same = leg.token_id == trade.taker.token_id
            own = trade.taker.price_e4 if same else 10_000 - trade.taker.price_e4
            assert leg.price_e4 == own
            assert (leg.side is trade.taker.side) is not same
            assert leg.fee_e12 == 0


@pytest.mark.parametrize("seed", [31])
def test_hours_of_trading_conserve_money_and_tell_the_whole_story(seed: int) -> None:
    floor = Floor(seed)
    for _ in range(1_500):
        floor.live()
        floor.check_reservations()
    resolved = floor.token_ids[0]
    terms = floor.desk.terms(resolved)
    assert terms is not None
    floor.source.resolve(terms.market_id, (1_000_000, 0), floor.now_ns)
    floor.faults.set_mode(ModeChange(mode="running"), floor.now_ns)
    floor.faults.set_balance_lag(0.0, floor.now_ns)
    for who in WHO:
        floor.desk.cancel_all(f"key-{who}", floor.now_ns)
    floor.wait(300)
    floor.check_reservations()
    assert floor.desk.registry.open == {}
    assert all(len(answers) == 1 for answers in floor.answers.values())
    floor.check_told()
    floor.check_settled()
    check_trades(floor.desk)
    statuses = {trade.status for trade in floor.desk.settlement.trades.values()}
    assert statuses == {CONFIRMED, FAILED}
    assert floor.now_ns - START_NS > 7_200 * S_NS
    assert floor.desk.programmes.paid, "midnight has passed"
    assert len(floor.desk.settlement.trades) > 100
