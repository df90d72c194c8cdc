"""Market metadata on request: from Gamma to the engine, whatever was obtained."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from polyframe.events import MarketsFetched
from polyframe.polymarket.gamma import FetchResult, fetch_markets, fetch_universe
from polyframe.polymarket.rest import RestClient, RestError


class Metadata:
    """Fetches universes and single markets, and says what is missing.

    Args:
        gamma_url: the host.
        most_markets: of a universe.
        clock: UTC nanoseconds.
        take: takes the events.
    """

    def __init__(
        self,
        gamma_url: str,
        most_markets: int,
        clock: Callable[[], int],
        take: Callable[[Sequence[MarketsFetched]], None],
    ) -> None:
        self.gamma_url = gamma_url
        self._most_markets = most_markets
        self._clock = clock
        self._take = take

    async def universe(self) -> FetchResult:
        """Fetch a universe; what went wrong is in the result."""
        try:
            async with RestClient(self.gamma_url) as rest:
                return await fetch_universe(rest, limit=self._most_markets)
        except RestError as error:
            return FetchResult(markets=(), complete=False, detail=str(error))

    async def fetch(self, market_ids: tuple[str, ...]) -> None:
        """Fetch what a command asks for: these markets, or a universe; tell the engine."""
        if not market_ids:
            self.give(await self.universe(), universe=True)
            return
        try:
            async with RestClient(self.gamma_url) as rest:
                result = await fetch_markets(rest, market_ids)
        except RestError as error:
            result = FetchResult(markets=(), complete=False, detail=str(error))
        self.give(result, universe=False)

    def give(self, result: FetchResult, *, universe: bool) -> None:
        """Tell the engine what was obtained."""
        event = MarketsFetched(
            self._clock(), result.markets, result.complete, universe, result.detail, result.skipped
        )
        self._take([event])
