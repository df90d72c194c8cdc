"""Transactions of the chain: from their submission to what they moved, with nonces; pure.

A transaction is known at once (NEW), broadcast (EXECUTED), mined, where it moves money or reverts
(MINED or FAILED), and confirmed (CONFIRMED). Time is market time, scheduled by the desk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from random import Random
from typing import Annotated

import msgspec

from polyframe.exchange.chain.calls import AllowanceOf, BalancesOf, Call, Revert, view_of
from polyframe.exchange.chain.operations import Operations
from polyframe.exchange.faults.targets import TransactionFates
from polyframe.exchange.trading.accounts import base_units
from polyframe.exchange.trading.desk import OrderDesk
from polyframe.exchange.trading.venue_ids import venue_uuid

_S_NS = 10**9
_BLOCK_NS = 2 * _S_NS
_FIRST_BLOCK = 80_000_000
_STRUCK = "transaction reverted by a fault"

Seconds = Annotated[float, msgspec.Meta(ge=0)]


class ChainPace(msgspec.Struct, frozen=True, kw_only=True):
    """How long each step takes when nothing goes wrong: uniform ranges in market seconds."""

    executed_s: tuple[Seconds, Seconds] = (0.2, 0.8)
    mined_s: tuple[Seconds, Seconds] = (2.0, 4.0)
    confirmed_s: tuple[Seconds, Seconds] = (1.0, 3.0)


class State(StrEnum):
    """How far a transaction is, in the relayer's words."""

    NEW = "STATE_NEW"
    EXECUTED = "STATE_EXECUTED"
    MINED = "STATE_MINED"
    CONFIRMED = "STATE_CONFIRMED"
    FAILED = "STATE_FAILED"


class Transaction(msgspec.Struct, kw_only=True):
    """One transaction: whose wallet does what. ``error`` says why it reverted.

    ``block`` is the one it was mined in, 0 before. A transaction that reverts keeps its nonce
    used only if ``spends_nonce``: a wallet that is a contract undoes its own counting.
    """

    transaction_id: str
    hash: str
    sender: str
    wallet: str
    calls: tuple[Call, ...]
    spends_nonce: bool
    state: State = State.NEW
    error: str = ""
    block: int = 0

    @property
    def is_pending(self) -> bool:
        """Whether it may still do something."""
        return self.state in (State.NEW, State.EXECUTED)


class Chain:
    """What happened on the chain, and what is under way.

    Args:
        desk: whose custody it moves.
        seed: of ids and delays.
    """

    def __init__(self, desk: OrderDesk, seed: int) -> None:
        self.desk = desk
        self.pace = ChainPace()
        self.by_id: dict[str, Transaction] = {}
        self.by_hash: dict[str, Transaction] = {}
        self._seed = seed
        self._rng = Random(f"chain:{seed}")
        self._nonces: dict[str, int] = {}
        self._pending: dict[str, Transaction] = {}  # a wallet's last one

    def nonce(self, wallet: str) -> int:
        """Return the nonce a wallet's next transaction must have, those under way counted."""
        return self._nonces.get(wallet.lower(), 0)

    def pending(self, wallet: str) -> Transaction | None:
        """Return a wallet's last transaction while it may still do something."""
        found = self._pending.get(wallet.lower())
        return found if found is not None and found.is_pending else None

    def block(self, now_ns: int) -> int:
        """Return the number of the block at a market time."""
        return _FIRST_BLOCK + max(0, now_ns - self.desk.start_ns) // _BLOCK_NS

    def check(self, wallet: str, calls: Sequence[Call]) -> None:
        """Say whether calls could be done now.

        Raises:
            Revert: they could not.
        """
        Operations(self.desk, wallet, calls)

    def view(self, call: Call) -> bytes:
        """Return the ABI bytes of what a view call answers; Revert for a call that is none."""
        asked, custody = view_of(call), self.desk.custody
        match asked:
            case AllowanceOf(token, owner, spender):
                return asked.answer(custody.allowances.amount(owner, token, spender))
            case BalancesOf(held):
                return asked.answer(
                    [base_units(asset, custody.balance(owner, asset)) for owner, asset in held]
                )

    def submit(
        self,
        wallet: str,
        sender: str,
        calls: Sequence[Call],
        now_ns: int,
        *,
        transaction_hash: str = "",
        spends_nonce: bool = True,
    ) -> Transaction:
        """Take a transaction whose signature and nonce were checked."""
        name = f"chain:{self._seed}:{len(self.by_id)}:{wallet.lower()}"
        digest = hashlib.sha256(f"transaction:{name}".encode()).hexdigest()
        made = Transaction(
            transaction_id=venue_uuid(name), hash=transaction_hash or f"0x{digest}",
            sender=sender, wallet=wallet, calls=tuple(calls), spends_nonce=spends_nonce,
        )  # fmt: skip
        key = wallet.lower()
        self.by_id[made.transaction_id] = self.by_hash[made.hash] = self._pending[key] = made
        self._nonces[key] = self.nonce(wallet) + 1
        fates = self.desk.settlement.fates
        fate = fates.transaction_fate(now_ns) if isinstance(fates, TransactionFates) else None
        draw = self._rng.uniform
        executed_s, mined_s = draw(*self.pace.executed_s), draw(*self.pace.mined_s)
        confirmed_s = draw(*self.pace.confirmed_s)
        if fate is not None and fate.mined_after_s is not None:
            mined_s = max(0.0, fate.mined_after_s - executed_s)
        error = _STRUCK if fate is not None and fate.fails else ""

        def execute(at_ns: int) -> None:
            made.state = State.EXECUTED
            self.desk.schedule(at_ns + int(mined_s * _S_NS), mine)

        def mine(at_ns: int) -> None:
            self._mine(made, error, at_ns)
            if made.state is State.MINED:
                self.desk.schedule(at_ns + int(confirmed_s * _S_NS), confirm)

        def confirm(_at_ns: int) -> None:
            made.state = State.CONFIRMED

        self.desk.schedule(now_ns + int(executed_s * _S_NS), execute)
        return made

    def _mine(self, made: Transaction, error: str, now_ns: int) -> None:
        made.block = self.block(now_ns)
        try:
            if error:
                raise Revert(error)
            operations = Operations(self.desk, made.wallet, made.calls)
        except Revert as revert:
            made.state, made.error = State.FAILED, f"execution reverted: {revert}"
            if not made.spends_nonce:
                self._nonces[made.wallet.lower()] -= 1
            return
        operations.apply(now_ns, made.hash)
        made.state = State.MINED
