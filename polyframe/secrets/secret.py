"""A text that never shows itself; pure."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Final, NoReturn, Self

HIDDEN: Final = "***"


class Secret:
    """A text that only :meth:`reveal` gives away.

    ``repr``, ``str`` and every format say ``***``; a pickle is refused; a copy is the same
    object. The text lies in a closure and in no attribute, so what walks attributes (rich, vars,
    a debugger's view of locals, serialisers) finds a function.
    """

    __slots__ = ("_told",)

    _told: Callable[[], str]

    def __init__(self, text: str) -> None:
        self._told = lambda: text

    def reveal(self) -> str:
        """Return the text; whoever calls this answers for where it goes."""
        return self._told()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._told().encode(), other._told().encode())

    def __bool__(self) -> bool:
        return bool(self._told())

    def __repr__(self) -> str:
        return HIDDEN

    def __format__(self, _spec: str) -> str:
        return HIDDEN

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("a secret is not pickled")
