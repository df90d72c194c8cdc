"""The ledger: exact cash, and an attribution that is added up apart and must agree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyframe.model import Fill
from polyframe.money import notional_e12
from polyframe.runtime.portfolio import Portfolio

SHARE, USD, SECOND = 1_000_000, 10**12, 10**9
DAY = 86_400 * SECOND


def fill(n, *, is_yes=True, is_buy=True, price_e4=5000, shares=100, ts_ns=0, fee_e12=0,
         reverses="", market="m"):  # fmt: skip
    return Fill(ts_ns, f"t{n}", f"o{n}", market, "tok", is_yes, is_buy, price_e4, shares * SHARE,
                fee_e12, True, "maker", n, None, reverses)  # fmt: skip


def parts(portfolio):
    return {(m, c): part for m, c, part in portfolio.attribution()}


def test_attribution_golden_g21():
    # quant.md A5.3: buy 100 @.48 (m0 .50, m30 .495), sell 100 @.51 (m0 .50, m30 .505):
    # 3 = spread 3 + adverse -1 + inventory 1
    portfolio = Portfolio(1000 * USD, 30 * SECOND)
    portfolio.mark("m", 500_000)
    portfolio.apply(fill(1, price_e4=4800))
    portfolio.mark("m", 495_000)
    portfolio.advance(30 * SECOND)
    portfolio.mark("m", 500_000)
    portfolio.apply(fill(2, is_buy=False, price_e4=5100, ts_ns=60 * SECOND))
    portfolio.mark("m", 505_000)
    portfolio.advance(90 * SECOND)
    part = parts(portfolio)["m", "maker"]
    assert part.spread_e12 == 3 * USD
    assert part.adverse_e12 == -1 * USD
    assert part.inventory_e12 - part.adverse_e12 == 1 * USD
    assert portfolio.equity_e12 == 1003 * USD
    assert portfolio.attribution_error_e12 == 0
    assert portfolio.realised_e12 == 3 * USD
    assert portfolio.unrealised_e12 == 0


def test_pairs_are_worth_one():
    portfolio = Portfolio(1000 * USD, SECOND)
    portfolio.mark("m", 370_000)
    portfolio.apply(fill(1, price_e4=5500))
    portfolio.apply(fill(2, is_yes=False, price_e4=5000, shares=80))
    position = portfolio.position_of("m")
    assert position.net_yes_e6 == 20 * SHARE
    assert portfolio.equity_e12 == 1000 * USD - 95 * USD + 80 * USD + round(20 * 0.37 * USD)


def test_the_same_fill_counts_once():
    portfolio = Portfolio(1000 * USD, SECOND)
    assert portfolio.apply(fill(1))
    assert not portfolio.apply(fill(1))
    assert (portfolio.fills, portfolio.duplicate_fills) == (1, 1)


def test_a_reversal_restores_cash_and_tokens_and_drops_the_pending_adverse_move():
    portfolio = Portfolio(1000 * USD, SECOND)
    portfolio.mark("m", 500_000)
    portfolio.apply(fill(1, price_e4=4800))
    portfolio.apply(fill(2, price_e4=4800, is_buy=False, reverses="t1"))
    portfolio.mark("m", 900_000)
    portfolio.advance(10 * SECOND)
    assert portfolio.cash_e12 == 1000 * USD
    assert not portfolio.held()
    assert portfolio.fills == 0
    assert parts(portfolio)["m", "maker"].adverse_e12 == 0
    assert portfolio.attribution_error_e12 == 0


def test_resolution_pays_and_is_its_own_part():
    portfolio = Portfolio(1000 * USD, SECOND)
    portfolio.mark("m", 500_000)
    portfolio.apply(fill(1, price_e4=5000))
    portfolio.mark("m", 600_000)
    portfolio.resolve("m", 1_000_000)
    assert portfolio.cash_e12 == portfolio.equity_e12 == 1050 * USD
    part = parts(portfolio)["m", "maker"]
    assert (part.inventory_e12, part.resolution_e12) == (10 * USD, 40 * USD)
    assert portfolio.realised_e12 == 50 * USD
    portfolio.resolve("m", 1_000_000)
    portfolio.resolve("never held", 0)
    assert portfolio.cash_e12 == 1050 * USD


def test_peak_drawdown_and_day_start():
    portfolio = Portfolio(1000 * USD, SECOND)
    portfolio.advance(DAY - 1)
    portfolio.mark("m", 500_000)
    portfolio.apply(fill(1))
    portfolio.mark("m", 600_000)
    portfolio.mark("m", 450_000)
    assert portfolio.peak_equity_e12 == 1010 * USD
    assert portfolio.max_drawdown_e12 == 15 * USD
    assert portfolio.day_start_equity_e12 == 1000 * USD
    portfolio.advance(DAY)
    assert portfolio.day_start_equity_e12 == 995 * USD


def test_a_mark_that_is_no_mid_is_flagged_while_held():
    portfolio = Portfolio(1000 * USD, SECOND)
    portfolio.mark("m", 500_000, flag="one-sided book")
    assert portfolio.flagged_marks == {}
    portfolio.apply(fill(1))
    assert portfolio.flagged_marks == {"m": "one-sided book"}
    portfolio.mark("m", 500_000)
    assert portfolio.flagged_marks == {}


def test_a_sell_beyond_the_holding_is_the_other_token_bought():
    portfolio = Portfolio(1000 * USD, SECOND)
    portfolio.mark("m", 500_000)
    sold = fill(1, is_buy=False, price_e4=6000)
    portfolio.apply(sold)
    position = portfolio.position_of("m")
    assert (position.yes_e6, position.no_e6) == (0, 100 * SHARE)
    assert position.cost_e12 == 40 * USD
    assert portfolio.cash_e12 == 960 * USD
    assert portfolio.equity_e12 == 1010 * USD
    portfolio.apply(fill(2, is_yes=False, is_buy=False, price_e4=5000))
    assert position.is_flat
    assert position.cost_e12 == 0
    assert portfolio.realised_e12 == 10 * USD
    assert portfolio.attribution_error_e12 == 0


def test_what_is_told_after_the_payout_is_paid_out_at_once():
    portfolio = Portfolio(1000 * USD, SECOND)
    portfolio.apply(fill(1, price_e4=4000))
    portfolio.resolve("m", 1_000_000)
    assert portfolio.cash_e12 == 1060 * USD
    portfolio.apply(fill(2, is_buy=False, price_e4=4000))
    assert portfolio.held() == {}
    assert portfolio.cash_e12 == portfolio.equity_e12 == 1000 * USD
    assert portfolio.attribution_error_e12 == 0


def test_a_rebate_is_cash():
    portfolio = Portfolio(1000 * USD, SECOND)
    portfolio.pay_rebate("m", "maker", 2 * USD)
    assert portfolio.equity_e12 == 1002 * USD
    assert portfolio.realised_e12 == 2 * USD
    assert portfolio.attribution_error_e12 == 0


happenings = st.lists(
    st.one_of(
        st.tuples(
            st.just("fill"), st.booleans(), st.booleans(), st.integers(1, 9999),
            st.integers(1, 300), st.integers(0, 10**12), st.sampled_from("ab"),
        ),
        st.tuples(st.just("mark"), st.integers(0, 1_000_000), st.sampled_from("ab")),
        st.tuples(st.just("time"), st.integers(0, 300)),
        st.tuples(st.just("rebate"), st.integers(0, 10**12), st.sampled_from("ab")),
        st.tuples(st.just("resolve"), st.sampled_from([0, 500_000, 1_000_000])),
    ),
    max_size=40,
)  # fmt: skip


@given(happenings)
def test_the_parts_always_sum_to_the_change_of_equity(sequence):
    portfolio = Portfolio(5000 * USD, 120 * SECOND)
    cash_e12, now_ns = 5000 * USD, 0
    tokens = {}
    marks = {}
    payouts = {}
    for number, (what, *args) in enumerate(sequence):
        match what:
            case "fill":
                is_yes, is_buy, price_e4, shares, fee_e12, market = args
                portfolio.apply(
                    fill(number, is_yes=is_yes, is_buy=is_buy, price_e4=price_e4, shares=shares,
                         ts_ns=now_ns, fee_e12=fee_e12, market=market)
                )  # fmt: skip
                sign = 1 if is_buy else -1
                cash_e12 -= sign * notional_e12(price_e4, shares * SHARE) + fee_e12
                key = (market, is_yes)
                tokens[key] = tokens.get(key, 0) + sign * shares * SHARE
                if (short := -tokens[key]) > 0:
                    other = (market, not is_yes)
                    tokens[key], tokens[other] = 0, tokens.get(other, 0) + short
                    cash_e12 -= short * 1_000_000
                marks.setdefault(market, (price_e4 if is_yes else 10_000 - price_e4) * 100)
            case "mark":
                portfolio.mark(args[1], args[0])
                marks[args[1]] = args[0]
            case "time":
                now_ns += args[0] * SECOND
                portfolio.advance(now_ns)
            case "rebate":
                portfolio.pay_rebate(args[1], "maker", args[0])
                cash_e12 += args[0]
            case "resolve":
                portfolio.resolve("a", args[0])
                marks["a"] = payouts["a"] = args[0]
        for market, payout_e6 in payouts.items():
            cash_e12 += tokens.pop((market, True), 0) * payout_e6
            cash_e12 += tokens.pop((market, False), 0) * (1_000_000 - payout_e6)
        value_e12 = sum(
            held * (marks[market] if is_yes else 1_000_000 - marks[market])
            for (market, is_yes), held in tokens.items()
        )
        assert portfolio.cash_e12 == cash_e12
        assert portfolio.equity_e12 == cash_e12 + value_e12
        assert portfolio.attribution_error_e12 == 0
        assert portfolio.realised_e12 + portfolio.unrealised_e12 == pytest.approx(
            portfolio.equity_e12 - portfolio.bankroll_e12, abs=0
        )
