"""The safety catch of production: real orders need the hash of exactly what was shown.

The hash covers both profiles as resolved, the difference between them that an operator is shown,
and the version of every plugin's distribution. Whatever of these changes afterwards, the hash
that was typed does not fit any more.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Final

from polyframe import __version__
from polyframe.errors import UsageError
from polyframe.runtime.claimants import OWN_DISTRIBUTION, find_claimant
from polyframe.strategy import Strategy, profile_diff
from polyframe.strategy.loading import canonical_json

HASH_DIGITS: Final = 12


def arm_hash(paper: Strategy, production: Strategy) -> str:
    """Return the twelve hex digits that stand for both profiles and the code of their plugins.

    Raises:
        PluginNotFound: a plugin the production profile names is not installed any more.
    """
    shown: dict[str, Any] = {
        "paper": paper.config_hash,
        "production": production.config_hash,
        "difference": [list(row) for row in profile_diff(paper, production)],
        "versions": _versions(production),
    }
    return hashlib.sha256(canonical_json(shown)).hexdigest()[:HASH_DIGITS]


def check_armed(paper: Strategy, production: Strategy, given: str | None) -> str:
    """Return the hash that was given, if it is the one of these profiles.

    Args:
        paper: the file's paper profile.
        production: its production profile.
        given: what stood behind ``--arm``; None without the option.

    Raises:
        UsageError: no hash, or that of something else.
    """
    path = production.path
    if not given:
        raise UsageError(
            f"--profile production places real orders and wants --arm HASH: see what differs, and "
            f"the hash, with 'polyframe check {path} --diff paper production'"
        )
    wanted = arm_hash(paper, production)
    if not hmac.compare_digest(given.strip().lower().encode(), wanted.encode()):
        raise UsageError(
            f"--arm: that is not the hash of {path} as it is now: the file, an override or a "
            "plugin's version has changed since; look at it again with "
            f"'polyframe check {path} --diff paper production'"
        )
    return wanted


def _versions(strategy: Strategy) -> dict[str, str]:
    """Return each plugin's distribution and version, and our own."""
    found = {OWN_DISTRIBUTION: __version__}
    for request in strategy.requests:
        claimant = find_claimant(request.name, request.dist)
        found[f"plugin {request.name}"] = f"{claimant.distribution}=={claimant.version}"
    return found
