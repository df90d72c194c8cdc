"""The official client, unmodified, does money chores on the exchange's chain with every wallet."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest
from eth_account import Account
from polymarket import AsyncSecureClient
from polymarket._internal.actions.relayer.gasless import build_signed_payload_for_wallet_type
from polymarket._internal.actions.relayer.submit import submit_gasless
from polymarket.auth import RelayerApiKey
from polymarket.calls import (
    TransactionCall,
    ctf_merge_positions_call,
    ctf_redeem_positions_call,
    ctf_split_position_call,
)
from polymarket.errors import RequestRejectedError, TransactionFailedError, UserInputError

from chain_venue import (
    FAST,
    MARKETS,
    NUMBER,
    WALLETS,
    chain_trader,
    desk_of,
    every,
    give,
    holdings,
    market_of,
    resolve,
    tokens_of,
)
from client_venue import Quiet, address_of, key_of, open_exchange
from loopback_exchange import rest
from polyframe.exchange.chain.ledger import ChainPace
from polyframe.exchange.trading.orders import NOT_ENOUGH_BALANCE
from polyframe.polymarket.contracts import (
    COLLATERAL,
    COLLATERAL_ADAPTER,
    PROXY_FACTORY,
    RELAY_HUB,
)
from polyframe.polymarket.order_signing import CHAIN_ID

pytestmark = pytest.mark.anyio
USD_E12 = 10**12
START_E12 = 10_000 * USD_E12
RELAYED = ("POLY_PROXY", "GNOSIS_SAFE", "DEPOSIT_WALLET")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _loopback_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")


def merging(market: Quiet, size_e6: int) -> TransactionCall:
    return ctf_merge_positions_call(
        target=COLLATERAL_ADAPTER, collateral=COLLATERAL, condition_id=market.condition_id,
        amount=size_e6,
    )  # fmt: skip


def splitting(market: Quiet, size_e6: int) -> TransactionCall:
    return ctf_split_position_call(
        target=COLLATERAL_ADAPTER, collateral=COLLATERAL, condition_id=market.condition_id,
        amount=size_e6,
    )  # fmt: skip


# --- what the client does ---------------------------------------------------------------


@every()
@pytest.mark.parametrize("of", MARKETS)
async def test_pairs_are_split_merged_and_redeemed_to_the_unit(kind: str, of: str) -> None:
    async with open_exchange(FAST, auto_redeems=False) as exchange:
        market, wallet = market_of(exchange, of), WALLETS[kind]
        async with chain_trader(exchange, kind) as client:
            condition = market.condition_id
            assert holdings(exchange, wallet, market) == (START_E12, 0, 0)
            split = await client.split_position(condition_id=condition, amount=7_000_001)
            await split.wait()
            left = START_E12 - 7_000_001 * 10**6
            assert holdings(exchange, wallet, market) == (left, 7_000_001, 7_000_001)
            merged = await client.merge_positions(condition_id=condition, amount=3_000_000)
            done = await merged.wait()
            left += 3 * USD_E12
            assert holdings(exchange, wallet, market) == (left, 4_000_001, 4_000_001)
            many = await client.merge_multiple_positions(
                positions=[{"condition_id": condition, "amount": 1_000_000}]
            )
            await many.wait()
            left += USD_E12
            assert holdings(exchange, wallet, market) == (left, 3_000_001, 3_000_001)
            give(exchange, wallet, market, 500_000, 0)
            resolve(exchange, market)
            await (await client.redeem_positions(condition_id=condition)).wait()
            left += 3_500_001 * 10**6
            assert holdings(exchange, wallet, market) == (left, 0, 0)
            told = [row async for row in client.list_activity(user=wallet).iter_items()]
            by_kind = {row.type: row.transaction_hash for row in told}
            assert set(by_kind) == {"DEPOSIT", "SPLIT", "MERGE", "REDEEM"}
            assert done.transaction_hash in {row.transaction_hash for row in told}


@every()
async def test_approvals_are_missed_and_given(kind: str) -> None:
    async with (
        open_exchange(FAST, allowances_given=False) as exchange,
        chain_trader(exchange, kind) as client,
    ):
        state = await client.get_trading_approvals_state()
        assert (len(state.missing.erc20), len(state.missing.erc1155)) == (7, 10)
        market = market_of(exchange, "standard")
        signed = await client.create_limit_order(
            asset_id=market.yes, price="0.4", size="10", side="BUY"
        )
        with pytest.raises(RequestRejectedError, match="the allowance is not enough"):
            await client.post_order(signed)
        await client.setup_trading_approvals()
        assert (await client.get_trading_approvals_state()).is_fully_approved
        assert (await client.post_order(signed)).ok
        sent = len(chain_of(exchange).by_id)
        await client.setup_trading_approvals()
        assert len(chain_of(exchange).by_id) == sent, "what is given is not given again"


def chain_of(exchange):
    assert exchange.private is not None
    return exchange.private.chain


async def test_an_order_that_lacks_its_allowance_is_placed_after_the_client_gave_it() -> None:
    async with (
        open_exchange(FAST, allowances_given=False) as exchange,
        chain_trader(exchange, "DEPOSIT_WALLET") as client,
    ):
        market = market_of(exchange, "standard")
        placed = await client.place_limit_order(
            asset_id=market.yes, price="0.4", size="10", side="BUY"
        )
        assert placed.ok, placed


@every(RELAYED)
async def test_a_batch_is_done_as_a_whole_or_not_at_all(kind: str) -> None:
    async with (
        open_exchange(FAST) as exchange,
        chain_trader(exchange, kind) as client,
    ):
        market, wallet = market_of(exchange, "standard"), WALLETS[kind]
        for calls, reason in {
            (splitting(market, 5_000_000), merging(market, 5_000_001)): "insufficient balance",
            (splitting(market, 5_000_000), splitting(market, 10**12)): "amount exceeds balance",
        }.items():
            handle = await client.execute_transaction(calls=calls)
            with pytest.raises(TransactionFailedError, match=reason):
                await handle.wait()
            assert holdings(exchange, wallet, market) == (START_E12, 0, 0)
        calls = [splitting(market, 5_000_000), merging(market, 4_000_000)]
        await (await client.execute_transaction(calls=calls)).wait()
        assert holdings(exchange, wallet, market) == (START_E12 - USD_E12, 1_000_000, 1_000_000)


async def test_a_plain_address_is_told_of_a_revert_before_it_sends() -> None:
    async with open_exchange(FAST) as exchange, chain_trader(exchange, "EOA") as client:
        market = market_of(exchange, "standard")
        for call, reason in (
            (merging(market, 1), "insufficient balance"),
            (
                ctf_redeem_positions_call(
                    ctf=COLLATERAL_ADAPTER,
                    collateral=COLLATERAL,
                    condition_id=market.condition_id,
                ),
                "result for condition not received yet",
            ),
            (TransactionCall(to=COLLATERAL, data="0x12345678"), "not recognized"),
        ):
            with pytest.raises(RequestRejectedError, match=reason):
                await client.execute_transaction(calls=[call])
        assert not chain_of(exchange).by_id


async def test_more_than_is_held_is_refused_by_the_client() -> None:
    async with open_exchange(FAST) as exchange, chain_trader(exchange, "GNOSIS_SAFE") as client:
        market = market_of(exchange, "standard")
        give(exchange, client.wallet, market, 2_000_000, 1_000_000)
        with pytest.raises(UserInputError, match="exceeds the maximum mergeable"):
            await client.merge_positions(condition_id=market.condition_id, amount=1_000_001)


async def test_orders_that_a_merge_leaves_uncovered_are_cancelled() -> None:
    async with open_exchange(FAST) as exchange, chain_trader(exchange, "DEPOSIT_WALLET") as client:
        market = market_of(exchange, "standard")
        give(exchange, client.wallet, market, 10_000_000, 10_000_000)
        sells = [
            await client.place_limit_order(
                asset_id=market.yes, price=f"0.9{n}", size="5", side="SELL", post_only=True
            )
            for n in (7, 8)
        ]
        merged = await client.merge_positions(condition_id=market.condition_id, amount=4_000_000)
        await merged.wait()
        found = [await client.get_order(order_id=one.order_id) for one in sells]
        assert [one.status for one in found] == ["LIVE", NOT_ENOUGH_BALANCE]
        assert holdings(exchange, client.wallet, market)[1:] == (6_000_000, 6_000_000)


# --- who may do it ---------------------------------------------------------------------


@every(RELAYED)
async def test_only_the_owner_moves_a_wallet(kind: str) -> None:
    """A stranger's client claims another's wallet: its signature is the stranger's."""
    async with open_exchange(FAST) as exchange, chain_trader(exchange, kind) as client:
        market = market_of(exchange, "standard")
        stranger = Account.from_key(key_of(NUMBER + 1))
        object.__setattr__(client._ctx, "signer", stranger)
        with pytest.raises(RequestRejectedError) as caught:
            await client.split_position(condition_id=market.condition_id, amount=1_000_000)
        assert caught.value.status == 401, "the key is another signer's"
        as_stranger = RelayerApiKey(key="any", address=address_of(NUMBER + 1))
        async with chain_trader(exchange, kind, api_key=as_stranger) as client:
            object.__setattr__(client._ctx, "signer", stranger)
            with pytest.raises(RequestRejectedError, match="invalid signature"):
                await client.split_position(condition_id=market.condition_id, amount=1_000_000)
        assert holdings(exchange, WALLETS[kind], market) == (START_E12, 0, 0)


