"""What is matched and not mined: tokens nobody can sell yet, dollars nobody can spend yet."""

import pytest

from live_driver import LiveDriver
from live_venue import MARKET, NO, YES
from live_words import Teller, a_fill
from polyframe.commands import PlaceOrder
from polyframe.events import HoldingsSettling, OrderAdopted, ProceedsSettling, Side
from polyframe.money import SHARE_E6, taker_fee_e12
from polyframe.runtime.live.deliveries import Deliveries
from runtime_driver import spec

USD = 10**12


@pytest.fixture
def told() -> Teller:
    return Teller()


@pytest.fixture
def driver() -> LiveDriver:
    """A machine that knows the market that is told of."""
    driver = LiveDriver()
    driver.start(spec(MARKET, token_ids=(YES, NO)))
    return driver


@pytest.fixture
def deliveries(told, driver) -> Deliveries:
    def spec_of(market_id):
        market = driver.engine.markets.find(market_id)
        return None if market is None else market.current_spec

    return Deliveries(told.ledger, spec_of, lambda: told.now)


@pytest.fixture
def tell(told, driver, deliveries):
    """Let the venue speak: the ledger books, and the engine hears it as the writer tells it."""

    def heard(*words):
        change = told.ledger.heard(words, told.now)
        batch = [*deliveries.beside(change), *change.events]
        told.take(change)
        driver.at(2, *batch)
        return batch

    return heard


def bought(told, driver, size: float = 100) -> None:
    """Hold YES from before, settled, by an order that both ledgers know."""
    order = told.resting(size_e6=round(size * SHARE_E6))
    change = told.ledger.heard([a_fill(order, size, "CONFIRMED", "t-before")], told.now)
    told.take(change)
    adopted = OrderAdopted(
        told.now, order.order_id, MARKET, YES, Side.BUY, order.price_e4, order.size_e6, 0, None,
        "maker", 1, told.now, is_live=True,
    )  # fmt: skip
    driver.at(1, adopted, *(one for one in change.events if type(one).__name__ == "OrderFilled"))


def a_sale(told, driver, size: float = 100, **fields) -> PlaceOrder:
    order = told.resting(2, side=Side.SELL, price_e4=6000, size_e6=round(size * SHARE_E6), **fields)
    adopted = OrderAdopted(
        told.now, order.order_id, MARKET, YES, Side.SELL, order.price_e4, order.size_e6, 0, None,
        "maker", 1, told.now, is_live=True,
    )  # fmt: skip
    driver.at(1.5, adopted)
    return order


def test_what_a_sale_brings_is_cash_at_once_and_free_when_mined(told, driver, tell):
    bought(told, driver)
    sale = a_sale(told, driver)
    engine = driver.engine
    before_e12 = engine.account.free_e12
    batch = tell(a_fill(sale, 40))
    assert batch[:2] == [HoldingsSettling(told.now, MARKET, 0, 0),
                         ProceedsSettling(told.now, 24 * USD)]  # fmt: skip
    assert engine.portfolio.cash_e12 == before_e12 + 24 * USD
    assert engine.account.free_e12 == before_e12
    tell(a_fill(sale, 40, "MINED"))
    assert engine.account.free_e12 == before_e12 + 24 * USD
    assert engine.portfolio.attribution_error_e12 == 0


def test_a_sale_that_takes_brings_less_its_fee(told, driver, tell, deliveries):
    bought(told, driver)
    sale = a_sale(told, driver, post_only=False)
    before_e12 = driver.engine.account.free_e12
    tell(a_fill(sale, 100, is_maker=False))
    fee_e12 = taker_fee_e12(6000, 100 * SHARE_E6, 0.05, 1.0)
    assert told.ledger.fills.unsettled_proceeds_e12() == 60 * USD - fee_e12
    assert driver.engine.account.free_e12 == before_e12
    assert deliveries.under_way() == [
        HoldingsSettling(told.now, MARKET, 0, 0), ProceedsSettling(told.now, 60 * USD - fee_e12)
    ]  # fmt: skip


def test_a_sale_that_fails_keeps_nothing_back(told, driver, tell):
    bought(told, driver)
    sale = a_sale(told, driver)
    free_e12, cash_e12 = driver.engine.account.free_e12, driver.engine.portfolio.cash_e12
    tell(a_fill(sale, 40))
    tell(a_fill(sale, 40, "RETRYING"))
    assert driver.engine.account.free_e12 == free_e12
    tell(a_fill(sale, 40, "FAILED"))
    assert driver.engine.account.free_e12 == free_e12
    assert driver.engine.portfolio.cash_e12 == cash_e12


def test_a_purchase_spends_its_reservation_once(told, driver, tell):
    order = told.resting(size_e6=100 * SHARE_E6)
    adopted = OrderAdopted(
        told.now, order.order_id, MARKET, YES, Side.BUY, order.price_e4, order.size_e6, 0, None,
        "maker", 1, told.now, is_live=True,
    )  # fmt: skip
    account = driver.engine.account
    whole_e12 = account.free_e12
    driver.at(1.5, adopted)
    assert account.free_e12 == whole_e12 - 50 * USD
    tell(a_fill(order, 40))
    assert account.free_e12 == whole_e12 - 50 * USD
    assert account.reserved_e12 == 30 * USD


def test_nothing_under_way_is_nothing_told(deliveries):
    assert deliveries.under_way() == []
