"""Differences that the operator accepts: named by him, booked only as long as they are there; pure.

A deposit or a withdrawal is cash that nothing explains, and no comparison can tell it from a loss.
The operator can. What he has seen is written down, and booked when a comparison, with nothing
settling any more, shows the same amount: whatever else has come or gone halts again.
"""

from __future__ import annotations

import msgspec

from polyframe.live_settings import ProductionSettings
from polyframe.money import SHARE_E6, usd_e12
from polyframe.runtime.live.changes import Change
from polyframe.runtime.live.ledger import LiveLedger
from polyframe.runtime.live.reconciliation import Difference, Reconciliation


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator accepts: cash (1e-12 USD) and tokens (micro-shares), theirs less ours.

    ``when`` is ISO 8601, UTC, and names the acceptance: it is booked once.
    """

    when: str
    by: str
    cash_e12: int = 0
    tokens_e6: dict[str, int] = {}


def accept(found: Reconciliation, when: str, by: str) -> Accepted:
    """Return the acceptance of all cash and tokens that a comparison halts for."""
    halting = [one for one in found.differences if one.is_beyond_bound]
    return Accepted(
        when=when,
        by=by,
        cash_e12=sum(one.amount for one in halting if one.what == "cash"),
        tokens_e6={one.name: one.amount for one in halting if one.what == "token"},
    )


def bookings(
    ledger: LiveLedger,
    accepted: Accepted,
    found: Reconciliation,
    settings: ProductionSettings,
    now_ns: int,
) -> list[Change]:
    """Book what was accepted and is there; empty when nothing is.

    Cash that came is ours to trade with from now on. Cash that went was set aside as far as there
    is some, and ours beyond that. Tokens that came are set aside; those that went must have been.

    Args:
        ledger: whose books.
        accepted: what the operator accepts.
        found: the comparison of now.
        settings: the bounds within which the two have to agree.
        now_ns: market time.
    """
    if found.moving_fills:
        return []  # what settles may be part of the difference: an amount is not exact yet
    changes: list[Change] = []
    for one in found.differences:
        if one.is_beyond_bound and _is_meant(accepted, one, settings):
            book = _book_cash if one.what == "cash" else _book_tokens
            changes += book(ledger, accepted, one, now_ns)
    return [change for change in changes if change.rows]


def _is_meant(accepted: Accepted, one: Difference, settings: ProductionSettings) -> bool:
    if one.what == "cash":
        bound, meant = usd_e12(settings.max_cash_difference_usd), accepted.cash_e12
    elif one.what == "token":
        bound = round(settings.max_share_difference * SHARE_E6)
        meant = accepted.tokens_e6.get(one.name, 0)
    else:
        return False
    return meant != 0 and abs(one.amount - meant) <= bound


def _book_cash(
    ledger: LiveLedger, accepted: Accepted, one: Difference, now_ns: int
) -> list[Change]:
    words = f"accepted by {accepted.by}"
    aside_e12 = -min(-one.amount, ledger.books.aside_cash_e12) if one.amount < 0 else 0
    changes = []
    if aside_e12:
        changes.append(
            ledger.statements.set_aside(
                f"accepted {accepted.when} cash", words, now_ns, cash_e12=aside_e12
            )
        )
    if ours_e12 := one.amount - aside_e12:
        reference = f"accepted {accepted.when}"
        changes.append(ledger.statements.cash_moved(reference, words, ours_e12, now_ns))
    return changes


def _book_tokens(
    ledger: LiveLedger, accepted: Accepted, one: Difference, now_ns: int
) -> list[Change]:
    if ledger.books.aside_tokens_e6.get(one.name, 0) + one.amount < 0:
        return []  # they were traded with: no event takes them out of the engine's account
    reference = f"accepted {accepted.when} {one.name}"
    words = f"accepted by {accepted.by}"
    return [ledger.statements.set_aside(reference, words, now_ns, tokens_e6={one.name: one.amount})]
