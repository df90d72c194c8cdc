"""``polyframe status``: where an account stands, read beside a running engine or without one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from polyframe.cli.account_choice import account_option, json_option, of_venue_option, the_account
from polyframe.cli.plain_table import print_table
from polyframe.cli.run_options import state_option

if TYPE_CHECKING:
    from polyframe.runtime.live.account_folder import AccountFolder
    from polyframe.runtime.live.account_reading import AccountReading


@click.command("status")
@state_option
@of_venue_option
@account_option
@json_option
def command(state_folder: Path, venue: str | None, account: str | None, as_json: bool) -> None:
    """Show an account: engine, kill switch, orders, cash, the last comparison and cancel-all."""
    folder = the_account(state_folder, venue, account)
    facts = _facts(folder)
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    has_engine = facts["engine"] is not None
    print_table([(name, _said(name, value, has_engine)) for name, value in facts.items()])


def utc(ts_ns: int) -> str:
    """Return an instant as people read it, to the second."""
    return datetime.fromtimestamp(ts_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _facts(folder: AccountFolder) -> dict[str, Any]:
    holder, killed = folder.holder(), folder.killed()
    facts: dict[str, Any] = {
        "account": folder.name,
        "folder": str(folder.path),
        "engine": None if holder is None else {"pid": holder.pid, "folder": holder.folder},
        "killed": None if killed is None else killed._asdict(),
    }
    if not folder.store_path.is_file():
        return {**facts, "store": None}
    from polyframe.runtime.live.account_reading import read_account

    return {**facts, "store": _stored(read_account(folder.store_path, most=1))}


def _stored(found: AccountReading) -> dict[str, Any]:
    compared = found.reconciliation
    return {
        "open_orders": len(found.open_orders),
        "unknown_orders": len(found.unknown_orders),
        "cash_usd": found.cash_e12 / 1e12,
        "set_aside_usd": found.aside_cash_e12 / 1e12,
        "tokens_held": len(found.holdings),
        "bookings": found.bookings,
        "compared": None
        if compared is None
        else {"at": utc(compared.ts_ns), "is_beyond_bound": compared.is_beyond_bound},
        "cancel_all": [
            {"at": utc(one.ts_ns), "reason": one.reason, "left": one.left} for one in found.sweeps
        ],
        "run": [
            {
                "id": one.run_id,
                "started": utc(one.started_ns),
                "ended": None if one.ended_ns is None else utc(one.ended_ns),
                "how_ended": one.how_ended,
            }
            for one in found.runs
        ],
        "note": [msgspec.structs.asdict(one)["words"] for one in found.notes],
    }


def _said(name: str, value: Any, has_engine: bool) -> str:
    if name == "engine":
        return "none" if value is None else f"process {value['pid'] or '?'} trades"
    if name == "killed":
        return "no" if value is None else f"YES, {value['when']} by {value['by']}: {value['why']}"
    if name == "store":
        return "none yet: no run has traded" if value is None else _said_of_store(value, has_engine)
    return str(value)


def _said_of_store(value: dict[str, Any], has_engine: bool) -> str:
    """Return the store's facts on one line, the alarming ones in capitals."""
    is_cut = not has_engine and value["open_orders"]
    left_behind = " WHEN THE RUN ENDED (the next one asks the venue)" if is_cut else ""
    parts = [
        f"{value['open_orders']} open orders{left_behind}",
        f"{value['unknown_orders']} OF UNKNOWN FATE" if value["unknown_orders"] else "",
        f"{value['cash_usd']:.2f} USD",
        f"{value['tokens_held']} tokens",
    ]
    if value["compared"] is not None:
        verdict = "BEYOND THE BOUND" if value["compared"]["is_beyond_bound"] else "agreed"
        parts.append(f"compared {value['compared']['at']}: {verdict}")
    for one in value["cancel_all"]:
        left = "NOBODY KNOWS WHAT IS" if one["left"] is None else one["left"]
        parts.append(f"cancel-all {one['at']} ({one['reason']}): {left} left")
    no_end = "goes on, or was cut off" if has_engine else "WAS CUT OFF"
    parts += [f"run {one['id']}: {one['how_ended'] or no_end}" for one in value["run"]]
    return ", ".join(filter(None, parts))
