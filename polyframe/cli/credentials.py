"""Who trades, for the verbs that need to know; from here on nothing that is shown can tell."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import click

from polyframe import cli

if TYPE_CHECKING:
    from polyframe.secrets.credentials import Credentials


def load() -> Credentials:
    """Return the credentials of environment, ``.env`` or keystore; asks for a password once.

    Raises:
        CredentialsRefused: missing, malformed, readable by others, or contradictory.
    """
    from polyframe.secrets.credentials import load_credentials

    ask = _ask if sys.stdin is not None and sys.stdin.isatty() else None
    credentials = load_credentials(os.environ, Path.cwd(), ask)
    redactor = credentials.redactor()
    cli.redact = redactor.redact

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        click.echo(redactor.redact(text), err=True, nl=False)

    sys.excepthook = show
    return credentials


def _ask(path: str) -> str:
    text: str = click.prompt(f"Password of {path}", hide_input=True, err=True)
    return text