@every(RELAYED)
async def test_a_relayed_wallet_has_one_batch_under_way(kind: str) -> None:
    async with open_exchange(FAST) as exchange, chain_trader(exchange, kind) as client:
        market, chain = market_of(exchange, "standard"), chain_of(exchange)
        chain.pace = ChainPace(mined_s=(10**6, 10**6))
        first = await client.split_position(condition_id=market.condition_id, amount=1_000_000)
        assert chain.pending(client.wallet).transaction_id == first.transaction_id
        with pytest.raises(RequestRejectedError, match="wallet busy: active action"):
            await submit_gasless(
                client._ctx.relayer,
                payload=await build_signed_payload_for_wallet_type(
                    client._ctx, calls=[splitting(market, 1)], metadata=""
                ),
            )
        assert len(chain.by_id) == 1


async def test_clients_of_one_wallet_wait_for_each_other() -> None:
    async with open_exchange(FAST) as exchange, chain_trader(exchange, "DEPOSIT_WALLET") as client:
        market = market_of(exchange, "standard")
        amounts = (1_000_000, 2_000_000, 4_000_000)

        async def split(client: AsyncSecureClient, amount: int) -> None:
            handle = await client.split_position(condition_id=market.condition_id, amount=amount)
            await handle.wait()

        await asyncio.gather(*[_patiently(split, client, amount) for amount in amounts])
        assert holdings(exchange, client.wallet, market)[1] == sum(amounts)
        assert chain_of(exchange).nonce(client.wallet) == 3


