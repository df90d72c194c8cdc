"""Every wallet of the exchange, and what moves its holdings without an order.

Funding, merging and splitting pairs, redeeming what a resolved market pays (venue.md 6.5).
"""

from __future__ import annotations

from polyframe.errors import VenueError
from polyframe.exchange.account_books import ActivityKind
from polyframe.exchange.trading.accounts import CASH, Wallet
from polyframe.exchange.trading.allowances import Allowances
from polyframe.exchange.trading.journal import Journal
from polyframe.money import PRICE_ONE_E4, notional_e12
from polyframe.polymarket.contracts import AUTO_REDEEMER, CONDITIONAL_TOKENS, POSITION_MANAGER

AUTO_REDEEM_NS = 60 * 10**9
"""How long after a resolution the venue's redeemer comes, in market time."""


class Custody:
    """The wallets by address; an address never seen before holds ``funds_e12`` of collateral.

    Args:
        funds_e12: see above, 1e-12 USD.
        allowances_given: whether wallets have allowed every contract from the start.
        auto_redeems: whether the venue's redeemer comes for those who allowed it to.
    """

    def __init__(
        self, funds_e12: int, *, allowances_given: bool = True, auto_redeems: bool = True
    ) -> None:
        self.wallets: dict[str, Wallet] = {}
        self.payouts_e6: dict[str, tuple[int, int]] = {}
        self.allowances = Allowances(are_given=allowances_given)
        self.auto_redeems = auto_redeems
        self.journal = Journal(self.wallets, self.allowances)
        self._funds_e12 = funds_e12
        self._tokens: dict[str, tuple[str, str]] = {}

    def wallet(self, address: str) -> Wallet:
        """Return an address's wallet; its case does not matter."""
        key = address.lower()
        wallet = self.wallets.get(key)
        if wallet is None:
            wallet = self.wallets[key] = Wallet(address, self._funds_e12)
        return wallet

    def balance(self, address: str, asset: str) -> int:
        """Return what an address holds settled, without making it known."""
        wallet = self.wallets.get(address.lower())
        if wallet is None:
            return 0 if asset else self._funds_e12
        held = wallet.holdings.get(asset)
        return 0 if held is None else held.balance

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
        *,
        past_orders: bool = False,
        transaction_hash: str = "",
    ) -> None:
        """Burn ``size_e6`` pairs for collateral; a negative size mints them from collateral.

        ``past_orders`` uses what open orders reserve too, as a chain does that knows of none:
        the caller then cancels what is no longer covered.

        Raises:
            VenueError: the wallet has not enough of what is given, reserved and owed apart.
        """
        wallet = self.wallet(address)
        cash_e12 = notional_e12(PRICE_ONE_E4, size_e6)
        given = dict.fromkeys(token_ids, size_e6) if size_e6 > 0 else {CASH: -cash_e12}
        for asset, amount in given.items():
            held = wallet.holding(asset)
            reserved = 0 if past_orders else held.reserved
            if held.balance - reserved - held.owed < amount:
                raise VenueError(f"{address} has too little that is free to merge or split")
        kind: ActivityKind = "MERGE" if size_e6 > 0 else "SPLIT"
        for token_id in token_ids:
            wallet.add(token_id, -size_e6, now_ns)
            self.journal.note(
                kind, address, now_ns, market_id=market_id, token_id=token_id,
                size_e6=abs(size_e6), amount_e12=abs(cash_e12) // 2,
                transaction_hash=transaction_hash,
            )  # fmt: skip
        wallet.add(CASH, cash_e12, now_ns)

    def resolve(
        self, market_id: str, token_ids: tuple[str, str], payouts_e6: tuple[int, int]
    ) -> None:
        """Note what one share of each token of a market pays from now on, in 1e-6 USD."""
        self._tokens[market_id] = token_ids
        self.payouts_e6[market_id] = payouts_e6

    def redeem(
        self,
        address: str,
        market_id: str,
        now_ns: int,
        *,
        token_id: str = "",
        most_e6: int | None = None,
        transaction_hash: str = "",
    ) -> int:
        """Turn a wallet's shares of a resolved market into collateral; return it in 1e-12 USD.

        Of one token only if ``token_id`` names it, and not more than ``most_e6`` micro-shares.

        Raises:
            VenueError: the market is not resolved.
        """
        if market_id not in self.payouts_e6:
            raise VenueError(f"market {market_id} is not resolved")
        wallet, paid_e12 = self.wallet(address), 0
        pairs = zip(self._tokens[market_id], self.payouts_e6[market_id], strict=True)
        for of_market, payout_e6 in pairs:
            if token_id not in ("", of_market):
                continue
            held = wallet.holding(of_market)
            size_e6 = held.balance - held.owed  # what was sold and is not yet mined is the buyer's
            size_e6 = size_e6 if most_e6 is None else min(size_e6, most_e6)
            if size_e6 > 0:
                wallet.add(of_market, -size_e6, now_ns)
                paid_e12 += size_e6 * payout_e6
                self.journal.note(
                    "REDEEM", address, now_ns, market_id=market_id, token_id=of_market,
                    size_e6=size_e6, amount_e12=size_e6 * payout_e6,
                    transaction_hash=transaction_hash,
                )  # fmt: skip
        if paid_e12:
            wallet.add(CASH, paid_e12, now_ns)
        return paid_e12

    def redeem_all(self, market_id: str, now_ns: int) -> None:
        """Redeem a resolved market for every wallet that lets the venue's operator do it."""
        if not self.auto_redeems:
            return
        # Either contract will do: whose tokens they are, the market's version says.
        for address in list(self.wallets):
            if self.allowances.is_given(
                address, CONDITIONAL_TOKENS, AUTO_REDEEMER
            ) or self.allowances.is_given(address, POSITION_MANAGER, AUTO_REDEEMER):
                self.redeem(address, market_id, now_ns)
