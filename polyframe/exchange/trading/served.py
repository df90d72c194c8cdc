"""What an order desk passes on of its source unchanged: metadata, books, its beginning and end."""

from __future__ import annotations

from collections.abc import Sequence

from polyframe.exchange.source import BookMessage, GammaMarket, TradableSource


class ServedSource:
    """The reading half of a :class:`~polyframe.exchange.source.Source`.

    Args:
        source: what is read.
    """

    def __init__(self, source: TradableSource) -> None:
        self.source = source

    @property
    def start_ns(self) -> int:
        """The market time (UTC ns) at which the source begins."""
        return self.source.start_ns

    @property
    def ended(self) -> bool:
        """Whether no further frame will ever come."""
        return self.source.ended

    def markets(self) -> Sequence[GammaMarket]:
        """Return Gamma's view of every listed market."""
        return self.source.markets()

    def market(self, market_id: str) -> GammaMarket | None:
        """Return Gamma's view of one listed market, by condition id."""
        return self.source.market(market_id)

    def market_of_token(self, token_id: str) -> GammaMarket | None:
        """Return Gamma's view of a token's market."""
        return self.source.market_of_token(token_id)

    def book(self, token_id: str) -> BookMessage | None:
        """Return a token's book now."""
        return self.source.book(token_id)

    def last_trade(self, token_id: str) -> tuple[str, str] | None:
        """Return price and taker side of a token's last trade."""
        return self.source.last_trade(token_id)

    def close(self) -> None:
        """Let go of the source."""
        self.source.close()
