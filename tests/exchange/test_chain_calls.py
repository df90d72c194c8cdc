"""Calls and signatures of the chain against the official client's own builders; hostile bytes."""

from __future__ import annotations

import pytest
from eth_abi.abi import decode
from hypothesis import given
from hypothesis import strategies as st
from polymarket import calls as sdk
from polymarket._internal.actions.relayer import calls as private
from polymarket._internal.environment import PRODUCTION_CONFIG

from polyframe.exchange.chain.calls import (
    AllowanceOf,
    Approve,
    BalancesOf,
    Call,
    Convert,
    Redeem,
    Revert,
    call_of,
    multisend_calls,
    operation_of,
    proxy_calls,
    view_of,
)
from polyframe.exchange.chain.ledger import Chain, State
from polyframe.exchange.chain.signing import raw_transaction
from polyframe.polymarket import contracts
from polyframe.polymarket.contracts import (
    COLLATERAL,
    COLLATERAL_ADAPTER,
    CONDITIONAL_TOKENS,
    POSITION_MANAGER,
    ROUTER,
    STANDARD_EXCHANGE,
)
from still_desk import ALICE, BOB, StillDesk

CONDITION = "0x" + "ab" * 32
V2_CONDITION = "0x01" + "cd" * 30
MOST = 2**256 - 1
SPENDER = STANDARD_EXCHANGE.lower()


def ours(call: sdk.TransactionCall) -> Call:
    return call_of(call.to, call.data, call.value)


def test_addresses_are_the_official_clients() -> None:
    known = PRODUCTION_CONFIG
    assert {
        contracts.STANDARD_EXCHANGE: known.standard_exchange,
        contracts.NEG_RISK_EXCHANGE: known.neg_risk_exchange,
        contracts.EXCHANGE_V3: known.exchange_v3,
        contracts.COLLATERAL: known.collateral_token,
        contracts.CONDITIONAL_TOKENS: known.conditional_tokens,
        contracts.POSITION_MANAGER: known.position_manager,
        contracts.NEG_RISK_ADAPTER: known.neg_risk_adapter,
        contracts.COLLATERAL_ADAPTER: known.collateral_adapter,
        contracts.NEG_RISK_COLLATERAL_ADAPTER: known.neg_risk_collateral_adapter,
        contracts.ROUTER: known.protocol_v2_router,
        contracts.BINARY_MODULE: known.binary_module,
        contracts.NEG_RISK_MODULE: known.neg_risk_module,
        contracts.AUTO_REDEEMER: known.auto_redeem_operator,
        contracts.PERPS_DEPOSIT: known.perps_deposit_contract,
        contracts.PROXY_FACTORY: known.wallet_derivation.proxy_factory,
        contracts.DEPOSIT_WALLET_FACTORY: known.wallet_derivation.deposit_wallet_factory,
        contracts.SAFE_MULTISEND: known.safe_multisend,
        contracts.RELAY_HUB: known.relay_hub,
    } == {value: value for value in _addresses(contracts)}


def _addresses(module: object) -> list[str]:
    values = vars(module).values()
    return [one for one in values if isinstance(one, str) and len(one) == 42]


