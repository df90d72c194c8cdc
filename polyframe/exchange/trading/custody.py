"""Every wallet of the exchange, and what moves its holdings without an order.

Funding, merging and splitting pairs, redeeming what a resolved market pays (venue.md 6.5).
"""

from __future__ import annotations

from polyframe.errors import VenueError
from polyframe.exchange.account_books import ActivityKind
from polyframe.exchange.trading.accounts import CASH, Wallet
from polyframe.exchange.trading.journal import Journal
from polyframe.money import PRICE_ONE_E4, notional_e12

AUTO_REDEEM_NS = 60 * 10**9
"""How long after a resolution the venue's redeemer comes, in market time."""


class Custody:
    """The wallets by address; an address never seen before holds ``funds_e12`` of collateral."""

    def __init__(self, funds_e12: int) -> None:
        self.wallets: dict[str, Wallet] = {}
        self.payouts_e6: dict[str, tuple[int, int]] = {}
        self.refused_spenders: dict[str, None] = {}
        self.journal = Journal(self.wallets, self.refused_spenders)
        self._funds_e12 = funds_e12
        self._tokens: dict[str, tuple[str, str]] = {}

    def wallet(self, address: str) -> Wallet:
        """Return an address's wallet; its case does not matter."""
        key = address.lower()
        wallet = self.wallets.get(key)
        if wallet is None:
            wallet = self.wallets[key] = Wallet(address, self._funds_e12)
        return wallet

    def set_allowance(self, spender: str, is_given: bool) -> None:
        """Let a contract move every wallet's money, as at first, or no longer."""
        if is_given:
            self.refused_spenders.pop(spender, None)
        else:
            self.refused_spenders[spender] = None

    def fund(self, address: str, asset: str, amount: int, now_ns: int, market_id: str = "") -> None:
        """Put collateral (1e-12 USD) or a market's tokens (micro-shares) into a wallet.

        A negative amount is a withdrawal; the orders it leaves uncovered are the desk's matter.
        """
        self.wallet(address).add(asset, amount, now_ns)
        kind: ActivityKind = "DEPOSIT" if amount > 0 else "WITHDRAWAL"
        self.journal.note(
            kind, address, now_ns, market_id=market_id, token_id=asset,
            size_e6=abs(amount) if asset else 0, amount_e12=0 if asset else abs(amount),
        )  # fmt: skip

    def pay(self, address: str, kind: ActivityKind, amount_e12: int, now_ns: int) -> None:
        """Credit what the venue pays: a reward or a rebate."""
        self.wallet(address).add(CASH, amount_e12, now_ns)
        self.journal.note(kind, address, now_ns, amount_e12=amount_e12)

    def merge(
        self,
        address: str,
        market_id: str,
        token_ids: tuple[str, str],
        size_e6: int,
        now_ns: int,
    ) -> None:
        """Burn ``size_e6`` pairs for collateral; a negative size mints them from collateral.

        Raises:
            VenueError: the wallet has not enough of what is given, reserved and owed apart.
        """
        wallet = self.wallet(address)
        cash_e12 = notional_e12(PRICE_ONE_E4, size_e6)
        given = dict.fromkeys(token_ids, size_e6) if size_e6 > 0 else {CASH: -cash_e12}
        for asset, amount in given.items():
            held = wallet.holding(asset)
            if held.balance - held.reserved - held.owed < amount:
                raise VenueError(f"{address} has too little that is free to merge or split")
        kind: ActivityKind = "MERGE" if size_e6 > 0 else "SPLIT"
        for token_id in token_ids:
            wallet.add(token_id, -size_e6, now_ns)
            self.journal.note(
                kind, address, now_ns, market_id=market_id, token_id=token_id,
                size_e6=abs(size_e6), amount_e12=abs(cash_e12) // 2,
            )  # fmt: skip
        wallet.add(CASH, cash_e12, now_ns)

    def resolve(
        self, market_id: str, token_ids: tuple[str, str], payouts_e6: tuple[int, int]
    ) -> None:
        """Note what one share of each token of a market pays from now on, in 1e-6 USD."""
        self._tokens[market_id] = token_ids
        self.payouts_e6[market_id] = payouts_e6

    def redeem(self, address: str, market_id: str, now_ns: int) -> int:
        """Turn a wallet's shares of a resolved market into collateral; return it in 1e-12 USD.

        Raises:
            VenueError: the market is not resolved.
        """
        if market_id not in self.payouts_e6:
            raise VenueError(f"market {market_id} is not resolved")
        wallet, paid_e12 = self.wallet(address), 0
        pairs = zip(self._tokens[market_id], self.payouts_e6[market_id], strict=True)
        for token_id, payout_e6 in pairs:
            held = wallet.holding(token_id)
            size_e6 = held.balance - held.owed  # what was sold and is not yet mined is the buyer's
            if size_e6 > 0:
                wallet.add(token_id, -size_e6, now_ns)
                paid_e12 += size_e6 * payout_e6
                self.journal.note(
                    "REDEEM", address, now_ns, market_id=market_id, token_id=token_id,
                    size_e6=size_e6, amount_e12=size_e6 * payout_e6,
                )  # fmt: skip
        if paid_e12:
            wallet.add(CASH, paid_e12, now_ns)
        return paid_e12

    def redeem_all(self, market_id: str, now_ns: int) -> None:
        """Redeem a resolved market for every wallet, as the venue's operator does."""
        for address in list(self.wallets):
            self.redeem(address, market_id, now_ns)