async def _patiently(split, client: AsyncSecureClient, amount: int) -> None:
    """The client asks eleven times; a machine under load may need more."""
    while True:
        with suppress(RequestRejectedError):
            return await split(client, amount)


async def test_raw_transactions_are_held_to_nonce_and_chain() -> None:
    async with open_exchange(FAST) as exchange, chain_trader(exchange, "EOA") as client:
        market = market_of(exchange, "standard")
        call = splitting(market, 1_000_000)
        rpc, signer = client._ctx.rpc, client._ctx.signer

        def signed(**changes: int) -> str:
            fields = {
                "to": call.to, "value": 0, "data": call.data, "gas": 150_000, "gasPrice": 1,
                "nonce": 0, "chainId": CHAIN_ID,
            }  # fmt: skip
            return "0x" + signer.sign_transaction(fields | changes).raw_transaction.hex()

        for raw, reason in (
            (signed(nonce=1), "nonce too high: next nonce 0, tx nonce 1"),
            (signed(chainId=1), "invalid chain id"),
            ("0x", "cannot be read"),
            ("0x02c0", "cannot be read"),
            ("0xc0", "transaction type not supported"),
        ):
            with pytest.raises(RequestRejectedError, match=reason):
                await rpc.eth_send_raw_transaction(raw)
        done = await rpc.eth_send_raw_transaction(signed())
        for raw, reason in ((signed(), "already known"), (signed(gas=1), "nonce too low")):
            with pytest.raises(RequestRejectedError, match=reason):
                await rpc.eth_send_raw_transaction(raw)
        while await rpc.eth_get_transaction_receipt(done) is None:
            pass
        assert holdings(exchange, client.wallet, market)[1:] == (1_000_000, 1_000_000)


async def test_the_venue_redeems_for_those_who_allowed_it_and_for_nobody_else() -> None:
    for is_given in (True, False):
        async with (
            open_exchange(FAST, allowances_given=is_given) as exchange,
            chain_trader(exchange, "EOA") as client,
        ):
            market = market_of(exchange, "standard")
            give(exchange, client.wallet, market, 3_000_000, 0)
            resolve(exchange, market)
            desk = desk_of(exchange)
            desk.advance(exchange.clock() + 61 * 10**9, 10**9)
            left = desk.custody.balance(client.wallet, tokens_of(market)[0])
            assert left == (0 if is_given else 3_000_000)


