"""What resolved markets pay: asked for before it halts, booked when somebody else turned it in."""

import anyio
import pytest

from live_venue import MARKET, NO, OTHER_YES, YES, S
from live_words import Teller, a_fill, names
from polyframe.money import SHARE_E6, usd_e12
from polyframe.runtime.live.payouts import PayoutKeeper
from polyframe.runtime.live.statements import Balances

LAG = 60 * S


class Bench:
    """An account that holds seven YES, and a market that resolves when told to."""

    def __init__(self) -> None:
        self.told = Teller()
        held = Balances(asked_ns=0, cash_e12=usd_e12(1000), tokens_e6={NO: SHARE_E6})
        self.told.take(self.told.ledger.statements.open_account(usd_e12(900), held, self.told.now))
        order = self.told.resting()
        self.told.hear(a_fill(order, 7, "CONFIRMED"))
        self.pays: dict[str, int] = {}
        self.fetched: list[tuple[str, ...]] = []
        self.lines: list[str] = []
        self.keeper = PayoutKeeper(
            self.told.ledger, self, self, self.fetch, clock=lambda: self.told.now,
            line=lambda message, fields: self.lines.append(f"{message} {fields}"),
        )  # fmt: skip

    def payouts_e6(self) -> dict[str, int]:
        return self.pays

    def put(self, change) -> None:
        self.told.take(change)

    async def fetch(self, market_ids) -> None:
        self.fetched.append(market_ids)

    def look(self, **held) -> None:
        self.told.wait(30)
        shown = {YES: 0, NO: SHARE_E6} | held
        self.keeper.look(shown, self.told.now, LAG)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("yes_pays_e6", [0, SHARE_E6])
def test_what_the_venue_turned_in_is_booked_once_two_looks_show_it(bench, yes_pays_e6) -> None:
    books = bench.told.ledger.books
    bench.pays = {YES: yes_pays_e6, NO: SHARE_E6 - yes_pays_e6}
    before_e12 = books.cash_e12
    bench.told.wait(60)
    bench.look()
    assert books.tokens_e6 == {YES: 7 * SHARE_E6}
    bench.look()
    assert books.tokens_e6 == {}
    assert books.cash_e12 - before_e12 == 7 * SHARE_E6 * yes_pays_e6
    assert names(bench.told.events)[-1] == "TokensRedeemed"
    bench.look()
    bench.look()
    assert len(bench.lines) == 1


def test_nothing_is_booked_while_a_settlement_may_explain_it(bench) -> None:
    bench.pays = {YES: 0, NO: SHARE_E6}
    bench.look()
    bench.look()  # confirmed a minute ago at the most: the balance may be older
    assert bench.told.ledger.books.tokens_e6 == {YES: 7 * SHARE_E6}


def test_what_is_still_there_or_was_not_read_or_has_not_resolved_stays(bench) -> None:
    books = bench.told.ledger.books
    bench.told.wait(60)
    bench.look()
    bench.look()
    bench.pays = {YES: 0, NO: SHARE_E6}
    for held_e6 in (1, None, 7 * SHARE_E6):
        for _ in range(2):
            bench.told.wait(30)
            shown = {} if held_e6 is None else {YES: held_e6}
            bench.keeper.look(shown, bench.told.now, LAG)
    assert books.tokens_e6 == {YES: 7 * SHARE_E6}


def test_one_look_that_shows_nothing_is_forgotten_by_the_next(bench) -> None:
    bench.pays = {YES: 0, NO: SHARE_E6}
    bench.told.wait(60)
    bench.look()
    bench.look(**{YES: 7 * SHARE_E6})
    bench.look()
    assert bench.told.ledger.books.tokens_e6 == {YES: 7 * SHARE_E6}


def test_the_markets_of_what_differs_are_asked_for(bench) -> None:
    anyio.run(bench.keeper.learn, [YES, OTHER_YES])
    assert bench.fetched == [(MARKET,)]
    anyio.run(bench.keeper.learn, [OTHER_YES])  # nobody's market, and no market is a universe
    assert bench.fetched == [(MARKET,)]
    assert bench.keeper.markets_held() == (MARKET,)
