"""``polyframe orders``: an account's open orders, as its store has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from polyframe.cli import one_line
from polyframe.cli.account_choice import account_option, json_option, of_venue_option, the_account
from polyframe.cli.plain_table import print_table
from polyframe.cli.run_options import state_option
from polyframe.errors import UsageError

if TYPE_CHECKING:
    from polyframe.runtime.live.rows import OrderRow

_HEADS = ("order", "state", "side", "price", "filled", "size", "component", "market", "venue id")
_ID_CHARS = 14


@click.command("orders")
@click.argument("order", required=False)
@state_option
@of_venue_option
@account_option
@json_option
def command(
    order: str | None, state_folder: Path, venue: str | None, account: str | None, as_json: bool
) -> None:
    """List every order that may still trade; one of unknown fate is one of them.

    ORDER is an order's id, ours or the venue's: that one is shown in full, also when it is over.
    It is what the account's store says, which is written before an order leaves; what the venue
    has is compared with it every few minutes by a running engine.
    """
    from polyframe.runtime.live.account_reading import find_order, read_account

    path = the_account(state_folder, venue, account).store_path
    if order is not None:
        found = find_order(path, order)
        if found is None:
            raise UsageError(f"{path}: no order {one_line(order[:80])}")
        _show_one(_told(found), as_json)
        return
    rows = [_told(one) for one in read_account(path, most=1).open_orders]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif not rows:
        click.echo("no open orders")
    else:
        print_table(
            [
                _HEADS,
                *(
                    (
                        str(row["order"]), str(row["state"]), str(row["side"]),
                        f"{row['price']:g}", f"{row['filled']:g}", f"{row['size']:g}",
                        str(row["component"]), str(row["market"])[:_ID_CHARS],
                        str(row["venue_id"])[:_ID_CHARS],
                    )
                    for row in rows
                ),
            ]
        )  # fmt: skip


def _show_one(row: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(row, indent=2))
        return
    print_table([(name, "-" if value is None else str(value)) for name, value in row.items()])


def _told(one: OrderRow) -> dict[str, Any]:
    return {
        "order": one.order_id,
        "state": str(one.state),
        "reason": one.reason,
        "side": one.side.name,
        "price": one.price_e4 / 1e4,
        "filled": one.filled_e6 / 1e6,
        "size": one.size_e6 / 1e6,
        "component": one.component,
        "market": one.market_id,
        "token": one.token_id,
        "venue_id": one.venue_id,
        "run": one.run_id,
        "decision": one.decision_id,
        "expires_s": None if one.expires_ns is None else one.expires_ns // 10**9,
    }
