"""``polyframe positions``: what an account holds, as its store has it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from polyframe.cli.account_choice import account_option, json_option, of_venue_option, the_account
from polyframe.cli.plain_table import print_table
from polyframe.cli.run_options import state_option


@click.command("positions")
@state_option
@of_venue_option
@account_option
@json_option
def command(state_folder: Path, venue: str | None, account: str | None, as_json: bool) -> None:
    """List the tokens an account holds by its own bookings, and its cash.

    What was set aside was in the wallet before the first run, or is not ours to trade with.
    """
    from polyframe.runtime.live.account_reading import read_account

    found = read_account(the_account(state_folder, venue, account).store_path, most=1)
    held = [
        {"market": one.market_id, "token": one.token_id, "shares": one.size_e6 / 1e6}
        for one in found.holdings
        if one.size_e6
    ]
    aside = {token: size_e6 / 1e6 for token, size_e6 in found.aside_tokens_e6.items() if size_e6}
    cash_usd, aside_usd = found.cash_e12 / 1e12, found.aside_cash_e12 / 1e12
    if as_json:
        told = {
            "cash_usd": cash_usd, "set_aside_usd": aside_usd, "positions": held,
            "set_aside_shares": aside,
        }  # fmt: skip
        click.echo(json.dumps(told, indent=2))
        return
    click.echo(f"cash {cash_usd:.6f} USD, set aside {aside_usd:.6f} USD")
    rows = [(str(one["market"]), str(one["token"]), f"{one['shares']:.6f}") for one in held]
    rows += [("(set aside)", token, f"{shares:.6f}") for token, shares in aside.items()]
    if rows:
        print_table([("market", "token", "shares"), *rows])
    else:
        click.echo("no positions")
