"""Calls as wallets send them: from their ABI bytes to what they ask of which contract; pure.

Signatures are those of the official client 0.14.0. What is not known here reverts, as a call
of a contract that is not there would.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from polyframe.polymarket.contracts import (
    COLLATERAL,
    COLLATERAL_ADAPTER,
    CONDITIONAL_TOKENS,
    NEG_RISK_ADAPTER,
    NEG_RISK_COLLATERAL_ADAPTER,
    POSITION_MANAGER,
    ROUTER,
)
from polyframe.polymarket.keys import address_bytes, checksum_address, keccak256

_PARTITION = (1, 2)  # both outcomes of a binary market
_ADAPTERS = frozenset({COLLATERAL_ADAPTER.lower(), NEG_RISK_COLLATERAL_ADAPTER.lower()})
_HOLDERS = frozenset({CONDITIONAL_TOKENS.lower(), POSITION_MANAGER.lower()})
_READERS = _HOLDERS | {NEG_RISK_ADAPTER.lower()}
_LEAST_PACKED = 1 + 20 + 32 + 32


class Revert(Exception):
    """A call that a contract refuses, with its reason."""


class Call(msgspec.Struct, frozen=True):
    """One call of a contract; ``target`` is its address."""

    target: str
    data: bytes
    value: int = 0


class Approve(msgspec.Struct, frozen=True):
    """Let ``spender`` move ``amount`` base units of a token contract's assets."""

    token: str
    spender: str
    amount: int


class Convert(msgspec.Struct, frozen=True):
    """Turn pairs into collateral (positive micro-shares) or collateral into pairs (negative)."""

    target: str
    market_id: str
    size_e6: int


class Redeem(msgspec.Struct, frozen=True):
    """Turn tokens of a resolved market into collateral.

    ``outcome_index`` None takes both outcomes' whole balances; else ``size_e6`` of that one.
    """

    target: str
    market_id: str
    outcome_index: int | None = None
    size_e6: int = 0


Operation = Approve | Convert | Redeem


class AllowanceOf(msgspec.Struct, frozen=True):
    """How much of a token contract's assets a spender may move; ``is_flag`` answers a bool."""

    token: str
    owner: str
    spender: str
    is_flag: bool

    def answer(self, amount: int) -> bytes:
        """Return the ABI bytes of the answer."""
        return encode(["bool"], [amount > 0]) if self.is_flag else encode(["uint256"], [amount])


class BalancesOf(msgspec.Struct, frozen=True):
    """What owners hold of assets, token ids or "" for collateral; ``is_batch`` answers a list."""

    held: tuple[tuple[str, str], ...]
    is_batch: bool

    def answer(self, amounts: Sequence[int]) -> bytes:
        """Return the ABI bytes of the answer, base units."""
        if self.is_batch:
            return encode(["uint256[]"], [list(amounts)])
        return encode(["uint256"], [amounts[0]])


View = AllowanceOf | BalancesOf


def operation_of(call: Call) -> Operation:
    """Return what a call asks for.

    Raises:
        Revert: an unknown contract or function, or arguments that cannot be read.
    """
    if call.value:
        raise Revert("the call sends value")
    found = _OPERATIONS.get(call.data[:4])
    if found is None:
        raise Revert("function selector was not recognized")
    types, make = found
    operation: Operation = make(call.target, *_arguments(types, call.data))
    return operation


def view_of(call: Call) -> View:
    """Return what a view call asks; Revert as above."""
    found = _VIEWS.get(call.data[:4])
    if found is None:
        raise Revert("function selector was not recognized")
    types, make = found
    view: View = make(call.target, *_arguments(types, call.data))
    return view


def proxy_calls(data: bytes) -> tuple[Call, ...]:
    """Return the calls inside a call of the proxy wallets' factory; Revert as above."""
    if data[:4] != _PROXY:
        raise Revert("function selector was not recognized")
    (packed,) = _arguments(["(uint8,address,uint256,bytes)[]"], data)
    if any(kind != 1 for kind, *_ in packed):
        raise Revert("only plain calls are carried")
    return tuple(Call(target, payload, value) for _, target, value, payload in packed)


def multisend_calls(data: bytes) -> tuple[Call, ...]:
    """Return the calls inside a Safe's multi-send; Revert as above."""
    if data[:4] != _MULTISEND:
        raise Revert("function selector was not recognized")
    (packed,) = _arguments(["bytes"], data)
    found = []
    while packed:
        # One byte of operation, the target, its value, the length of its data, its data.
        size = int.from_bytes(packed[53:85], "big")
        end = _LEAST_PACKED + size
        if len(packed) < end or packed[0]:
            raise Revert("the multi-send cannot be read")
        target = checksum_address(packed[1:21])
        value = int.from_bytes(packed[21:53], "big")
        found.append(Call(target, packed[_LEAST_PACKED:end], value))
        packed = packed[end:]
    return tuple(found)


# --- operations ------------------------------------------------------------------------


def _approve(target: str, spender: str, amount: int) -> Approve:
    if target.lower() != COLLATERAL.lower():
        raise Revert("no such token")
    return Approve(target, spender, amount)


