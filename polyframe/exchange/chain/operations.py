"""What a wallet's calls do to its holdings and allowances: all of them, or none; pure.

A chain knows nothing of the venue's orders: what open ones reserve may be merged, and the venue
cancels what is no longer covered. What matched trades still owe stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from polyframe.exchange.chain.calls import Approve, Call, Convert, Redeem, Revert, operation_of
from polyframe.exchange.source import MarketTerms
from polyframe.exchange.trading.accounts import CASH
from polyframe.exchange.trading.desk import OrderDesk
from polyframe.money import PRICE_ONE_E4, notional_e12
from polyframe.polymarket.contracts import COLLATERAL, converter_contract, token_contract

Effect = Callable[[int, str], None]


class Operations:
    """The calls of one transaction of one wallet, checked one after the other.

    Args:
        desk: whose custody the wallet is in.
        wallet: its address.
        calls: in their order; each sees what the ones before it changed.

    Raises:
        Revert: a call cannot be done; then none is.
    """

    def __init__(self, desk: OrderDesk, wallet: str, calls: Sequence[Call]) -> None:
        self._desk = desk
        self._wallet = wallet
        self._changed: dict[str, int] = {}
        self._granted: dict[tuple[str, str], int] = {}
        self._effects: list[Effect] = []
        for call in calls:
            match operation_of(call):
                case Approve() as approve:
                    self._approve(approve)
                case Convert() as convert:
                    self._convert(convert)
                case Redeem() as redeem:
                    self._redeem(redeem)

    def apply(self, now_ns: int, transaction_hash: str) -> None:
        """Do it all, and let the desk cancel orders that are no longer covered."""
        for effect in self._effects:
            effect(now_ns, transaction_hash)
        wallet = self._desk.custody.wallet(self._wallet)
        for asset, change in self._changed.items():
            if change < 0:
                self._desk.cancel_uncovered(wallet, asset, now_ns)

    def _approve(self, approve: Approve) -> None:
        self._granted[approve.token.lower(), approve.spender.lower()] = approve.amount
        allowances, wallet = self._desk.custody.allowances, self._wallet
        self._effects.append(
            lambda _now, _hash: allowances.grant(
                wallet, approve.token, approve.spender, approve.amount
            )
        )

    def _convert(self, convert: Convert) -> None:
        terms = self._terms(convert.target, convert.market_id)
        size_e6, cash_e12 = convert.size_e6, notional_e12(PRICE_ONE_E4, convert.size_e6)
        if size_e6 < 0:
            self._need_allowance(COLLATERAL, convert.target, -size_e6)
            self._take(CASH, -cash_e12, "ERC20: transfer amount exceeds balance")
        else:
            self._need_allowance(token_contract(terms.version), convert.target, size_e6)
            for token_id in terms.token_ids:
                self._take(token_id, size_e6, "ERC1155: insufficient balance for transfer")
        for token_id in terms.token_ids if size_e6 < 0 else ():
            self._give(token_id, -size_e6)
        self._give(CASH, max(0, cash_e12))
        if size_e6:
            custody, wallet = self._desk.custody, self._wallet
            self._effects.append(
                lambda now_ns, told: custody.merge(
                    wallet, terms.market_id, terms.token_ids, size_e6, now_ns,
                    past_orders=True, transaction_hash=told,
                )
            )  # fmt: skip

    def _redeem(self, redeem: Redeem) -> None:
        terms = self._terms(redeem.target, redeem.market_id)
        custody, wallet = self._desk.custody, self._wallet
        payouts_e6 = custody.payouts_e6.get(terms.market_id)
        if payouts_e6 is None:
            raise Revert("result for condition not received yet")
        is_all = redeem.outcome_index is None
        for index in (0, 1) if redeem.outcome_index is None else (redeem.outcome_index,):
            token_id = terms.token_ids[index]
            size_e6 = max(0, self._free(token_id)) if is_all else redeem.size_e6
            if not size_e6:
                continue
            self._need_allowance(token_contract(terms.version), redeem.target, size_e6)
            self._take(token_id, size_e6, "ERC1155: insufficient balance for transfer")
            self._give(CASH, size_e6 * payouts_e6[index])
            self._effects.append(
                _redeeming(custody.redeem, wallet, terms.market_id, token_id, size_e6)
            )

    def _terms(self, target: str, market_id: str) -> MarketTerms:
        """Return a market's terms if it is this contract that converts its tokens."""
        terms = self._desk.terms_of_market(market_id)
        if terms is None:
            raise Revert("condition not prepared yet")
        if converter_contract(terms.version, neg_risk=terms.neg_risk).lower() != target.lower():
            raise Revert("the condition is another contract's")
        return terms

    def _need_allowance(self, token: str, spender: str, amount: int) -> None:
        granted = self._granted.get((token.lower(), spender.lower()))
        if granted is None:
            granted = self._desk.custody.allowances.amount(self._wallet, token, spender)
        if granted < amount:
            is_cash = token == COLLATERAL
            raise Revert(
                "ERC20: insufficient allowance"
                if is_cash
                else "ERC1155: caller is not token owner or approved"
            )

    def _free(self, asset: str) -> int:
        held = self._desk.custody.wallet(self._wallet).holding(asset)
        return held.balance - held.owed + self._changed.get(asset, 0)

    def _take(self, asset: str, amount: int, reason: str) -> None:
        if self._free(asset) < amount:
            raise Revert(reason)
        self._changed[asset] = self._changed.get(asset, 0) - amount

    def _give(self, asset: str, amount: int) -> None:
        self._changed[asset] = self._changed.get(asset, 0) + amount


def _redeeming(
    redeem: Callable[..., int], wallet: str, market_id: str, token_id: str, size_e6: int
) -> Effect:
    def effect(now_ns: int, told: str) -> None:
        redeem(wallet, market_id, now_ns, token_id=token_id, most_e6=size_e6, transaction_hash=told)

    return effect