def test_every_call_is_read_as_the_client_means_it() -> None:
    of_ctf = {"collateral": COLLATERAL, "condition_id": CONDITION}
    of_v2 = {"router": ROUTER, "condition_id": V2_CONDITION}
    adapter = COLLATERAL_ADAPTER
    assert [
        operation_of(ours(one))
        for one in (
            sdk.erc20_approval_call(token_address=COLLATERAL, spender=STANDARD_EXCHANGE, amount=7),
            sdk.erc1155_set_approval_for_all_call(
                token_address=CONDITIONAL_TOKENS, operator=STANDARD_EXCHANGE
            ),
            sdk.erc1155_set_approval_for_all_call(
                token_address=POSITION_MANAGER, operator=STANDARD_EXCHANGE, approved=False
            ),
            sdk.ctf_split_position_call(target=adapter, amount=5, **of_ctf),
            sdk.ctf_merge_positions_call(target=adapter, amount=6, **of_ctf),
            sdk.ctf_redeem_positions_call(ctf=adapter, **of_ctf),
            sdk.router_split_call(amount=5, **of_v2),
            sdk.router_merge_call(amount=6, **of_v2),
            sdk.router_redeem_call(outcome_index=1, amount=4, **of_v2),
        )
    ] == [
        Approve(COLLATERAL, SPENDER, 7),
        Approve(CONDITIONAL_TOKENS, SPENDER, MOST),
        Approve(POSITION_MANAGER, SPENDER, 0),
        Convert(adapter, CONDITION, -5),
        Convert(adapter, CONDITION, 6),
        Redeem(adapter, CONDITION),
        Convert(ROUTER, V2_CONDITION, -5),
        Convert(ROUTER, V2_CONDITION, 6),
        Redeem(ROUTER, V2_CONDITION, 1, 4),
    ]


def test_views_are_read_and_answered_as_the_client_reads_them() -> None:
    owner = ALICE
    allowance = view_of(
        ours(private.erc20_allowance_call(token_address=COLLATERAL, owner=owner, spender=BOB))
    )
    assert allowance == AllowanceOf(COLLATERAL, owner, BOB, is_flag=False)
    assert private.decode_erc20_allowance_result("0x" + allowance.answer(9).hex()) == 9
    flag = view_of(
        ours(
            private.erc1155_is_approved_for_all_call(
                token_address=CONDITIONAL_TOKENS, owner=owner, operator=BOB
            )
        )
    )
    for amount in (0, MOST):
        told = private.decode_erc1155_is_approved_for_all_result("0x" + flag.answer(amount).hex())
        assert told is (amount > 0)
    one = view_of(
        ours(
            private.erc1155_balance_of_call(
                token_address=POSITION_MANAGER, owner=owner, token_id="77"
            )
        )
    )
    assert one == BalancesOf(((owner, "77"),), is_batch=False)
    many = view_of(
        ours(
            private.erc1155_balance_of_batch_call(
                token_address=contracts.NEG_RISK_ADAPTER,
                owners=[owner, owner],
                token_ids=["1", "2"],
            )
        )
    )
    assert many == BalancesOf(((owner, "1"), (owner, "2")), is_batch=True)
    told = private.decode_erc1155_balance_of_batch_result("0x" + many.answer([3, 4]).hex())
    assert told == (3, 4)


@pytest.mark.parametrize(
    "call",
    [
        Call(COLLATERAL, b""),
        Call(COLLATERAL, b"\x12\x34\x56\x78"),
        Call(COLLATERAL, bytes.fromhex("095ea7b3") + bytes(63)),
        ours(sdk.erc20_approval_call(token_address=ROUTER, spender=ROUTER, amount=1)),
        ours(sdk.erc1155_set_approval_for_all_call(token_address=COLLATERAL, operator=ROUTER)),
        ours(sdk.router_merge_call(router=COLLATERAL, condition_id=V2_CONDITION, amount=1)),
        ours(
            sdk.ctf_merge_positions_call(
                target=ROUTER, collateral=COLLATERAL, condition_id=CONDITION, amount=1
            )
        ),
        ours(
            sdk.ctf_merge_positions_call(
                target=COLLATERAL_ADAPTER, collateral=ROUTER, condition_id=CONDITION, amount=1
            )
        ),
    ],
)
def test_what_no_contract_knows_reverts(call: Call) -> None:
    with pytest.raises(Revert):
        operation_of(call)


_PAYLOADS = st.lists(
    st.tuples(st.binary(min_size=20, max_size=20), st.binary(max_size=90)), min_size=1
)


