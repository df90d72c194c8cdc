"""Which contract may move what of which wallet (venue.md 4.5).

An allowance is for one token contract and one spender. Amounts are base units; an ERC-1155
approval is all or nothing. What is granted is not used up: official clients grant the maximum.
"""

from __future__ import annotations

from typing import Final

MOST: Final = 2**256 - 1
"""An allowance without limit, and what an ERC-1155 approval counts as."""


class Allowances:
    """The allowances of every wallet.

    ``refused`` are spenders that may move nothing at present, whatever wallets granted.

    Args:
        are_given: whether a wallet has granted everything before it says anything.
    """

    def __init__(self, *, are_given: bool = True) -> None:
        self.refused: dict[str, None] = {}
        self._first = MOST if are_given else 0
        self._granted: dict[tuple[str, str, str], int] = {}

    def amount(self, wallet: str, token: str, spender: str) -> int:
        """Return how much of a token contract's assets a spender may move, in base units."""
        if spender.lower() in self.refused:
            return 0
        return self._granted.get(_key(wallet, token, spender), self._first)

    def is_given(self, wallet: str, token: str, spender: str) -> bool:
        """Return whether a spender may move anything at all."""
        return self.amount(wallet, token, spender) > 0

    def grant(self, wallet: str, token: str, spender: str, amount: int) -> None:
        """Set an allowance; 0 takes it away."""
        self._granted[_key(wallet, token, spender)] = amount

    def refuse(self, spender: str, *, is_refused: bool) -> None:
        """Let a spender move nothing of any wallet, or whatever the wallets granted again."""
        if is_refused:
            self.refused[spender.lower()] = None
        else:
            self.refused.pop(spender.lower(), None)


def _key(wallet: str, token: str, spender: str) -> tuple[str, str, str]:
    return wallet.lower(), token.lower(), spender.lower()
