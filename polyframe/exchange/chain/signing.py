"""Who signed what is to happen on chain: relayed batches of each wallet type, raw transactions.

Formats are those of the official client 0.14.0 (its ``relayer/signing``); the typed data is fixed,
so it is encoded by hand as in :mod:`polyframe.polymarket.order_signing`. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import rlp
from rlp.exceptions import RLPException

from polyframe.exchange.chain.calls import Call
from polyframe.polymarket.contracts import RELAY_HUB
from polyframe.polymarket.keys import (
    SIGNATURE_BYTES,
    address_bytes,
    checksum_address,
    keccak256,
    recover_address,
)
from polyframe.polymarket.order_signing import CHAIN_ID

_CALL_TYPE = b"Call(address target,uint256 value,bytes data)"
_CALL_HASH = keccak256(_CALL_TYPE)
_BATCH_HASH = keccak256(
    b"Batch(address wallet,uint256 nonce,uint256 deadline,Call[] calls)" + _CALL_TYPE
)
_WALLET_DOMAIN_HASH = keccak256(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_SAFE_DOMAIN_HASH = keccak256(b"EIP712Domain(uint256 chainId,address verifyingContract)")
_SAFE_TX_HASH = keccak256(
    b"SafeTx(address to,uint256 value,bytes data,uint8 operation,uint256 safeTxGas,"
    b"uint256 baseGas,uint256 gasPrice,address gasToken,address refundReceiver,uint256 nonce)"
)
_PERSONAL = b"\x19Ethereum Signed Message:\n32"
_LEGACY_FIELDS = 9
_V_OFFSET = 35  # EIP-155: v = 35 + 2 x chain id + recovery id
_SAFE_V_OFFSET = 4  # a Safe reads a v of 31 or 32 as one over the personal message


class RawTransaction(msgspec.Struct, frozen=True):
    """A transaction as its sender signed it; ``sender`` is who did."""

    sender: str
    nonce: int
    call: Call
    hash: str


def batch_signer(
    wallet: str, nonce: int, deadline_s: int, calls: Sequence[Call], signature: bytes
) -> str:
    """Return who signed a deposit wallet's batch.

    Raises:
        ValueError: not a signature, or an address that is none.
    """
    domain = keccak256(
        _WALLET_DOMAIN_HASH
        + keccak256(b"DepositWallet")
        + keccak256(b"1")
        + _word(CHAIN_ID)
        + _address(wallet)
    )
    hashes = b"".join(
        keccak256(_CALL_HASH + _address(one.target) + _word(one.value) + keccak256(one.data))
        for one in calls
    )
    batch = keccak256(
        _BATCH_HASH + _address(wallet) + _word(nonce) + _word(deadline_s) + keccak256(hashes)
    )
    return recover_address(keccak256(b"\x19\x01" + domain + batch), signature)


def safe_signer(safe: str, nonce: int, operation: int, call: Call, signature: bytes) -> str:
    """Return who signed a Safe's transaction as a personal message; ValueError as above."""
    domain = keccak256(_SAFE_DOMAIN_HASH + _word(CHAIN_ID) + _address(safe))
    hashed = keccak256(
        _SAFE_TX_HASH
        + _address(call.target)
        + _word(call.value)
        + keccak256(call.data)
        + _word(operation)
        + bytes(5 * 32)  # gas is nobody's here: three amounts and two addresses of zero
        + _word(nonce)
    )
    if len(signature) != SIGNATURE_BYTES or signature[-1] < _SAFE_V_OFFSET:
        raise ValueError("not a Safe's signature")
    plain = signature[:-1] + bytes([signature[-1] - _SAFE_V_OFFSET])
    digest = keccak256(b"\x19\x01" + domain + hashed)
    return recover_address(keccak256(_PERSONAL + digest), plain)


def proxy_signer(
    owner: str, factory: str, data: bytes, gas_limit: int, nonce: int, relay: str, signature: bytes
) -> str:
    """Return who signed a proxy wallet's relayed call; fee and gas price are zero.

    Raises:
        ValueError: as above.
    """
    digest = keccak256(
        b"rlx:"
        + address_bytes(owner)
        + address_bytes(factory)
        + data
        + _word(0)
        + _word(0)
        + _word(gas_limit)
        + _word(nonce)
        + address_bytes(RELAY_HUB)
        + address_bytes(relay)
    )
    return recover_address(keccak256(_PERSONAL + digest), signature)


def raw_transaction(raw: bytes) -> RawTransaction:
    """Return a legacy transaction and who sent it; other types are not known here.

    Raises:
        ValueError: it cannot be read, creates a contract, is of another chain, or nobody signed it.
    """
    try:
        fields = rlp.decode(raw)
    except (RLPException, RecursionError) as error:
        raise ValueError("the transaction cannot be read") from error
    if (
        not isinstance(fields, list)
        or len(fields) != _LEGACY_FIELDS
        or not all(isinstance(one, bytes) and len(one) <= len(raw) for one in fields)
    ):
        raise ValueError("transaction type not supported")
    nonce, _, _, target, value, data, v, r, s = fields
    recovery = int.from_bytes(v, "big") - _V_OFFSET - 2 * CHAIN_ID
    if recovery not in (0, 1):
        raise ValueError("invalid chain id for signer")
    if len(target) != 20 or max(len(nonce), len(value), len(r), len(s)) > 32:
        raise ValueError("the transaction cannot be read")
    signed = keccak256(rlp.encode([*fields[:6], CHAIN_ID, b"", b""]))
    signature = r.rjust(32, b"\0") + s.rjust(32, b"\0") + bytes([27 + recovery])
    return RawTransaction(
        sender=recover_address(signed, signature),
        nonce=int.from_bytes(nonce, "big"),
        call=Call(checksum_address(target), data, int.from_bytes(value, "big")),
        hash="0x" + keccak256(raw).hex(),
    )


def _word(number: int) -> bytes:
    if not 0 <= number < 2**256:
        raise ValueError("no uint256")
    return number.to_bytes(32)


def _address(address: str) -> bytes:
    return bytes(12) + address_bytes(address)
