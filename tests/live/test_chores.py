"""Chores through the official client, on the exchange's chain, when they go well and when not."""

from __future__ import annotations

from random import Random

import anyio
import anyio.lowlevel
import pytest

from chain_venue import (
    FAST,
    MARKETS,
    WALLETS,
    chain_trader,
    every,
    give,
    holdings,
    market_of,
    resolve,
    strike,
)
from client_venue import Quiet, open_exchange
from polyframe.exchange.faults import rest_kinds as rest
from polyframe.exchange.faults import settlement_kinds as settlement
from polyframe.exchange.faults.fault import Fault
from polyframe.exchange.server import EmbeddedExchange
from polyframe.model import MarketSpec
from polyframe.polymarket.chores import (
    ChoreCode,
    ChoreDone,
    ChoreFailed,
    Chores,
    ChoreUnknown,
)
from polyframe.polymarket.gamma_market import parse_market

pytestmark = pytest.mark.anyio
USD_E12 = 10**12
START_E12 = 10_000 * USD_E12
QUICK = {"again_s": 0.01}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _loopback_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


def spec_of(market: Quiet) -> MarketSpec:
    spec = parse_market(market.gamma)
    assert isinstance(spec, MarketSpec), spec
    return spec


async def settled(exchange: EmbeddedExchange) -> None:
    """Wait until no transaction is under way."""
    assert exchange.private is not None
    chain = exchange.private.chain
    while any(one.is_pending for one in chain.by_id.values()):
        await anyio.lowlevel.checkpoint()


def strike_after(exchange: EmbeddedExchange, passed: int, fault: Fault) -> None:
    """Plan a fault of probability one half whose chance lets so many pass and strikes the next."""

    def fits(index: int) -> bool:
        rng = Random(f"faults:0:{index}")
        return [rng.random() < 0.5 for _ in range(passed + 1)] == [False] * passed + [True]

    before = next(index for index in range(10_000) if fits(index))
    strike(exchange, *[settlement.FailedTrades() for _ in range(before)], fault)


# --- when it goes well ------------------------------------------------------------------


@every()
@pytest.mark.parametrize("of", MARKETS)
async def test_pairs_are_merged_and_winnings_redeemed(kind: str, of: str) -> None:
    async with (
        open_exchange(FAST, auto_redeems=False) as exchange,
        chain_trader(exchange, kind) as client,
    ):
        market, wallet, chores = market_of(exchange, of), WALLETS[kind], Chores(client, **QUICK)
        give(exchange, wallet, market, 9_000_000, 5_000_001)
        merged = await chores.merge(spec_of(market), 4_000_001)
        assert isinstance(merged, ChoreDone), merged
        (told,) = merged.transaction_hashes
        assert len(told) == 66
        left = START_E12 + 4_000_001 * 10**6
        assert holdings(exchange, wallet, market) == (left, 4_999_999, 1_000_000)
        early = await chores.redeem(spec_of(market))
        assert isinstance(early, ChoreFailed), early
        assert early.code is ChoreCode.UNKNOWN_MARKET
        resolve(exchange, market, yes_pays_e6=250_000)
        redeemed = await chores.redeem(spec_of(market))
        assert isinstance(redeemed, ChoreDone), redeemed
        left += 4_999_999 * 250_000 + 1_000_000 * 750_000
        assert holdings(exchange, wallet, market) == (left, 0, 0)
        again = await chores.redeem(spec_of(market))
        if of == "v2":
            assert isinstance(again, ChoreUnknown), again
            assert again.message.startswith("neither outcome is held")
        else:
            assert isinstance(again, ChoreDone), again
        assert holdings(exchange, wallet, market) == (left, 0, 0)


@every()
async def test_missing_approvals_are_named_and_given(kind: str) -> None:
    async with (
        open_exchange(FAST, allowances_given=False) as exchange,
        chain_trader(exchange, kind) as client,
    ):
        chores = Chores(client, **QUICK)
        missing = await chores.approvals()
        assert not isinstance(missing, ChoreFailed)
        assert (len(missing), sum(one.is_collateral for one in missing)) == (17, 7)
        assert len({(one.token, one.spender) for one in missing}) == 17
        assert await chores.approve_missing() == ChoreDone()
        assert await chores.approvals() == ()
        assert await chores.approve_missing() == ChoreDone()


# --- when nothing moves -----------------------------------------------------------------


@every()
async def test_more_than_is_held_is_not_enough(kind: str) -> None:
    async with (
        open_exchange(FAST) as exchange,
        chain_trader(exchange, kind) as client,
    ):
        market, chores = market_of(exchange, "standard"), Chores(client)
        for held_e6 in (0, 1_000_000):
            give(exchange, client.wallet, market, held_e6, held_e6)
            failed = await chores.merge(spec_of(market), 1_000_001)
            assert isinstance(failed, ChoreFailed), failed
            assert failed.code is ChoreCode.NOT_ENOUGH
        assert holdings(exchange, client.wallet, market)[1:] == (1_000_000, 1_000_000)


