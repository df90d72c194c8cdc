"""The account: exact identities between cash, holdings, cost and result."""

from hypothesis import given
from hypothesis import strategies as st

from polyframe.runtime.paper.ledger import Account

trades = st.lists(
    st.tuples(
        st.sampled_from(["m", "n"]), st.booleans(), st.booleans(),
        st.integers(1, 9_999), st.integers(1, 10**9),
    ),
    max_size=30,
)  # fmt: skip
marks = st.fixed_dictionaries({"m": st.integers(0, 10**6), "n": st.integers(0, 10**6)})


def value_e12(account, marks_e6):
    return account.cash_e12 + sum(
        h.yes_e6 * marks_e6[m] + h.no_e6 * (10**6 - marks_e6[m])
        for m, h in account.holdings.items()
    )


@given(trades, marks)
def test_cash_plus_holdings_is_realised_plus_unrealised(path, marks_e6):
    account = Account(0)
    for trade in path:
        account.trade(*trade)
        assert value_e12(account, marks_e6) == account.realised_e12 + account.unrealised_e12(
            marks_e6
        )
        for holding in account.holdings.values():
            assert holding.yes_e6 >= 0
            assert holding.no_e6 >= 0
            assert holding.position_e6 == holding.yes_e6 - holding.no_e6


@given(trades, marks)
def test_a_sale_of_one_token_is_the_purchase_of_the_other(path, marks_e6):
    one, other = Account(0), Account(0)
    for market_id, is_yes, is_buy, price_e4, size_e6 in path:
        one.trade(market_id, is_yes, is_buy, price_e4, size_e6)
        other.trade(market_id, not is_yes, not is_buy, 10_000 - price_e4, size_e6)
    assert value_e12(one, marks_e6) == value_e12(other, marks_e6)
    assert one.realised_e12 == other.realised_e12


@given(trades)
def test_taking_every_trade_back_leaves_nothing(path):
    account = Account(7)
    for trade in path:
        account.trade(*trade)
    for market_id, is_yes, is_buy, price_e4, size_e6 in path:
        account.trade(market_id, is_yes, not is_buy, price_e4, size_e6)
    assert value_e12(account, {"m": 123_456, "n": 654_321}) == 7
    assert all(h.position_e6 == 0 and h.basis_e12 == 0 for h in account.holdings.values())


def test_selling_what_is_not_held_buys_the_complement():
    account = Account(10 * 10**12)
    account.trade("m", True, False, 6_000, 10_000_000)
    assert account.held_e6("m", True) == 0
    assert account.held_e6("m", False) == 10_000_000
    assert account.cash_e12 == 6 * 10**12  # ten NO at 0.40


@given(trades, st.booleans())
def test_settlement_turns_everything_into_cash(path, wins):
    account = Account(0)
    for trade in path:
        account.trade(*trade)
    for market_id in ("m", "n"):
        account.settle(market_id, 1_000_000 * wins)
    assert account.holdings == {}
    assert account.cash_e12 == account.realised_e12


def test_a_reversal_after_settlement_takes_the_payout_back():
    account = Account(0)
    account.trade("m", True, True, 5_000, 10_000_000)
    account.settle("m", 1_000_000)
    account.trade("m", True, False, 5_000, 10_000_000)
    assert (account.cash_e12, account.realised_e12) == (0, 0)


@given(trades, marks, st.integers(1, 10**9), st.integers(0, 10**15), st.booleans())
def test_adopted_shares_keep_the_identity(path, marks_e6, size_e6, cost_e12, is_yes):
    account = Account(cost_e12)
    account.trade("m", True, True, 4_000, 5_000_000)
    account.adopt("m", is_yes, size_e6, cost_e12)
    for trade in path:
        account.trade(*trade)
    expected = cost_e12 + account.realised_e12 + account.unrealised_e12(marks_e6)
    assert value_e12(account, marks_e6) == expected