def _approve_all(target: str, operator: str, approved: bool) -> Approve:
    if target.lower() not in _HOLDERS:
        raise Revert("no such token")
    return Approve(target, operator, 2**256 - 1 if approved else 0)


def _ctf(sign: int) -> Callable[..., Convert]:
    def make(
        target: str, token: str, parent: bytes, condition: bytes, parts: Sequence[int], amount: int
    ) -> Convert:
        _check_ctf(target, token, parent, parts)
        return Convert(target, f"0x{condition.hex()}", sign * amount)

    return make


def _ctf_redeem(
    target: str, token: str, parent: bytes, condition: bytes, sets: Sequence[int]
) -> Redeem:
    _check_ctf(target, token, parent, sets)
    return Redeem(target, f"0x{condition.hex()}")


def _check_ctf(target: str, token: str, parent: bytes, parts: Sequence[int]) -> None:
    if target.lower() not in _ADAPTERS:
        raise Revert("no such contract")
    if token.lower() != COLLATERAL.lower() or any(parent) or tuple(parts) != _PARTITION:
        raise Revert("only whole binary positions of the collateral are converted")


def _router(sign: int) -> Callable[..., Convert]:
    def make(target: str, condition: bytes, amount: int) -> Convert:
        _check_router(target)
        return Convert(target, f"0x{condition.hex()}", sign * amount)

    return make


def _router_redeem(target: str, condition: bytes, outcome_index: int, amount: int) -> Redeem:
    _check_router(target)
    if outcome_index not in (0, 1):
        raise Revert("no such outcome")
    return Redeem(target, f"0x{condition.hex()}", outcome_index, amount)


def _check_router(target: str) -> None:
    if target.lower() != ROUTER.lower():
        raise Revert("no such contract")


# --- views -----------------------------------------------------------------------------


def _allowance(target: str, owner: str, spender: str) -> AllowanceOf:
    if target.lower() != COLLATERAL.lower():
        raise Revert("no such token")
    return AllowanceOf(target, owner, spender, is_flag=False)


def _approved_for_all(target: str, owner: str, operator: str) -> AllowanceOf:
    if target.lower() not in _HOLDERS:
        raise Revert("no such token")
    return AllowanceOf(target, owner, operator, is_flag=True)


def _cash_balance(target: str, owner: str) -> BalancesOf:
    if target.lower() != COLLATERAL.lower():
        raise Revert("no such token")
    return BalancesOf(((owner, ""),), is_batch=False)


def _balance(target: str, owner: str, token_id: int) -> BalancesOf:
    return _balances(target, (owner,), (token_id,), is_batch=False)


def _balances(
    target: str, owners: Sequence[str], token_ids: Sequence[int], *, is_batch: bool = True
) -> BalancesOf:
    if target.lower() not in _READERS:
        raise Revert("no such token")
    if len(owners) != len(token_ids):
        raise Revert("accounts and ids differ in length")
    held = zip(owners, map(str, token_ids), strict=True)
    return BalancesOf(tuple(held), is_batch=is_batch)


# --- the ABI ---------------------------------------------------------------------------


def _arguments(types: list[str], data: bytes) -> tuple[Any, ...]:
    try:
        return decode(types, data[4:])
    except (DecodingError, OverflowError, ValueError) as error:
        raise Revert("the arguments cannot be read") from error


def _table(functions: dict[str, Any]) -> dict[bytes, tuple[list[str], Any]]:
    return {
        _selector(signature): (_types(signature), make) for signature, make in functions.items()
    }


def _selector(signature: str) -> bytes:
    return keccak256(signature.encode())[:4]


def _types(signature: str) -> list[str]:
    return signature.partition("(")[2].removesuffix(")").split(",")


_OPERATIONS = _table(
    {
        "approve(address,uint256)": _approve,
        "setApprovalForAll(address,bool)": _approve_all,
        "splitPosition(address,bytes32,bytes32,uint256[],uint256)": _ctf(-1),
        "mergePositions(address,bytes32,bytes32,uint256[],uint256)": _ctf(1),
        "redeemPositions(address,bytes32,bytes32,uint256[])": _ctf_redeem,
        "split(bytes31,uint256)": _router(-1),
        "merge(bytes31,uint256)": _router(1),
        "redeem(bytes31,uint256,uint256)": _router_redeem,
    }
)
_VIEWS = _table(
    {
        "allowance(address,address)": _allowance,
        "isApprovedForAll(address,address)": _approved_for_all,
        "balanceOf(address)": _cash_balance,
        "balanceOf(address,uint256)": _balance,
        "balanceOfBatch(address[],uint256[])": _balances,
    }
)
_PROXY = _selector("proxy((uint8,address,uint256,bytes)[])")
_MULTISEND = _selector("multiSend(bytes)")


def call_of(target: str, data: str, value: int = 0) -> Call:
    """Return a call from what JSON says of it.

    Raises:
        ValueError: no address, or no hex.
    """
    address_bytes(target)
    return Call(target, hex_bytes(data), value)


def hex_bytes(text: str) -> bytes:
    """Return the bytes of a text of 0x and hex digits; ValueError if it is none."""
    if not text.startswith("0x"):
        raise ValueError("not a text of 0x and hex digits")
    return bytes.fromhex(text[2:])
