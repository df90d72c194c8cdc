"""Does the score separate real markets? A Gamma snapshot, with books laid out of its quotes."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import zstandard

from polyframe.model import MarketSpec
from polyframe.polymarket.gamma_market import parse_market
from polyframe.testing.builders import a_book, a_market
from polyframe_qs.config import Config
from polyframe_qs.score import distribution, score

MARKETS = Path(__file__).parents[2].parent / "shared" / "data" / "gamma_markets.jsonl.zst"
FETCHED_NS = 1_773_261_000 * 10**9  # 2026-03-11 20:30 UTC, when the snapshot was taken


def _views():
    with MARKETS.open("rb") as raw:
        stream = zstandard.ZstdDecompressor().stream_reader(raw)
        for line in io.TextIOWrapper(stream, encoding="utf-8", newline="\n"):
            obj = json.loads(line)
            spec = parse_market(obj)
            if not isinstance(spec, MarketSpec):
                continue
            tick_e4 = spec.tick_e4
            bid_e4, ask_e4 = (
                round(float(obj.get(key) or 0) * 10_000 / tick_e4) * tick_e4
                for key in ("bestBid", "bestAsk")
            )
            if not 0 < bid_e4 < ask_e4 < 10_000:
                continue
            # A tenth of the liquidity on each of the five best levels of a side.
            usd = spec.liquidity_usd / 10
            bids = [
                (price, usd / (price / 10_000))
                for price in (bid_e4 - i * tick_e4 for i in range(5))
                if price > 0
            ]
            asks = [
                (price, usd / (1 - price / 10_000))
                for price in (ask_e4 + i * tick_e4 for i in range(5))
                if price < 10_000
            ]
            hours = None if spec.end_ns is None else (spec.end_ns - FETCHED_NS) / 3.6e12
            yield a_market(
                spec=spec,
                book=a_book(bids=bids, asks=asks),
                hours_to_close=hours,
                updates_per_s=spec.volume_24h_usd / 86_400 / 100,
                jump_1h=abs(float(obj.get("oneHourPriceChange") or 0)),
            )


@pytest.mark.skipif(not MARKETS.is_file(), reason="no ../shared/data/gamma_markets.jsonl.zst")
def test_the_best_hundred_of_a_whole_snapshot_do_not_tie():
    views = list(_views())
    for name, config in (("four terms", Config()), ("with the edge", Config(edge_weight=0.3))):
        scored = [score(view, config) for view in views]
        scores = sorted((one.total for one in scored), reverse=True)
        found = distribution(scores)
        # Without money within three cents of the mid only dates and updates tell markets apart.
        near = distribution([one.total for one in scored if one.depth_usd > 0])
        print(f"{name}: {json.dumps(found)}, with money near the mid: {json.dumps(near)}")  # noqa: T201 - the figure the README reports
        assert len(scores) > 5000
        assert len(set(scores[:100])) == 100
        assert scores[0] < 1.0
        assert scores[0] - scores[99] > 0.005
        assert near["tied"] < 0.02 * near["count"]