@every()
async def test_a_transaction_that_reverts_has_moved_nothing(kind: str) -> None:
    async with (
        open_exchange(FAST) as exchange,
        chain_trader(exchange, kind) as client,
    ):
        market, chores = market_of(exchange, "standard"), Chores(client, **QUICK)
        give(exchange, client.wallet, market, 5_000_000, 5_000_000)
        strike(exchange, settlement.FailedTransactions(count=1))
        failed = await chores.merge(spec_of(market), 2_000_000)
        assert isinstance(failed, ChoreFailed), failed
        assert failed.code is ChoreCode.REVERTED
        assert holdings(exchange, client.wallet, market) == (START_E12, 5_000_000, 5_000_000)
        assert isinstance(await chores.merge(spec_of(market), 2_000_000), ChoreDone)


async def test_without_a_relayers_key_nothing_is_sent() -> None:
    async with (
        open_exchange(FAST, allowances_given=False) as exchange,
        chain_trader(exchange, "DEPOSIT_WALLET", api_key=None) as client,
    ):
        market, chores = market_of(exchange, "v2"), Chores(client)
        give(exchange, client.wallet, market, 5_000_000, 5_000_000)
        for outcome in (
            await chores.merge(spec_of(market), 1_000_000),
            await chores.approve_missing(),
        ):
            assert isinstance(outcome, ChoreFailed), outcome
            assert outcome.code is ChoreCode.NO_RELAYER_KEY


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (rest.ServerError(route="GET /gamma/*"), ChoreCode.UNREACHABLE),
        (rest.ConnectionReset(route="GET /gamma/*"), ChoreCode.UNREACHABLE),
        (rest.HtmlBody(route="GET /gamma/*", status=200), ChoreCode.UNREACHABLE),
        (rest.Refused(route="/submit", status=401), ChoreCode.REFUSED),
        (rest.TooManyRequests(route="/submit"), ChoreCode.REFUSED),
    ],
)
async def test_what_is_refused_or_never_asked_is_failed(
    fault: rest.RestFault, code: ChoreCode
) -> None:
    async with (
        open_exchange(FAST) as exchange,
        chain_trader(exchange, "GNOSIS_SAFE") as client,
    ):
        market, chores = market_of(exchange, "standard"), Chores(client, **QUICK)
        give(exchange, client.wallet, market, 5_000_000, 5_000_000)
        strike(exchange, fault)
        failed = await chores.merge(spec_of(market), 2_000_000)
        assert isinstance(failed, ChoreFailed), failed
        assert failed.code is code
        assert exchange.private is not None
        assert not exchange.private.chain.by_id


async def test_a_short_throttle_and_a_busy_wallet_are_waited_for() -> None:
    async with (
        open_exchange(FAST) as exchange,
        chain_trader(exchange, "POLY_PROXY") as client,
    ):
        market, chores = market_of(exchange, "standard"), Chores(client, **QUICK)
        give(exchange, client.wallet, market, 5_000_000, 5_000_000)
        strike(exchange, rest.TooManyRequests(route="/submit", count=3))
        assert isinstance(await chores.merge(spec_of(market), 2_000_000), ChoreDone)


# --- when nobody knows ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "moves"),
    [
        (rest.ResponseLost(route="/submit"), True),
        (rest.RetriesAllLive(route="/submit", count=1), True),
        (rest.ConnectionReset(route="/submit"), False),
        (rest.ServerError(route="/submit", status=502), False),
        (rest.HtmlBody(route="/submit", status=200), False),
        (rest.Redirect(route="/submit"), False),
    ],
)
async def test_a_submission_without_its_answer_is_unknown(
    fault: rest.RestFault, moves: bool
) -> None:
    async with (
        open_exchange(FAST) as exchange,
        chain_trader(exchange, "DEPOSIT_WALLET") as client,
    ):
        market, chores = market_of(exchange, "standard"), Chores(client, **QUICK)
        give(exchange, client.wallet, market, 5_000_000, 5_000_000)
        strike(exchange, fault)
        outcome = await chores.merge(spec_of(market), 2_000_000)
        assert isinstance(outcome, ChoreUnknown), outcome
        await settled(exchange)
        left = (START_E12 + 2 * USD_E12, 3_000_000, 3_000_000)
        unmoved = (START_E12, 5_000_000, 5_000_000)
        assert holdings(exchange, client.wallet, market) == (left if moves else unmoved)


