"""``polyframe plugins``: what is installed, and what one plugin does, may veto and can be told.

The list imports every plugin that is installed, because somebody asked to see them; with
``--no-import`` it is read from metadata alone. ``show`` imports the one plugin it names.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any

import click
import msgspec

from polyframe.errors import PluginRefused
from polyframe.hooks import Hooks
from polyframe.runtime.claimants import Claimant, claimants, find_claimant
from polyframe.runtime.plugins import (
    check_hooks,
    deprecations_of,
    hook_markers,
    load_class,
    one_line,
)
from polyframe.runtime.signatures import HOOK_ARGUMENTS

_PIPE_WIDTH = 160
_BOUNDS = (
    ("minimum", ">="),
    ("exclusiveMinimum", ">"),
    ("maximum", "<="),
    ("exclusiveMaximum", "<"),
    ("productionMin", "production >="),
    ("productionMax", "production <="),
)


@click.group("plugins", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every setting.")
@click.option("--no-import", is_flag=True, help="Read metadata only; import nothing.")
@click.pass_context
def command(context: click.Context, as_json: bool, no_import: bool) -> None:
    """List the installed plugins with hooks, veto codes and settings; 'show NAME' explains one.

    The list imports each of them, which a run never does: a run imports what its strategy
    file names. A plugin that cannot be used says why in its row.
    """
    if context.invoked_subcommand is not None:
        return
    found = claimants()
    rows: list[dict[str, Any]] = [
        _row(claimant) if no_import else _imported_row(claimant) for claimant in found
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if no_import:
        _print_table(("name", "distribution", "version"), [tuple(row.values()) for row in rows])
    else:
        _print_table(
            ("name", "distribution, version", "hooks", "veto codes", "settings"),
            [_cells(row) for row in rows],
        )
        for row in rows:
            if row["fault"] is not None:
                click.echo(f"{_plain(row['name'])} cannot be used: {_plain(row['fault'])}")
    names = [claimant.name for claimant in found]
    for name in sorted({name for name in names if names.count(name) > 1}):
        click.echo(
            f"{_plain(name)} has {names.count(name)} claimants: "
            "a strategy file must choose one with 'dist: distribution==version'"
        )


def _imported_row(claimant: Claimant) -> dict[str, Any]:
    """Return a claimant's row with what its class says; what is wrong with it is ``fault``."""
    row: dict[str, Any] = {
        **_row(claimant), "hooks": [], "codes": [], "settings": [], "fault": None
    }  # fmt: skip
    try:
        # What a module prints while it is imported is no part of the list.
        with redirect_stdout(sys.stderr):
            kind: Any = load_class(claimant)
            check_hooks(claimant.name, kind)
            marked = hook_markers(kind)
            row["hooks"] = [hook for hook in HOOK_ARGUMENTS if hook in marked]
            row["codes"] = list(getattr(kind, "codes", ()))
            row["settings"] = list(settings_of(kind.Config))
    except PluginRefused as error:
        row["fault"] = str(error).removeprefix(f"plugin {claimant.name!r}: ")
    except (TypeError, NameError, ValueError) as error:
        row["fault"] = f"no schema can be made of its Config: {one_line(error)}"
    return row


def _cells(row: Mapping[str, Any]) -> tuple[str | list[str], ...]:
    place = (row["name"], f"{row['distribution']} {row['version']}")
    if row["fault"] is not None:
        return (*place, "cannot be used", "", "")
    # One below the other: whole, they can be found and copied, and need no width.
    return (*place, row["hooks"], row["codes"], str(len(row["settings"])))


