"""A file that nobody but its owner may read, or it is refused with the command that repairs it."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

from polyframe.errors import UsageError

_MOST_BYTES = 65_536
_OTHERS = 0o077


class CredentialsRefused(UsageError):
    """Credentials that cannot be used: ``found`` is what is wrong, ``fix`` what to do about it.

    Neither ever repeats a secret, nor what might be one.
    """

    def __init__(self, found: str, fix: str) -> None:
        super().__init__(f"{found}; {fix}")
        self.found = found
        self.fix = fix


def read_private(path: Path) -> bytes | None:
    """Return the bytes of a file that only we can read, None where there is none.

    The permissions are those of the file that was opened, behind whatever links lead to it.

    Raises:
        CredentialsRefused: it is no plain file, another user owns it, group or others may read
            or change it, it is longer than a file of secrets is, or it cannot be read.
    """
    try:
        # Not blocking: a named pipe in its place must not hold us.
        opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CredentialsRefused(
            f"{path}: cannot be read: {error.strerror}",
            "make it readable for you alone (chmod 600)",
        ) from None
    with os.fdopen(opened, "rb") as file:
        _check(path, os.fstat(opened))
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise CredentialsRefused(f"{path}: is longer than {_MOST_BYTES} bytes", "check the path")
    return content


def _check(path: Path, found: os.stat_result) -> None:
    where = shlex.quote(str(path))
    if not stat.S_ISREG(found.st_mode):
        raise CredentialsRefused(f"{path}: is not a file", "check the path")
    if found.st_uid != os.geteuid():
        raise CredentialsRefused(
            f"{path}: belongs to another user (uid {found.st_uid})",
            "make a copy that is yours alone",
        )
    if found.st_mode & _OTHERS:
        raise CredentialsRefused(
            f"{path}: others may read or change it (mode {stat.S_IMODE(found.st_mode):03o})",
            f"run: chmod 600 {where}",
        )