@pytest.mark.parametrize(("fault", "moves"), [(rest.ResponseLost, True), (rest.ServerError, False)])
async def test_a_raw_transaction_without_its_answer_is_unknown(
    fault: type[rest.RestFault], moves: bool
) -> None:
    """The fifth question to the node sends; before it are balances, nonce and gas twice."""
    async with (
        open_exchange(FAST) as exchange,
        chain_trader(exchange, "EOA") as client,
    ):
        market, chores = market_of(exchange, "standard"), Chores(client, **QUICK)
        give(exchange, client.wallet, market, 5_000_000, 5_000_000)
        await chores.merge(spec_of(market), 1_000_000)  # the chain's id is asked for once
        strike_after(exchange, 4, fault(route="POST /rpc", share=0.5, count=1))
        outcome = await chores.merge(spec_of(market), 2_000_000)
        assert isinstance(outcome, ChoreUnknown), outcome
        await settled(exchange)
        left_e6 = 2_000_000 if moves else 4_000_000
        assert holdings(exchange, client.wallet, market)[1:] == (left_e6, left_e6)


@every(("EOA", "DEPOSIT_WALLET"))
async def test_what_is_not_confirmed_in_time_is_unknown_and_may_still_happen(kind: str) -> None:
    async with (
        open_exchange(FAST) as exchange,
        chain_trader(exchange, kind) as client,
    ):
        market = market_of(exchange, "v2")
        chores = Chores(client, wait_s=0.05, **QUICK)
        give(exchange, client.wallet, market, 5_000_000, 5_000_000)
        strike(exchange, settlement.SlowTransactions(count=1, after_s=200.0))
        outcome = await chores.merge(spec_of(market), 2_000_000)
        assert isinstance(outcome, ChoreUnknown), outcome
        assert outcome.transaction_hash or outcome.transaction_id
        assert holdings(exchange, client.wallet, market) == (START_E12, 5_000_000, 5_000_000)
        await settled(exchange)
        assert holdings(exchange, client.wallet, market)[1:] == (3_000_000, 3_000_000)


@every(("EOA", "POLY_PROXY"))
async def test_a_wait_outlives_answers_that_cannot_be_used(kind: str) -> None:
    async with (
        open_exchange(FAST) as exchange,
        chain_trader(exchange, kind) as client,
    ):
        market, chores = market_of(exchange, "standard"), Chores(client, **QUICK)
        give(exchange, client.wallet, market, 5_000_000, 5_000_000)
        strike(
            exchange,
            rest.ServerError(route="GET /v1/account/transactions/????????-*", count=2),
            rest.HtmlBody(route="GET /v1/account/transactions/????????-*", status=200, count=2),
        )
        assert isinstance(await chores.merge(spec_of(market), 2_000_000), ChoreDone)


async def test_half_a_redemption_is_unknown() -> None:
    """A plain address redeems version 2 in two transactions: the second one fails."""

    async with (
        open_exchange(FAST, auto_redeems=False) as exchange,
        chain_trader(exchange, "EOA") as client,
    ):
        market, chores = market_of(exchange, "v2"), Chores(client, **QUICK)
        give(exchange, client.wallet, market, 2_000_000, 3_000_000)
        resolve(exchange, market)
        strike_after(exchange, 1, settlement.FailedTransactions(share=0.5, count=1))
        outcome = await chores.redeem(spec_of(market))
        assert isinstance(outcome, ChoreUnknown), outcome
        assert outcome.message.startswith("only one outcome is redeemed")
        left = START_E12 + 2 * USD_E12
        assert holdings(exchange, client.wallet, market) == (left, 0, 3_000_000)
        assert isinstance(await chores.redeem(spec_of(market)), ChoreDone)
        assert holdings(exchange, client.wallet, market) == (left, 0, 0)


# --- a restart in the middle ------------------------------------------------------------


async def test_after_a_restart_balances_tell_and_asking_again_loses_nothing() -> None:
    async with open_exchange(FAST) as exchange:
        market = market_of(exchange, "standard")
        strike(exchange, settlement.SlowTransactions(count=1, after_s=60.0))
        async with chain_trader(exchange, "DEPOSIT_WALLET") as client:
            give(exchange, client.wallet, market, 9_000_000, 9_000_000)
            assert exchange.private is not None
            async with anyio.create_task_group() as group:
                group.start_soon(Chores(client).merge, spec_of(market), 4_000_000)
                while not exchange.private.chain.by_id:
                    await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
        async with chain_trader(exchange, "DEPOSIT_WALLET") as client:
            await settled(exchange)
            assert holdings(exchange, client.wallet, market)[1:] == (5_000_000, 5_000_000)
            again = await Chores(client, **QUICK).merge(spec_of(market), 4_000_000)
            assert isinstance(again, ChoreDone), again
            left = (START_E12 + 8 * USD_E12, 1_000_000, 1_000_000)
            assert holdings(exchange, client.wallet, market) == left
