"""What a run with real orders says when it is over."""

from __future__ import annotations

from typing import Any

import click


def tell_live(result: dict[str, Any]) -> None:
    """Print the end of a run: orders, fills, money, the account, where everything lies."""
    from polyframe.runtime.lines import visible

    live = result["live"]
    fills = " ".join(f"{name}={count}" for name, count in result["fills"].items())
    click.echo(
        f"mode={result['mode']} source={result['source']} decisions={result['decisions']} "
        f"orders={result['orders']} rejected={result['orders_rejected']} fills: {fills}"
    )
    click.echo(
        f"equity={result['equity_usd']:.2f} USD realised={result['realised_usd']:+.4f} "
        f"unrealised={result['unrealised_usd']:+.4f} "
        f"attribution error={result['attribution_error_usd']:.6f}"
    )
    refused = " ".join(
        f"{code}={count}" for code, count in result["orders_rejected_by_code"].items()
    )
    click.echo(f"refused: {refused or 'none'}")
    unexplained = [one for one in live["differences"] if not one["explained_by"]]
    click.echo(
        f"wallet={live['wallet']} reconciliations={live['reconciliations']} "
        f"differences={len(unexplained)} settlements failed={live['settlements_failed']} "
        f"orders not settled={live['orders_not_settled']} unknown={live['orders_unknown']}"
    )
    for one in unexplained:
        what, name, ours, theirs = (visible(one[key]) for key in ("what", "name", "ours", "theirs"))
        click.echo(f"DIFFERENCE {what} {name}: ours {ours}, the venue's {theirs}")
    raised = " ".join(f"{name}={count}" for name, count in result["hazards_raised"].items())
    click.echo(f"hazards: {raised or 'none'}")
    if result["hazards_standing"]:
        click.echo(f"HAZARDS STANDING: {' '.join(result['hazards_standing'])}")
    proof = "NOT PROVED EMPTY" if live["is_left_unproved"] else "verified empty"
    click.echo(f"book: {proof}")
    click.echo(f"report: {result['report'] or 'none'}")
    click.echo(f"replay: polyframe replay {result['tape']}")