# --- strangers -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["WALLET", "SAFE", "PROXY", "WALLET-CREATE", ""])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"nonce": "9" * 5_000},
        {"nonce": "-1"},
        {"signature": "0x" + "00" * 65},
        {"signature": "0x" + "zz" * 65},
        {"signature": "\u0663" * 130},
        {"to": "0x1", "proxyWallet": "0x1"},
        {"data": "0x" + "ff" * 400},
        {"value": str(2**256)},
        {"from": "nobody"},
        {"signatureParams": {"operation": "1", "gasLimit": "-1", "relayHub": RELAY_HUB}},
        {"depositWalletParams": {"depositWallet": "", "deadline": "0", "calls": []}},
        {
            "depositWalletParams": {
                "depositWallet": COLLATERAL,
                "deadline": "9" * 400,
                "calls": [{"target": COLLATERAL, "data": "0x", "value": "-1"}],
            }
        },
    ],
)
async def test_submissions_of_strangers_are_refused(kind: str, change: dict[str, Any]) -> None:
    owner = address_of(NUMBER)
    body = {
        "type": kind, "from": owner, "to": PROXY_FACTORY, "nonce": "0", "data": "0x",
        "signature": "0x" + "11" * 64 + "1b", "proxyWallet": WALLETS["GNOSIS_SAFE"],
        "signatureParams": {"relay": owner, "relayHub": RELAY_HUB},
        "depositWalletParams": {
            "depositWallet": WALLETS["DEPOSIT_WALLET"], "deadline": "9999999999",
            "calls": [{"target": COLLATERAL, "data": "0x", "value": "0"}],
        },
    }  # fmt: skip
    body |= change
    async with open_exchange() as exchange, rest(exchange) as http:
        for headers, least in (
            ({"RELAYER_API_KEY": "any", "RELAYER_API_KEY_ADDRESS": body["from"]}, 400),
            ({"POLY_BUILDER_API_KEY": "any", "POLY_BUILDER_SIGNATURE": "any"}, 400),
            ({"RELAYER_API_KEY": "any", "RELAYER_API_KEY_ADDRESS": COLLATERAL}, 401),
            ({}, 401),
        ):
            told = await http.post("/submit", json=body, headers=headers)
            assert told.status_code in (400, least), told.text
            assert told.json()["error"]
        assert not chain_of(exchange).by_id


@pytest.mark.parametrize(
    "params",
    [
        [], [None], [3], ["0x"], [{}], [{"to": 3}], [{"to": COLLATERAL, "data": 3}],
        [{"to": COLLATERAL, "data": "0xzz"}], [{"to": COLLATERAL, "value": "0x" + "f" * 70}],
        [[[]]], [{"from": COLLATERAL, "to": PROXY_FACTORY, "data": "0x34ee9791" + "ff" * 64}],
    ],
)  # fmt: skip
async def test_questions_of_strangers_are_answered_with_an_error(params: list[Any]) -> None:
    async with open_exchange() as exchange, rest(exchange) as http:
        for method in (
            "eth_call", "eth_estimateGas", "eth_getTransactionCount", "eth_sendRawTransaction",
            "eth_getTransactionReceipt",
        ):  # fmt: skip
            asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            told = await http.post("/rpc", json=asked)
            assert told.status_code == 200
            assert told.json()["id"] == 1
            assert "error" in told.json() or told.json()["result"] is None
        assert not chain_of(exchange).by_id


@pytest.mark.parametrize(
    "code",
    [
        "from polyframe.cli import main; main(['exchange', '--help'], standalone_mode=False)",
        "import polyframe.exchange.server, polyframe.exchange.trading.desk",
        "import polyframe.runtime.venues",
        "import polyframe.polymarket.earnings, polyframe.runtime.live.earnings_watch",
    ],
)
def test_who_needs_no_chain_loads_none(code: str) -> None:
    names = ("eth_abi", "eth_account", "rlp", "polymarket", "coincurve")
    check = f"import sys; assert not {{*{names}}} & {{*sys.modules}}, sys.modules.keys()"
    subprocess.run([sys.executable, "-c", f"{code}; {check}"], check=True, capture_output=True)
