"""The order heartbeat: once armed, ten seconds of silence cancel every order of that API key.

The chain of ids and the two periods are venue.md 2.2 and 0.2.10.
"""

from __future__ import annotations

import msgspec

from polyframe.exchange.trading.venue_ids import venue_uuid

CHECK_NS = 5 * 10**9
LAPSE_NS = 10 * 10**9


class Beat(msgspec.Struct, frozen=True):
    """The answer to a heartbeat: the id to send next, and whether this one was accepted."""

    heartbeat_id: str
    is_accepted: bool


class _Chain(msgspec.Struct):
    next_id: str = ""
    last_ns: int = 0
    is_armed: bool = False


class Heartbeats:
    """The chains of every API key.

    Args:
        seed: of the ids.
    """

    def __init__(self, seed: int) -> None:
        self.refuses_until_ns = 0
        self._seed = seed
        self._count = 0
        self._chains: dict[str, _Chain] = {}

    @property
    def is_watching(self) -> bool:
        """Whether any API key is armed."""
        return any(chain.is_armed for chain in self._chains.values())

    def beat(self, api_key: str, heartbeat_id: str, now_ns: int) -> Beat:
        """Take a heartbeat; a stale id is refused with the one that was expected.

        Until ``refuses_until_ns`` every heartbeat is refused, as a fault.
        """
        chain = self._chains.setdefault(api_key, _Chain())
        if now_ns < self.refuses_until_ns or heartbeat_id != chain.next_id:
            if not chain.next_id or now_ns < self.refuses_until_ns:
                chain.next_id = self._new_id(api_key)
            return Beat(chain.next_id, is_accepted=False)
        chain.next_id = self._new_id(api_key)
        chain.last_ns = now_ns
        chain.is_armed = True
        return Beat(chain.next_id, is_accepted=True)

    def lapsed(self, now_ns: int) -> list[str]:
        """Return and disarm the API keys that were silent for too long."""
        late = [
            api_key
            for api_key, chain in self._chains.items()
            if chain.is_armed and now_ns - chain.last_ns >= LAPSE_NS
        ]
        for api_key in late:
            self._chains[api_key].is_armed = False
        return late

    def _new_id(self, api_key: str) -> str:
        self._count += 1
        return venue_uuid(f"heartbeat:{self._seed}:{api_key}:{self._count}")
