"""Addresses of the wallets the venue deploys for a signer, by CREATE2 (venue.md 1.5); pure.

Factories and bytecodes are those of the official client 0.14.0; tests compare with its own
derivations. A deposit wallet has been deployed behind two kinds of proxy, so there are two.
"""

from __future__ import annotations

from polyframe.polymarket import contracts
from polyframe.polymarket.keys import address_bytes, checksum_address, keccak256
from polyframe.polymarket.order_signing import SignatureType

_PROXY_FACTORY = address_bytes(contracts.PROXY_FACTORY)
_PROXY_IMPLEMENTATION = address_bytes("0x44e999d5c2F66Ef0861317f9A4805AC2e90aEB4f")
_SAFE_FACTORY = address_bytes("0xaacFeEa03eb1561C4e67d661e40682Bd20E3541b")
_SAFE_CODE_HASH = bytes.fromhex("2bce2127ff07fb632d16c8347c4ebf501f4841168bed00d9e6ef715ddb6fcecf")
_DEPOSIT_FACTORY = address_bytes(contracts.DEPOSIT_WALLET_FACTORY)
_DEPOSIT_IMPLEMENTATION = address_bytes("0x58CA52ebe0DadfdF531Cde7062e76746de4Db1eB")
_DEPOSIT_BEACON = address_bytes("0x7A18EDfe055488A3128f01F563e5B479D92ffc3a")

_PROXY_CODE = (
    bytes.fromhex("3d3d606380380380913d393d73")
    + _PROXY_FACTORY
    + bytes.fromhex("5af4602a57600080fd5b602d8060366000396000f3363d3d373d3d3d363d73")
    + _PROXY_IMPLEMENTATION
    + bytes.fromhex("5af43d82803e903d91602b57fd5bf352e831dd")
    + (32).to_bytes(32)
    + bytes(32)
)
# The creation codes carry the length of their arguments in their first ten bytes.
_UUPS_PREFIX = 0x61003D3D8160233D3973
_UUPS_CODE = _DEPOSIT_IMPLEMENTATION + bytes.fromhex(
    "6009"
    "5155f3363d3d373d3d363d7f360894a13ba1a3210667c828492db98dca3e2076"
    "cc3735a920a3ca505d382bbc545af43d6000803e6038573d6000fd5b3d6000f3"
)
_BEACON_PREFIX = 0x6100523D8160233D3973
_BEACON_CODE = _DEPOSIT_BEACON + bytes.fromhex(
    "60195155f3363d3d373d3d363d602036600436635c60da"
    "1b60e01b36527fa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6c"
    "b3582b35133d50545afa5036515af43d6000803e604d573d6000fd5b3d6000f3"
)


def proxy_wallet(signer: str) -> str:
    """Return the address of a signer's proxy wallet (signature type 1).

    Raises:
        ValueError: ``signer`` is no address.
    """
    return _create2(_PROXY_FACTORY, keccak256(address_bytes(signer)), keccak256(_PROXY_CODE))


def safe_wallet(signer: str) -> str:
    """Return the address of a signer's Safe (signature type 2); ValueError as above."""
    return _create2(_SAFE_FACTORY, keccak256(bytes(12) + address_bytes(signer)), _SAFE_CODE_HASH)


def deposit_wallets(signer: str) -> tuple[str, str]:
    """Return the addresses a signer's deposit wallet (signature type 3) may have.

    The one behind the factory's beacon comes first, then the older one behind its own proxy.
    Which of them a new account gets only the chain can say. ValueError as above.
    """
    arguments = bytes(12) + _DEPOSIT_FACTORY + bytes(12) + address_bytes(signer)
    salt = keccak256(arguments)
    found = [
        _create2(
            _DEPOSIT_FACTORY,
            salt,
            keccak256((prefix + (len(arguments) << 56)).to_bytes(10) + code + arguments),
        )
        for prefix, code in ((_BEACON_PREFIX, _BEACON_CODE), (_UUPS_PREFIX, _UUPS_CODE))
    ]
    return found[0], found[1]


def wallet_type(signer: str, wallet: str) -> SignatureType | None:
    """Return what kind of wallet of this signer an address is, None if it is none of them.

    Raises:
        ValueError: one of the two is no address.
    """
    asked = checksum_address(address_bytes(wallet))
    if asked == checksum_address(address_bytes(signer)):
        return SignatureType.EOA
    if asked in deposit_wallets(signer):
        return SignatureType.DEPOSIT_WALLET
    if asked == proxy_wallet(signer):
        return SignatureType.POLY_PROXY
    return SignatureType.GNOSIS_SAFE if asked == safe_wallet(signer) else None


def _create2(factory: bytes, salt: bytes, code_hash: bytes) -> str:
    return checksum_address(keccak256(b"\xff" + factory + salt + code_hash)[12:])
