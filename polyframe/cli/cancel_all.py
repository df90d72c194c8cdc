"""``polyframe cancel-all``: at the venue itself, whether an engine runs or not."""

from __future__ import annotations

import click

from polyframe.cli.account_choice import json_option, urls_of, venue_option
from polyframe.cli.cancelling import cancel_and_verify, tell
from polyframe.cli.credentials import load


@click.command("cancel-all")
@venue_option
@json_option
@click.pass_context
def command(ctx: click.Context, venue: str | None, as_json: bool) -> None:
    """Cancel every order of the credentials' API key, and ask until nothing rests.

    It needs no engine, and disturbs none: one that runs places anew. To stop it too: kill.
    """
    urls = urls_of(venue)
    done = cancel_and_verify(load(), urls)
    tell(ctx, [(urls, done)], json_with={} if as_json else None)