@command.command("show")
@click.argument("name")
@click.option("--dist", "pin", help="Which claimant, as distribution==version.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(name: str, pin: str | None, as_json: bool) -> None:
    """Import one plugin and show its hooks, veto codes and settings."""
    claimant = find_claimant(name, pin)
    kind: Any = load_class(claimant)
    check_hooks(name, kind)
    marked = hook_markers(kind)
    facts = {
        **_row(claimant),
        "class": claimant.entry_point.value,
        "summary": _summary(kind),
        "on_book_when": getattr(kind, "on_book_when", "change"),
        "hooks": {hook: _hook(hook) for hook in HOOK_ARGUMENTS if hook in marked},
        "codes": list(getattr(kind, "codes", ())),
        "halts": list(getattr(kind, "halts", ())),
        "settings": list(settings_of(kind.Config)),
        "deprecations": [text for _, text in deprecations_of(name, kind)],
    }
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    _print_facts(facts)


def settings_of(config: type[msgspec.Struct]) -> Iterator[dict[str, Any]]:
    """Yield each setting of a Config with path, type, unit, default, bounds and description.

    Nested sections have dotted paths. A setting without a default has the default None and is
    ``required``.
    """
    schema = msgspec.json.schema(config)
    definitions = schema.get("$defs", {})
    yield from _settings(_resolved(schema, definitions), definitions, "")


def _settings(
    section: dict[str, Any], definitions: dict[str, Any], prefix: str
) -> Iterator[dict[str, Any]]:
    required = section.get("required", ())
    for key, declared in section.get("properties", {}).items():
        field = _resolved(declared, definitions)
        path = f"{prefix}{key}"
        if "properties" in field:
            yield from _settings(field, definitions, f"{path}.")
            continue
        yield {
            "path": path,
            "type": _type_of(field),
            "unit": field.get("unit", ""),
            "default": field.get("default"),
            "required": key in required,
            "bounds": [
                *(f"{sign} {field[word]}" for word, sign in _BOUNDS if word in field),
                *(["production: must be written"] if "productionRequired" in field else []),
            ],
            "description": field.get("description", ""),
        }


def _resolved(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    beside = {key: value for key, value in schema.items() if key != "$ref"}
    return {**definitions[reference.rpartition("/")[2]], **beside}


def _type_of(field: dict[str, Any]) -> str:
    if "enum" in field:
        return " or ".join(str(value) for value in field["enum"])
    if "anyOf" in field:
        return " or ".join(_type_of(part) for part in field["anyOf"])
    return str(field.get("type", "any"))


def _row(claimant: Claimant) -> dict[str, str]:
    return {
        "name": claimant.name,
        "distribution": claimant.distribution,
        "version": claimant.version,
    }


def _hook(hook: str) -> dict[str, str]:
    return {
        "arguments": ", ".join(HOOK_ARGUMENTS[hook]),
        "summary": _summary(getattr(Hooks, hook)),
    }


def _summary(documented: object) -> str:
    return (inspect.getdoc(documented) or "").partition("\n")[0]


def _print_facts(facts: dict[str, Any]) -> None:
    click.echo(f"{_plain(facts['name'])}: {_plain(facts['summary'])}")
    click.echo(
        f"{_plain(facts['class'])} of {_plain(facts['distribution'])} {_plain(facts['version'])}"
    )
    for text in facts["deprecations"]:
        click.echo(f"deprecated: {_plain(text)}")
    hooks = facts["hooks"].items()
    _print_table(
        ("hook", "what it is for"),
        [(f"{hook}({entry['arguments']})", entry["summary"]) for hook, entry in hooks],
    )
    if "on_book" in facts["hooks"] and facts["on_book_when"] == "top":
        click.echo("on_book is called when the best bid or ask changes only")
    halting = set(facts["halts"])
    _print_table(
        ("veto code", "against"),
        [(code, "the account" if code in halting else "a market") for code in facts["codes"]],
    )
    _print_table(
        ("setting", "type", "unit", "default", "bounds", "meaning"),
        [
            (
                setting["path"],
                setting["type"],
                setting["unit"],
                "(required)" if setting["required"] else json.dumps(setting["default"]),
                ", ".join(setting["bounds"]),
                setting["description"],
            )
            for setting in facts["settings"]
        ],
    )


def _print_table(heads: tuple[str, ...], rows: Sequence[tuple[str | list[str], ...]]) -> None:
    """Print a table; a list is a cell of several lines. A pipe gets whole words, to be searched."""
    # Here and not above: the list in JSON, and every other verb, starts without rich.
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        click.echo(f"no {heads[0]}s")
        return
    table = Table(box=SIMPLE, pad_edge=False)
    for head in heads:
        table.add_column(head, overflow="fold", no_wrap=head == "name")
    for row in rows:
        lines = [[cell] if isinstance(cell, str) else cell for cell in row]
        # Text: markup is not read.
        table.add_row(*(Text("\n".join(_plain(line) for line in cell)) for cell in lines))
    Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH).print(table)


def _plain(text: str) -> str:
    """Return a stranger's text with whatever could steer a terminal made visible."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
