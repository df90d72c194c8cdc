"""``polyframe keystore``: an encrypted key on disk, made or taken over, never from argv."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from polyframe.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from polyframe.secrets.secret import Secret

_PATH = click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("keystore")
def command() -> None:
    """Keep the signing key encrypted (Web3 v3, scrypt) in a file that only you can read.

    The password is asked for, or taken from POLY_KEYSTORE_PASSWORD.
    """


@command.command("new")
@_PATH
@_JSON
def new(path: Path, as_json: bool) -> None:
    """Make a new key and write it to PATH; it is shown nowhere."""
    from polyframe.secrets.keystore import new_key

    _write(path, new_key, as_json=as_json)


@command.command("import")
@_PATH
@_JSON
def import_(path: Path, as_json: bool) -> None:
    """Write a key you have to PATH; it is asked for, or read from standard input."""
    _write(path, _given_key, as_json=as_json)


def _write(path: Path, key: Callable[[], Secret], *, as_json: bool) -> None:
    from polyframe.secrets.credentials import KEYSTORE, forbid_core_dumps, looks_like_key
    from polyframe.secrets.keystore import write_keystore

    if looks_like_key(path.name):
        raise UsageError(
            "a key does not belong on the command line, where the shell's history keeps it; give "
            "a path, and the key when it is asked for"
        )
    forbid_core_dumps()
    password = _password()
    address = write_keystore(path, key(), password)
    if as_json:
        click.echo(json.dumps({"path": str(path), "address": address}))
        return
    click.echo(f"{path}: the key of {address}, readable for you alone")
    click.echo(f"export {KEYSTORE}={shlex.quote(str(path))}")


def _password() -> Secret:
    from polyframe.secrets.credentials import PASSWORD
    from polyframe.secrets.secret import Secret

    given = os.environ.get(PASSWORD)
    if given:
        return Secret(given)
    if not _is_terminal():
        raise UsageError(f"nobody is there to type a password; set {PASSWORD}")
    return Secret(
        click.prompt("Password of the keystore", hide_input=True, confirmation_prompt=True)
    )


def _given_key() -> Secret:
    from polyframe.secrets.secret import Secret

    if _is_terminal():
        return Secret(click.prompt("Private key (not shown)", hide_input=True))
    return Secret(sys.stdin.readline())


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()
