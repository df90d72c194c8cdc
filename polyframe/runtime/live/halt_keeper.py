"""Halts made to outlast the process: each throws the account's kill switch, once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import anyio

from polyframe.errors import PolyframeError
from polyframe.hazards import Hazard
from polyframe.runtime.safety import Safety

_LOOK_S = 0.2  # wall


class Switch(Protocol):
    """The account's kill switch."""

    def look(self) -> None:
        """Act on what the switch says now: a resume that nobody has seen yet, say."""
        ...

    async def throw(self, hazard: Hazard, detail: str) -> bool:
        """Throw it for a halt; return whether it names the halt now.

        Raises:
            PolyframeError: it cannot be written.
        """
        ...


class HaltKeeper:
    """Throws the switch for every halt that stands, and knows which of them it names.

    Args:
        safety: what stands.
        switch: what is thrown.
        line: writes a line of the run's log.
    """

    def __init__(
        self,
        safety: Safety,
        switch: Switch,
        line: Callable[[str, Mapping[str, object]], None],
    ) -> None:
        self._safety = safety
        self._switch = switch
        self._line = line
        self._kept: set[Hazard] = set()
        self._resumes = 0
        self._has_told = False

    def resumed(self) -> tuple[Hazard, ...]:
        """Return the halts that end because the operator took the switch back.

        Those that the switch named: a younger one nobody can have read, so it stands, and throws
        the switch again, as one does that is raised again.
        """
        named = self._kept | {Hazard.KILL_SWITCH}
        self._kept.clear()
        self._resumes += 1
        return tuple(hazard for hazard in self._safety.halts if hazard in named)

    async def run(self) -> None:
        """Keep halts until cancelled."""
        while True:
            await anyio.sleep(_LOOK_S)
            await self.look()

    async def look(self) -> None:
        """Throw the switch for every halt that it does not name yet."""
        for hazard in self._safety.halts:
            # What was taken back before this is over, and this halt perhaps with it.
            self._switch.look()
            # Once each: thrown again, it would undo a resume that is not acted upon yet.
            if hazard in self._safety.halts and hazard not in self._kept:
                await self._keep(hazard)

    async def _keep(self, hazard: Hazard) -> None:
        resumes = self._resumes
        try:
            is_named = await self._switch.throw(hazard, self._safety.standing[hazard].detail)
        except PolyframeError as error:
            # It stands all the same, as long as this process does, and is tried again.
            if not self._has_told:
                self._line("Halt not kept", {"reason": str(error)})
            self._has_told = True
        else:
            # A switch that was taken back meanwhile may be gone with the name on it.
            if is_named and resumes == self._resumes:
                self._kept.add(hazard)
