"""What signing an order costs: our encoding by hand against eth-account's general one.

Both sign the same order with the same key over coincurve; the bytes must be equal. Goal P18:
at most 0.3 of eth-account's time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from eth_account import Account
from eth_account.messages import encode_typed_data

from polyframe.events import Side
from polyframe.polymarket.keys import PrivateKey
from polyframe.polymarket.order_signing import (
    CHAIN_ID,
    Exchange,
    Order,
    SignatureType,
    order_id,
    sign_order,
)

_KEY = (1).to_bytes(32)
_FIELDS = (
    ("salt", "uint256"), ("maker", "address"), ("signer", "address"), ("tokenId", "uint256"),
    ("makerAmount", "uint256"), ("takerAmount", "uint256"), ("side", "uint8"),
    ("signatureType", "uint8"), ("timestamp", "uint256"), ("metadata", "bytes32"),
    ("builder", "bytes32"),
)  # fmt: skip


def an_order(key: PrivateKey, salt: int) -> Order:
    """Return an order that only its salt tells from the others."""
    return Order(
        salt=salt, maker=key.address, signer=key.address, token_id=str(2**255 + salt),
        maker_amount=5_200_000, taker_amount=10_000_000, side=Side.BUY,
        signature_type=SignatureType.EOA, timestamp_ms=1_782_753_357_257,
    )  # fmt: skip


def by_hand(key: PrivateKey, order: Order) -> bytes:
    """Sign and name an order as polyframe does."""
    order_id(order, Exchange.STANDARD)
    return sign_order(order, Exchange.STANDARD, key)


def by_library(order: Order) -> bytes:
    """Sign an order as a client without an encoder of its own does."""
    message = {
        "salt": order.salt, "maker": order.maker, "signer": order.signer,
        "tokenId": int(order.token_id), "makerAmount": order.maker_amount,
        "takerAmount": order.taker_amount, "side": 0, "signatureType": 0,
        "timestamp": order.timestamp_ms, "metadata": order.metadata, "builder": order.builder,
    }  # fmt: skip
    domain = {
        "name": "Polymarket CTF Exchange", "version": "2", "chainId": CHAIN_ID,
        "verifyingContract": Exchange.STANDARD.contract,
    }  # fmt: skip
    types = {"Order": [{"name": name, "type": kind} for name, kind in _FIELDS]}
    encoded = encode_typed_data(domain, types, message)
    return bytes(Account.sign_message(encoded, _KEY).signature)


def timed_us(sign: Callable[[Order], bytes], orders: list[Order]) -> float:
    """Return microseconds an order."""
    began = time.perf_counter()
    for order in orders:
        sign(order)
    return (time.perf_counter() - began) / len(orders) * 1e6


def main() -> None:
    """Time both in turn and print medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--orders", type=int, default=200)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    key = PrivateKey(_KEY)
    orders = [an_order(key, salt) for salt in range(1, options.orders + 1)]
    if any(by_hand(key, order) != by_library(order) for order in orders[:20]):
        raise SystemExit("the two signatures differ: nothing to compare")
    ours, library = [], []
    for _ in range(options.rounds):
        ours.append(timed_us(lambda order: by_hand(key, order), orders))
        library.append(timed_us(by_library, orders))
    figures = {
        "by_hand_us": statistics.median(ours),
        "eth_account_us": statistics.median(library),
        "ratio": statistics.median(a / b for a, b in zip(ours, library, strict=True)),
    }
    for name, value in figures.items():
        print(f"{name:<16} {value:10.3f}")
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
