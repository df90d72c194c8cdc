"""What the Data façade has to know of accounts: positions, cash, trades, activity.

Whoever keeps accounts implements :class:`AccountBooks`; wallets are addresses as the venue
writes them and are compared without regard to case.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from polyframe.events import Side

ActivityKind = Literal[
    "TRADE", "SPLIT", "MERGE", "REDEEM", "REWARD", "CONVERSION", "DEPOSIT", "WITHDRAWAL",
    "MAKER_REBATE", "TAKER_REBATE",
]  # fmt: skip


class HeldPosition(msgspec.Struct, frozen=True, kw_only=True):
    """One token in one wallet, also after it was sold or redeemed.

    ``size_e6`` micro-shares held now; ``bought_e6`` ever bought. ``cost_e12`` is what the
    shares held now were bought for, ``fees_e12`` the taker fees of it, ``realised_e12`` the
    profit of what was sold or redeemed, all in 1e-12 USD. Instants are UTC ns.
    """

    token_id: str
    market_id: str
    size_e6: int
    bought_e6: int
    cost_e12: int
    fees_e12: int
    realised_e12: int
    first_ns: int
    last_ns: int

    @property
    def average_price(self) -> float:
        """What one of the shares held now cost, USD; 0 when none is held."""
        return self.cost_e12 / self.size_e6 / 1e6 if self.size_e6 else 0.0


class WalletTrade(msgspec.Struct, frozen=True, kw_only=True):
    """One wallet's side of one settled trade: its own token, side and price."""

    trade_id: str
    wallet: str
    market_id: str
    token_id: str
    side: Side
    price_e4: int
    size_e6: int
    fee_e12: int
    is_taker: bool
    ts_ns: int
    transaction_hash: str = ""


class WalletActivity(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to a wallet; ``token_id`` and ``market_id`` may be empty."""

    kind: ActivityKind
    wallet: str
    market_id: str = ""
    token_id: str = ""
    side: Side | None = None
    price_e4: int = 0
    size_e6: int = 0
    amount_e12: int = 0
    fee_e12: int = 0
    ts_ns: int
    transaction_hash: str = ""


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a token contract's assets a contract may move for a wallet, in base units.

    An ERC-1155 approval is 0 or 2**256 - 1.
    """

    token: str
    spender: str
    amount: int


class AccountBooks(Protocol):
    """Accounts, for reading. An unknown wallet has nothing."""

    def wallets(self) -> Sequence[str]:
        """Return every wallet that ever held something, in order of appearance."""
        ...

    def cash_e12(self, wallet: str) -> int:
        """Return settled collateral in 1e-12 USD."""
        ...

    def positions(self, wallet: str) -> Sequence[HeldPosition]:
        """Return every token the wallet holds or held."""
        ...

    def trades(self) -> Sequence[WalletTrade]:
        """Return every wallet's sides of settled trades, oldest first."""
        ...

    def activity(self, wallet: str) -> Sequence[WalletActivity]:
        """Return what happened to a wallet, trades included, oldest first."""
        ...

    def approvals(self, wallet: str) -> Sequence[Approval]:
        """Return the wallet's approvals; what is not among them is given without limit."""
        ...


class NoAccounts:
    """The accounts of an exchange that keeps none (a recording)."""

    def wallets(self) -> Sequence[str]:
        """Nobody."""
        return ()

    def cash_e12(self, wallet: str) -> int:
        """Nothing."""
        return 0

    def positions(self, wallet: str) -> Sequence[HeldPosition]:
        """Nothing."""
        return ()

    def trades(self) -> Sequence[WalletTrade]:
        """Nothing."""
        return ()

    def activity(self, wallet: str) -> Sequence[WalletActivity]:
        """Nothing."""
        return ()

    def approvals(self, wallet: str) -> Sequence[Approval]:
        """Nothing is asked of nobody."""
        return ()


class FrozenBooks(NoAccounts):
    """Accounts as they were at one moment, for a façade that lags."""

    def __init__(self, books: AccountBooks) -> None:
        self._wallets = tuple(books.wallets())
        known = [(wallet.lower(), wallet) for wallet in self._wallets]
        self._cash = {key: books.cash_e12(wallet) for key, wallet in known}
        self._positions = {key: tuple(books.positions(wallet)) for key, wallet in known}
        self._activity = {key: tuple(books.activity(wallet)) for key, wallet in known}
        self._approvals = {key: tuple(books.approvals(wallet)) for key, wallet in known}
        self._trades = tuple(books.trades())

    def wallets(self) -> Sequence[str]:
        """Return the wallets of that moment."""
        return self._wallets

    def cash_e12(self, wallet: str) -> int:
        """Return the cash of that moment."""
        return self._cash.get(wallet.lower(), 0)

    def positions(self, wallet: str) -> Sequence[HeldPosition]:
        """Return the positions of that moment."""
        return self._positions.get(wallet.lower(), ())

    def trades(self) -> Sequence[WalletTrade]:
        """Return the trades up to that moment."""
        return self._trades

    def activity(self, wallet: str) -> Sequence[WalletActivity]:
        """Return the activity up to that moment."""
        return self._activity.get(wallet.lower(), ())

    def approvals(self, wallet: str) -> Sequence[Approval]:
        """Return the approvals of that moment."""
        return self._approvals.get(wallet.lower(), ())
