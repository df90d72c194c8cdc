"""``polyframe schema``: JSON Schemas for editors, of strategy files and of fault scripts."""

from __future__ import annotations

import json

import click

from polyframe.errors import UsageError
from polyframe.strategy import PluginRequest, file_schema, named_plugins

BUILT_IN = ("qs", "rrs", "markout", "portfolio_risk", "maker", "truth_report")
"""The plugins this distribution brings, in ``strategies/maker.yaml``'s order."""


@click.command("schema")
@click.argument("file", type=click.Path(), required=False)
@click.option(
    "--faults", "of_faults", is_flag=True, help="Of fault scripts (polyframe exchange) instead."
)
def command(file: str | None, of_faults: bool) -> None:
    """Print the JSON Schema (draft 2020-12) of a strategy file.

    It covers the plugins that FILE names; without FILE, the built-in ones.
    """
    if of_faults:
        from polyframe.exchange.faults.script import script_schema

        if file:
            raise UsageError("--faults: the schema of fault scripts needs no FILE; leave it out")
        click.echo(json.dumps(script_schema(), indent=2))
        return
    from polyframe.runtime.plugins import configs_of, load_plugin_classes

    requests = named_plugins(file) if file else [PluginRequest(name) for name in BUILT_IN]
    classes = load_plugin_classes(requests, production=False)
    schema = file_schema(configs_of(classes))
    click.echo(json.dumps(schema, indent=2))
