"""A line that hangs holds back what was sent on it, and no cancel and no heartbeat."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import anyio

from live_account import Venue
from polyframe.live_settings import ProductionSettings


class Relay:
    """Passes bytes on to the exchange; a line that it cuts off stays open and carries nothing."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._dead: set[int] = set()
        self.lines = 0

    def cut_off(self) -> None:
        """Whatever is connected now says nothing any more."""
        self._dead = set(range(self.lines))

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, self.lines = self.lines, self.lines + 1
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65_536):
                if number not in self._dead:
                    sink.write(data)
            sink.close()

        with suppress(OSError):
            await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))


def test_the_client_shares_no_connection_between_requests() -> None:
    """HTTP/2 would: the venue offers it, and one dead line would hold every cancel back."""

    async def whole() -> None:
        async with Venue() as venue, venue.account() as clob:
            pool = clob.client._ctx.secure_clob._client._transport._pool
            assert not pool._http2

    anyio.run(whole)


def test_after_a_line_went_dead_the_next_request_takes_another() -> None:
    async def whole() -> None:
        async with Venue() as venue:
            relay = Relay(int(venue.exchange.urls.clob_url.rpartition(":")[2]))
            server = await asyncio.start_server(relay.carry, "127.0.0.1", 0)
            venue.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            settings = ProductionSettings(request_timeout_s=0.5)
            async with venue.account(settings=settings) as clob:
                chain = await clob.heartbeat("")
                relay.cut_off()
                assert not (await clob.cancel_all()).is_known
                assert (await clob.cancel_all()).is_known
                assert await clob.heartbeat(chain)
            server.close()
            await server.wait_closed()

    anyio.run(whole)
