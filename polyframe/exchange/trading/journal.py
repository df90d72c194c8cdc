"""What happened to each wallet, entry by entry, and the positions that follow from it.

The Data façade reads accounts here (:class:`~polyframe.exchange.account_books.AccountBooks`). A
position is the fold of its entries at average cost; a reverted trade's entry is taken out, so that
no history has to be undone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from polyframe.events import Side
from polyframe.exchange.account_books import (
    ActivityKind,
    Approval,
    HeldPosition,
    WalletActivity,
    WalletTrade,
)
from polyframe.exchange.trading.accounts import CASH, Wallet
from polyframe.exchange.trading.allowances import MOST, Allowances
from polyframe.exchange.trading.settlement import Trade
from polyframe.money import notional_e12
from polyframe.polymarket.contracts import COLLATERAL, COLLATERAL_SPENDERS, TOKEN_OPERATORS


class _Position(msgspec.Struct):
    market_id: str
    size_e6: int = 0
    bought_e6: int = 0
    cost_e12: int = 0
    fees_e12: int = 0
    realised_e12: int = 0
    first_ns: int = 0
    last_ns: int = 0


class Journal:
    """The entries of every wallet.

    Args:
        wallets: by lower-case address, shared with custody.
        allowances: what contracts may move, shared with custody.
    """

    def __init__(self, wallets: Mapping[str, Wallet], allowances: Allowances) -> None:
        self._wallets = wallets
        self._allowances = allowances
        self._entries: dict[str, list[WalletActivity]] = {}
        self._trades: dict[str, tuple[WalletTrade, ...]] = {}

    # --- writing ---------------------------------------------------------------------

    def settled(self, trade: Trade, now_ns: int) -> None:
        """Note a trade that moved money."""
        self._trades[trade.trade_id] = tuple(
            WalletTrade(
                trade_id=trade.trade_id,
                wallet=leg.wallet.address,
                market_id=trade.market_id,
                token_id=leg.token_id,
                side=leg.side,
                price_e4=leg.price_e4,
                size_e6=leg.size_e6,
                fee_e12=leg.fee_e12,
                is_taker=leg is trade.taker,
                ts_ns=trade.matched_ns,
                transaction_hash=trade.transaction_hash,
            )
            for leg in trade.legs
            if leg.wallet is not None
        )

    def reverted(self, trade: Trade) -> None:
        """Forget a trade whose money went back."""
        self._trades.pop(trade.trade_id, None)

    def note(
        self,
        kind: ActivityKind,
        wallet: str,
        now_ns: int,
        *,
        market_id: str = "",
        token_id: str = "",
        size_e6: int = 0,
        amount_e12: int = 0,
        transaction_hash: str = "",
    ) -> None:
        """Note what is no trade; ``token_id`` is empty where both tokens of a market are meant."""
        entry = WalletActivity(
            kind=kind, wallet=wallet, market_id=market_id, token_id=token_id, size_e6=size_e6,
            amount_e12=amount_e12, ts_ns=now_ns, transaction_hash=transaction_hash,
        )  # fmt: skip
        self._entries.setdefault(wallet.lower(), []).append(entry)

    # --- AccountBooks ----------------------------------------------------------------

    def wallets(self) -> Sequence[str]:
        """Return every wallet, in order of appearance."""
        return [wallet.address for wallet in self._wallets.values()]

    def cash_e12(self, wallet: str) -> int:
        """Return settled collateral in 1e-12 USD."""
        known = self._wallets.get(wallet.lower())
        return 0 if known is None else known.holding(CASH).balance

    def trades(self) -> Sequence[WalletTrade]:
        """Return every wallet's sides of settled trades, oldest first."""
        return [side for sides in self._trades.values() for side in sides]

    def activity(self, wallet: str) -> Sequence[WalletActivity]:
        """Return what happened to a wallet, trades included, oldest first."""
        key = wallet.lower()
        entries = list(self._entries.get(key, ()))
        entries += [_as_activity(one) for one in self.trades() if one.wallet.lower() == key]
        return sorted(entries, key=lambda entry: entry.ts_ns)

    def approvals(self, wallet: str) -> Sequence[Approval]:
        """Return the wallet's approvals that are not without limit."""
        pairs = [(COLLATERAL, spender) for spender in COLLATERAL_SPENDERS]
        return [
            Approval(token=token, spender=spender, amount=amount)
            for token, spender in (*pairs, *TOKEN_OPERATORS)
            if (amount := self._allowances.amount(wallet, token, spender)) < MOST
        ]

    def positions(self, wallet: str) -> Sequence[HeldPosition]:
        """Return every token the wallet holds or held, at average cost."""
        found: dict[str, _Position] = {}
        for entry in self.activity(wallet):
            if entry.token_id:
                at = found.setdefault(
                    entry.token_id, _Position(entry.market_id, first_ns=entry.ts_ns)
                )
                _apply(at, entry)
        return [
            HeldPosition(
                token_id=token_id, market_id=at.market_id, size_e6=at.size_e6,
                bought_e6=at.bought_e6, cost_e12=at.cost_e12, fees_e12=at.fees_e12,
                realised_e12=at.realised_e12, first_ns=at.first_ns, last_ns=at.last_ns,
            )
            for token_id, at in found.items()
        ]  # fmt: skip


def _as_activity(trade: WalletTrade) -> WalletActivity:
    return WalletActivity(
        kind="TRADE", wallet=trade.wallet, market_id=trade.market_id, token_id=trade.token_id,
        side=trade.side, price_e4=trade.price_e4, size_e6=trade.size_e6,
        amount_e12=notional_e12(trade.price_e4, trade.size_e6), ts_ns=trade.ts_ns,
        transaction_hash=trade.transaction_hash, fee_e12=trade.fee_e12,
    )  # fmt: skip


def _apply(at: _Position, entry: WalletActivity) -> None:
    """Fold one entry into a position: what comes in adds its cost, what leaves its average."""
    at.last_ns = entry.ts_ns
    comes_in = entry.side is Side.BUY or entry.kind in ("SPLIT", "DEPOSIT")
    if comes_in:
        at.size_e6 += entry.size_e6
        at.bought_e6 += entry.size_e6
        at.cost_e12 += entry.amount_e12
        at.fees_e12 += entry.fee_e12
        return
    size_e6 = min(entry.size_e6, at.size_e6)
    cost_e12 = at.cost_e12 * size_e6 // at.size_e6 if at.size_e6 else 0
    at.size_e6 -= size_e6
    at.cost_e12 -= cost_e12
    at.realised_e12 += entry.amount_e12 - entry.fee_e12 - cost_e12
