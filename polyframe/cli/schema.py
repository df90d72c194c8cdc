"""``polyframe schema``: the strategy file's JSON Schema, for editors and other programs."""

from __future__ import annotations

import json

import click

from polyframe.strategy import PluginRequest, file_schema, named_plugins

BUILT_IN = ("qs", "rrs", "markout", "portfolio_risk", "maker", "truth_report")
"""The plugins this distribution brings, in ``strategies/maker.yaml``'s order."""


@click.command("schema")
@click.argument("file", type=click.Path(), required=False)
def command(file: str | None) -> None:
    """Print the JSON Schema (draft 2020-12) of a strategy file.

    It covers the plugins that FILE names; without FILE, the built-in ones.
    """
    from polyframe.runtime.plugins import configs_of, load_plugin_classes

    requests = named_plugins(file) if file else [PluginRequest(name) for name in BUILT_IN]
    classes = load_plugin_classes(requests, production=False)
    schema = file_schema(configs_of(classes))
    click.echo(json.dumps(schema, indent=2))
