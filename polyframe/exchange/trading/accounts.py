"""Wallets: what they hold on chain, what open orders reserve, what matched trades still owe.

Three layers, as on the venue (venue.md 4.5). ``balance`` moves only when a trade settles;
``reserved`` is promised to open orders; ``owed`` is promised to trades that were matched and
not yet mined ("sum of matched orders"). What a new order may use is the balance less both.
Cash is in 1e-12 USD and tokens in micro-shares, so nothing is ever rounded.
"""

from __future__ import annotations

import msgspec

from polyframe.money import SHARE_E6, USD_E12

CASH = ""
"""The asset name of collateral; every other asset is a token id."""

_BASE_UNIT_E12 = USD_E12 // SHARE_E6  # collateral has six decimals


class Holding(msgspec.Struct):
    """One asset of a wallet: 1e-12 USD of collateral, or micro-shares of a token.

    ``incoming`` is what matched trades will bring when they settle. ``shown`` is the balance
    as the venue's cache last saw it, which lags when a balance lag is set.
    """

    balance: int = 0
    reserved: int = 0
    owed: int = 0
    incoming: int = 0
    shown: int = 0
    shown_ns: int = 0


class Wallet:
    """An address that holds collateral and tokens (``maker`` of an order).

    Args:
        address: as the venue writes it.
        cash_e12: what it starts with.
    """

    def __init__(self, address: str, cash_e12: int) -> None:
        self.address = address
        self.holdings: dict[str, Holding] = {CASH: Holding(cash_e12, shown=cash_e12)}
        self.fees_paid_e12 = 0

    def holding(self, asset: str) -> Holding:
        """Return an asset's holding, an empty one for an asset never seen."""
        held = self.holdings.get(asset)
        if held is None:
            held = self.holdings[asset] = Holding()
        return held

    def add(self, asset: str, amount: int, now_ns: int, lag_ns: int = 0) -> None:
        """Change a settled balance; ``amount`` may be negative.

        With a lag the venue's cache keeps what it was for so long.
        """
        held = self.refresh(asset, now_ns, lag_ns)
        held.balance += amount
        if not lag_ns:
            held.shown = held.balance

    def refresh(self, asset: str, now_ns: int, lag_ns: int) -> Holding:
        """Return an asset's holding after the venue's cache has aged."""
        held = self.holding(asset)
        if now_ns - held.shown_ns >= lag_ns:
            held.shown, held.shown_ns = held.balance, now_ns
        return held


def base_units(asset: str, amount: int) -> int:
    """Return an amount in the chain's base units, six decimals, rounded down."""
    return amount // _BASE_UNIT_E12 if asset == CASH else amount


def shortage(held: Holding, amount: int, *, counts_incoming: bool) -> str:
    """Return the venue's text when a holding does not cover a new order, else an empty string.

    Args:
        held: the holding the order draws on.
        amount: what the order may cost, fees included, in the holding's unit.
        counts_incoming: whether matched trades' proceeds may be used before they settle.
    """
    usable = held.shown + (held.incoming if counts_incoming else 0)
    return "" if held.reserved + held.owed + amount <= usable else _BALANCE


def balance_text(asset: str, held: Holding, amount: int) -> str:
    """Return the detailed refusal in base units (venue.md 2.9)."""
    numbers = (base_units(asset, one) for one in (held.shown, held.reserved, held.owed, amount))
    balance, active, matched, order = numbers
    return (
        f"{_BALANCE}: the balance is not enough -> balance: {balance}, sum of active orders: "
        f"{active}, sum of matched orders: {matched}, order amount (inc. fees): {order}"
    )


def allowance_text(asset: str, held: Holding, amount: int, spender: str) -> str:
    """Return the refusal of an order whose spender has no allowance (venue.md 2.9)."""
    return (
        f"{_BALANCE}: the allowance is not enough -> spender: {spender}, allowance: 0, sum of "
        f"matched orders: {base_units(asset, held.owed)}, order amount (inc. fees): "
        f"{base_units(asset, amount)}"
    )


_BALANCE = "not enough balance / allowance"
