"""The exception tree: only for broken files, broken plugins and a venue out of reach.

Expected outcomes (a refusal, a rejected order, an unknown message) are values, never exceptions.

    PolyframeError
    ├── StrategyError       a strategy file that cannot be used (file:line: path: message)
    ├── PluginError
    │   ├── PluginNotFound  no, or more than one, installed distribution offers the name
    │   └── PluginRefused   found, but it breaks the contract
    ├── VenueError          a venue that does not answer, or answers what it must not
    ├── TapeError           a tape that cannot be read
    └── UsageError          a command line that contradicts itself
"""

from __future__ import annotations


class PolyframeError(Exception):
    """A user's problem, told in one line: what is wrong, where, and what to do.

    ``exit_code`` is what the command line ends with (docs/operations.md lists them).
    """

    exit_code = 1


class StrategyError(PolyframeError):
    """The strategy file cannot be used; each problem is one ``file:line: path: message`` line."""

    exit_code = 3

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class PluginError(PolyframeError):
    """A plugin cannot be used."""

    exit_code = 4


class PluginNotFound(PluginError):
    """No installed distribution, or more than one, offers the named plugin."""


class PluginRefused(PluginError):
    """The plugin was found but breaks the contract of docs/hooks.md."""


class VenueError(PolyframeError):
    """The venue does not answer, or answers something that cannot be used."""

    exit_code = 5


class TapeError(PolyframeError):
    """A tape or recording cannot be read; the message names the file and line."""

    exit_code = 6


class UsageError(PolyframeError):
    """The command line contradicts itself or the strategy file."""

    exit_code = 2
