"""Python, packages, and room on the disk."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Final

from polyframe.doctor.findings import Finding, doubt, fault, sound
from polyframe.runtime.claimants import OWN_DISTRIBUTION

OLDEST_PYTHON: Final = (3, 11)
CLIENT: Final = "polymarket-client"
_TOLD = (OWN_DISTRIBUTION, CLIENT, "httpx", "websockets", "msgspec")
_LEAST_BYTES = 256 * 10**6
_FEW_BYTES = 2 * 10**9


def python() -> Finding:
    """Return whether this Python will do."""
    found = f"{platform.python_implementation()} {platform.python_version()}"
    if sys.version_info >= OLDEST_PYTHON:
        return sound("python", found)
    oldest = ".".join(map(str, OLDEST_PYTHON))
    return fault("python", f"{found} is too old", f"use Python {oldest} or newer")


def packages(names: Iterable[str] | None = None) -> Finding:
    """Return whether what polyframe needs is installed, the official client in its one version.

    Args:
        names: the requirements, as metadata writes them; None for those of this installation.
    """
    wanted = requires(OWN_DISTRIBUTION) if names is None else names
    missing: list[str] = []
    other: list[str] = []
    for requirement in wanted or ():
        name, pin = _read(requirement)
        if "extra ==" in requirement:
            continue
        try:
            installed = version(name)
        except PackageNotFoundError:
            missing.append(name)
            continue
        if pin and installed != pin:
            other.append(f"{name} {installed} is not {pin}")
    if missing or other:
        return fault(
            "packages",
            ", ".join([*(f"{name} is missing" for name in missing), *other]),
            f"install {OWN_DISTRIBUTION} anew, with exactly what it pins",
        )
    return sound("packages", ", ".join(f"{name} {version(name)}" for name in _TOLD))


def _read(requirement: str) -> tuple[str, str]:
    """Return a requirement's name, and the one version it allows, "" for a range."""
    plain = requirement.partition(";")[0].replace(" ", "")
    name, _, pin = plain.partition("==")
    for char in "<>=!~[(":
        name = name.partition(char)[0]
    return name, pin.partition(",")[0] if "==" in plain and not set(pin) & set("<>*") else ""


def disk(folders: Iterable[Path]) -> Finding:
    """Return whether there is room where a run writes; of each folder, or where it will lie."""
    free: dict[str, int] = {}
    for folder in folders:
        there = folder.resolve()
        while not there.exists():
            there = there.parent
        free[str(folder)] = shutil.disk_usage(there).free
    least = min(free.values())
    told = ", ".join(f"{name} {size / 1e9:.1f} GB free" for name, size in free.items())
    if least < _LEAST_BYTES:
        return fault("disk", told, "make room: a store that cannot be written halts trading")
    if least < _FEW_BYTES:
        return doubt("disk", told, "make room: tapes and spans of a day can need a gigabyte")
    return sound("disk", told)