@given(_PAYLOADS)
def test_batches_are_unpacked_as_they_were_packed(payloads: list[tuple[bytes, bytes]]) -> None:
    sent = [
        sdk.TransactionCall(to="0x" + target.hex(), data="0x" + data.hex(), value=number)
        for number, (target, data) in enumerate(payloads)
    ]
    for encode, unpack in (
        (sdk.encode_proxy_call, proxy_calls),
        (sdk.encode_safe_multisend_call, multisend_calls),
    ):
        found = unpack(bytes.fromhex(encode(sent)[2:]))
        told = [(bytes.fromhex(one.target[2:]), one.data, one.value) for one in found]
        assert told == [(*payload, number) for number, payload in enumerate(payloads)]


_SELECTORS = st.sampled_from(
    [
        private._selector(text)
        for text in (
            "proxy((uint8,address,uint256,bytes)[])", "multiSend(bytes)",
            "approve(address,uint256)", "balanceOfBatch(address[],uint256[])",
            "redeem(bytes31,uint256,uint256)",
            "redeemPositions(address,bytes32,bytes32,uint256[])",
        )
    ]
)  # fmt: skip
_WORDS = st.one_of(
    st.binary(max_size=40),
    st.integers(0, 400).map(lambda number: number.to_bytes(32)),
    st.just(b"\xff" * 32),
)


@given(_SELECTORS, st.lists(_WORDS, max_size=12))
def test_hostile_bytes_revert_and_nothing_else(selector: bytes, words: list[bytes]) -> None:
    data = selector + b"".join(words)
    for read in (
        lambda: operation_of(Call(COLLATERAL_ADAPTER, data)),
        lambda: view_of(Call(CONDITIONAL_TOKENS, data)),
        lambda: proxy_calls(data),
        lambda: multisend_calls(data),
    ):
        try:
            read()
        except Revert:
            continue


@given(st.one_of(st.binary(max_size=300), st.integers(1, 5_000).map(lambda deep: b"\xc1" * deep)))
def test_hostile_transactions_are_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        raw_transaction(raw)


# --- in virtual time ---------------------------------------------------------------------


def test_a_transaction_moves_money_when_it_is_mined_and_not_before() -> None:
    still = StillDesk(funds_usd=100.0)
    chain = Chain(still.desk, seed=1)
    split = ours(
        sdk.ctf_split_position_call(
            target=COLLATERAL_ADAPTER, collateral=COLLATERAL, condition_id=still.market_id,
            amount=40_000_000,
        )
    )  # fmt: skip
    made = chain.submit(ALICE, ALICE, [split], still.now_ns)
    custody = still.desk.custody
    seen = [(made.state, custody.balance(ALICE, still.yes))]
    for _ in range(80):
        still.wait(0.1)
        step = (made.state, custody.balance(ALICE, still.yes))
        if step != seen[-1]:
            seen.append(step)
    assert seen == [
        (State.NEW, 0), (State.EXECUTED, 0), (State.MINED, 40_000_000),
        (State.CONFIRMED, 40_000_000),
    ]  # fmt: skip
    assert custody.balance(ALICE, "") == 60 * 10**12
    assert (chain.nonce(ALICE), chain.pending(ALICE)) == (1, None)


def test_the_same_seed_gives_the_same_chain() -> None:
    def run() -> list[tuple[str, str, int]]:
        still = StillDesk()
        chain = Chain(still.desk, seed=5)
        approve = ours(sdk.erc20_approval_call(token_address=COLLATERAL, spender=ROUTER, amount=3))
        for _ in range(3):
            chain.submit(BOB, BOB, [approve], still.now_ns)
            still.wait(10.0)
        return [(one.transaction_id, one.hash, one.block) for one in chain.by_id.values()]

    assert run() == run()
    assert len({block for *_, block in run()}) == 3


def test_views_make_no_wallet_known() -> None:
    still = StillDesk(funds_usd=25.0)
    chain = Chain(still.desk, seed=1)
    call = Call(
        COLLATERAL, private._selector("balanceOf(address)") + bytes(12) + bytes.fromhex("cc" * 20)
    )
    assert decode(["uint256"], chain.view(call)) == (25_000_000,)
    assert still.desk.custody.wallets == {}
