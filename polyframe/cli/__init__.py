"""The ``polyframe`` command: verbs are imported when they are called, errors are one line.

Each verb is a module of this package with a click command named ``command``. The table below
holds what ``polyframe --help`` prints, so that help costs no heavy import.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import click

from polyframe import __version__
from polyframe.errors import PolyframeError, StrategyError

VERBS: dict[str, tuple[str, str]] = {
    "run": ("polyframe.cli.run", "Trade a strategy file under one profile."),
    "check": ("polyframe.cli.check", "Check a strategy file; show what differs by profile."),
    "replay": ("polyframe.cli.replay", "Run a tape again and compare every decision."),
    "universe": ("polyframe.cli.universe", "Say what of a universe would be traded, and why not."),
    "report": ("polyframe.cli.report", "Show a day's report: money, gates, maker, health."),
    "why": ("polyframe.cli.why", "Say why a market is quoted as it is, or why it is not."),
    "trace": ("polyframe.cli.trace", "List a run's decisions and fills; show one in full."),
    "doctor": ("polyframe.cli.doctor", "Say whether this machine and account can trade."),
    "status": ("polyframe.cli.status", "Show where an account stands, engine or not."),
    "orders": ("polyframe.cli.orders", "List an account's open orders."),
    "positions": ("polyframe.cli.positions", "List what an account holds."),
    "cancel-all": ("polyframe.cli.cancel_all", "Cancel everything at the venue, and prove it."),
    "kill": ("polyframe.cli.kill", "Stop trading now, and cancel everything."),
    "resume": ("polyframe.cli.resume", "Allow trading again after a kill."),
    "keystore": ("polyframe.cli.keystore", "Keep the signing key encrypted on disk."),
    "validate-paper": (
        "polyframe.cli.validate_paper",
        "Prove paper fills on an exchange whose true queue is known.",
    ),
    "calibrate": (
        "polyframe.cli.calibrate",
        "Compare the simulated crowd with recordings of the venue.",
    ),
    "exchange": ("polyframe.cli.exchange", "Serve a market to any Polymarket client."),
    "schema": ("polyframe.cli.schema", "Print the strategy file's JSON Schema for editors."),
    "plugins": ("polyframe.cli.plugins", "List the installed plugins and what they offer."),
    "new-plugin": ("polyframe.cli.new_plugin", "Write a plugin package that works, to begin with."),
}
"""Verb -> (module, one line of help), in the order of a user's first day."""

redact: Callable[[str], str] = str
"""Strikes secrets out of what is shown; a verb that loads some puts its own here."""

EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
_DISK_TROUBLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}


class Verbs(click.Group):
    """A group that imports a verb's module only when the verb is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every verb."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a verb's command; None for what is no verb."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(VERBS[cmd_name][0]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve a verb, and name the nearest one for a misspelt verb."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0][:40], VERBS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(VERBS)}"
            ctx.fail(f"there is no verb {one_line(args[0][:40])!r}; {hint}")
        return super().resolve_command(ctx, args)

    def _writes_runs(self, ctx: click.Context) -> bool:
        """Return whether the verb under way writes a run's files, and not only what it prints."""
        command = self.get_command(ctx, ctx.invoked_subcommand or "")
        given = [] if command is None else [name for one in command.params for name in one.opts]
        return "--runs" in given and "--reports" in given

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of verbs without importing any."""
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, summary) for verb, (_, summary) in VERBS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; turn a user's mistake into one line and an exit code."""
        try:
            result = super().invoke(ctx)
            # A reader that left early must show here, not while the interpreter shuts down.
            if sys.stdout is not None:  # closed by the caller (>&-)
                sys.stdout.flush()
        except PolyframeError as error:
            report_error(error)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("polyframe: interrupted", err=True)
            ctx.exit(EXIT_INTERRUPTED)
        except BrokenPipeError:
            silence_stdout()
            ctx.exit(EXIT_BROKEN_PIPE)
        except OSError as error:
            if error.errno not in _DISK_TROUBLE:
                raise
            silence_stdout()
            where, advice = "standard output", "make room or write elsewhere"
            if self._writes_runs(ctx):
                where = "writing the run's files"
                advice = (
                    "make room or choose other folders (--runs, --reports); the tape so far is kept"
                )
            report_error(PolyframeError(f"{error.filename or where}: {error.strerror}; {advice}"))
            ctx.exit(PolyframeError.exit_code)
        return result


def report_error(error: PolyframeError) -> None:
    """Write an error to stderr: one line, or a strategy file's problems one line each."""
    if isinstance(error, StrategyError):
        for problem in error.problems:
            click.echo(one_line(redact(problem)), err=True)
    else:
        click.echo(f"polyframe: error: {one_line(redact(str(error)))}", err=True)


def one_line(text: str) -> str:
    """Return the text without line breaks and terminal controls."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def silence_stdout() -> None:
    """Point stdout at nothing: the interpreter's last flush has nobody to fail at or wait for."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # stdout is not a file: nothing to flush
        return


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="polyframe", message="%(prog)s %(version)s")
def main() -> None:
    """Make markets on Polymarket with plugins and one strategy file."""
