"""One socket's faults: what becomes of each frame on its way out, and when the line is cut.

Pure: the channel tells the time. While no fault is planned a socket has no
:class:`StreamFaults` at all, so that an exchange without faults pays one comparison a frame.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from polyframe.exchange.faults import message_kinds as messages
from polyframe.exchange.faults import socket_kinds as sockets
from polyframe.exchange.faults.damage import crossing, damaged
from polyframe.exchange.faults.fault import Fault
from polyframe.exchange.faults.plan import ActiveFault, FaultPlan

Timed = tuple[int, bytes]


class StreamFaults:
    """The faults of one socket.

    Args:
        plan: the exchange's.
        channel: which channel the socket belongs to.
        born_ns: market time at which it was connected.
    """

    def __init__(self, plan: FaultPlan, channel: Literal["market", "user"], born_ns: int) -> None:
        self._plan = plan
        self._channel = channel
        self._born_ns = born_ns
        self._drawn: dict[tuple[int, int], bool] = {}
        self._stalled: dict[tuple[int, str], bool] = {}
        self._held: list[tuple[int, int, bytes]] = []
        self._pushed = 0
        self._behind_ns = 0

    def outgoing(self, payload: bytes, now_ns: int) -> list[bytes]:
        """Return the frames to send now for one that is due, held ones first.

        The caller owes :meth:`due` as time passes, for what is held back.
        """
        ready = self.due(now_ns)
        if self._is_silent(now_ns):
            return ready
        stalled = self._without_stalled(payload, now_ns)
        if stalled is None:
            return ready
        timed: list[Timed] = [(now_ns, stalled)]
        for active in self._plan.of("message"):
            if active.opening(now_ns) is not None:
                timed = [new for one in timed for new in self._met(active, one, now_ns)]
        for due_ns, frame in timed:
            if due_ns <= now_ns and self._behind_ns <= now_ns:
                ready.append(frame)
            else:
                self._hold(max(due_ns, self._behind_ns), frame)
        return ready

    def due(self, now_ns: int) -> list[bytes]:
        """Return the held frames whose time has come, in their order."""
        held = self._held
        ready = []
        while held and held[0][0] <= now_ns:
            ready.append(heapq.heappop(held)[2])
        return [] if ready and self._is_silent(now_ns) else ready

    def release(self) -> list[bytes]:
        """Return everything still held: the faults are over."""
        return [frame for _, _, frame in sorted(self._held)]

    def answers_ping(self, now_ns: int) -> bool:
        """Whether a PING gets its PONG."""
        return self._struck(now_ns, sockets.HalfOpen) is None

    def gives_snapshot(self, followed: int, now_ns: int) -> bool:
        """Whether a newly followed token gets its first book; ``followed`` counts it."""
        for active in self._plan.of("socket"):
            fault = active.fault
            if isinstance(fault, sockets.AssetCap) and followed <= fault.most_assets:
                continue
            if isinstance(fault, sockets.NoSnapshot | sockets.AssetCap) and self._hits(
                active, now_ns
            ):
                return False
        return True

    def subscribed(self, token_ids: Iterable[str]) -> None:
        """Note that tokens were subscribed again: that rescues some stalled ones."""
        stalls = [
            one for one in self._plan.of("socket") if isinstance(one.fault, sockets.TokenStall)
        ]
        for token_id in token_ids:
            for active in stalls:
                key, fault = (active.index, token_id), active.fault
                assert isinstance(fault, sockets.TokenStall)
                if self._stalled.get(key) and active.rng.random() < fault.rescue_share:
                    self._stalled[key] = False

    def hangs_up(self, now_ns: int) -> int | None:
        """Return the close code when the socket is to be closed now; 0 cuts the line."""
        for active in self._plan.of("socket"):
            fault = active.fault
            opening = active.opening(now_ns)
            if opening is None:
                continue
            if isinstance(fault, sockets.Disconnect):
                # Who came after the opening began is not met by it.
                if self._born_ns <= active.opened_ns(opening) and self._hits(active, now_ns):
                    return fault.code or 0
            elif (
                isinstance(fault, sockets.DisconnectStorm)
                and now_ns - self._born_ns >= fault.lives_s * 1e9
                and self._hits(active, now_ns)
            ):
                return fault.code or 0
        return None

    # --- sockets -------------------------------------------------------------------

    def _is_silent(self, now_ns: int) -> bool:
        return self._struck(now_ns, sockets.SilentSocket, sockets.HalfOpen) is not None

    def _struck(self, now_ns: int, *kinds: type[Fault]) -> ActiveFault | None:
        for active in self._plan.of("socket"):
            if isinstance(active.fault, kinds) and self._hits(active, now_ns):
                return active
        return None

    def _hits(self, active: ActiveFault, now_ns: int) -> bool:
        """Whether a fault has this socket in its present opening; decided once for each."""
        opening = active.fault.window(now_ns - active.origin_ns)
        fault = active.fault
        if opening is None or not isinstance(fault, sockets.SocketFault):
            return False
        if fault.channel not in ("both", self._channel):
            return False
        key = (active.index, opening)
        if key not in self._drawn:
            self._drawn[key] = not active.is_spent and active.draws()
            if self._drawn[key]:
                active.strike()
        return self._drawn[key]

    def _without_stalled(self, payload: bytes, now_ns: int) -> bytes | None:
        for active in self._plan.of("socket"):
            fault = active.fault
            if (
                self._channel == "market"
                and isinstance(fault, sockets.TokenStall)
                and fault.window(now_ns - active.origin_ns) is not None
            ):
                frame = msgspec.json.decode(payload)
                kept = self._kept(active, fault, frame)
                if not kept:
                    return None
                if kept != frame:
                    payload = msgspec.json.encode(kept)
        return payload

    def _kept(self, active: ActiveFault, fault: sockets.TokenStall, frame: Any) -> Any:
        """Return a frame without what is about stalled tokens, None when nothing is left."""
        if isinstance(frame, list):
            kept = [self._kept(active, fault, message) for message in frame]
            return [message for message in kept if message is not None] or None
        if "price_changes" in frame:
            entries = [
                entry
                for entry in frame["price_changes"]
                if not self._is_stalled(active, fault, entry["asset_id"])
            ]
            return {**frame, "price_changes": entries} if entries else None
        token_id = frame.get("asset_id", "")
        return None if token_id and self._is_stalled(active, fault, token_id) else frame

    def _is_stalled(self, active: ActiveFault, fault: sockets.TokenStall, token_id: str) -> bool:
        key = (active.index, token_id)
        known = self._stalled.get(key)
        if known is None:
            is_meant = not fault.tokens or token_id in fault.tokens
            known = is_meant and not active.is_spent and active.draws()
            self._stalled[key] = known
            if known:
                active.strike()
        return known

    # --- messages ------------------------------------------------------------------

    def _hold(self, due_ns: int, frame: bytes) -> None:
        self._pushed += 1
        heapq.heappush(self._held, (due_ns, self._pushed, frame))

    def _met(self, active: ActiveFault, timed: Timed, now_ns: int) -> list[Timed]:
        """Return what a message fault makes of one frame."""
        fault = active.fault
        assert isinstance(fault, messages.MessageFault)
        due_ns, payload = timed
        if not self._concerns(fault, payload) or active.is_spent or not active.draws():
            return [timed]
        made = self._made(active, fault, due_ns, payload, now_ns)
        if made is None:
            return [timed]
        active.strike()
        return made

    def _made(
        self,
        active: ActiveFault,
        fault: messages.MessageFault,
        due_ns: int,
        payload: bytes,
        now_ns: int,
    ) -> list[Timed] | None:
        match fault:
            case messages.Drop():
                return []
            case messages.Duplicate():
                return [(due_ns, payload)] * (1 + fault.copies)
            case messages.Reorder():
                return [(due_ns + _up_to_ns(active, fault.within_s), payload)]
            case messages.Delay():
                late_ns = now_ns + _up_to_ns(active, fault.up_to_s)
                self._behind_ns = max(self._behind_ns, late_ns)
                return [(max(due_ns, self._behind_ns), payload)]
            case messages.Redelivered():
                return [(due_ns, payload), (due_ns + round(fault.after_s * 1e9), payload)]
            case messages.CrossedDelta():
                crossed = crossing(payload, active.rng)
                if crossed is None:
                    return None
                bid, gone = crossed
                return [
                    (due_ns, payload),
                    (due_ns, bid),
                    (due_ns + round(fault.lasts_s * 1e9), gone),
                ]
        frames = damaged(fault, payload, active.rng)
        return None if frames is None else [(due_ns, frame) for frame in frames]

    def _concerns(self, fault: messages.MessageFault, payload: bytes) -> bool:
        return (
            fault.channel in ("both", self._channel)
            and _names(payload, fault.tokens)
            and _names(payload, fault.markets)
            and (
                not fault.events
                or any(b'"event_type":"%b"' % kind.encode() in payload for kind in fault.events)
            )
        )


def _names(payload: bytes, ids: tuple[str, ...]) -> bool:
    # Ids are texts of their own in every message, so the bytes are enough.
    return not ids or any(b'"%b"' % one.encode() in payload for one in ids)


def _up_to_ns(active: ActiveFault, most_s: float) -> int:
    return 1 + int(active.rng.uniform(0.0, most_s) * 1e9)
