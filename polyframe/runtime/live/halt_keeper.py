"""Halts made to outlast the process: each throws the account's kill switch, once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import anyio

from polyframe.errors import PolyframeError
from polyframe.hazards import Hazard
from polyframe.runtime.safety import Safety

_LOOK_S = 0.2  # wall


class HaltKeeper:
    """Throws the switch for every halt that stands.

    Args:
        safety: what stands.
        throw: throws the switch, with the reason.
        line: writes a line of the run's log.
    """

    def __init__(
        self,
        safety: Safety,
        throw: Callable[[str], Awaitable[None]],
        line: Callable[[str, Mapping[str, object]], None],
    ) -> None:
        self._safety = safety
        self._throw = throw
        self._line = line
        self._kept: set[Hazard] = set()
        self._has_told = False

    def forget(self) -> None:
        """The operator took the switch back: a halt that is raised again throws it again."""
        self._kept.clear()

    async def run(self) -> None:
        """Keep halts until cancelled."""
        while True:
            await anyio.sleep(_LOOK_S)
            for hazard in self._safety.halts:
                # Once each: thrown again, it would undo a resume that is not acted upon yet.
                if hazard not in self._kept:
                    await self._keep(hazard)

    async def _keep(self, hazard: Hazard) -> None:
        detail = self._safety.standing[hazard].detail
        try:
            await self._throw(detail if hazard is Hazard.KILL_SWITCH else f"{hazard}: {detail}")
        except PolyframeError as error:
            # It stands all the same, as long as this process does, and is tried again.
            if not self._has_told:
                self._line("Halt not kept", {"reason": str(error)})
            self._has_told = True
        else:
            self._kept.add(hazard)
