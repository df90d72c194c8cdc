"""Every number of the core, with unit, bounds and meaning: the typed strategy file.

One class per section of the file. The JSON Schema, the editor's hints, the error messages and
the production floor all come from these annotations; nothing else in the core holds a
threshold. Defaults are the production-safe value; profiles override them in the file.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from polyframe.live_settings import LimitSettings, ProductionSettings
from polyframe.plugin import Config
from polyframe.plugin import setting as s


class CapitalSettings(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the account may lose."""

    bankroll_usd: Annotated[
        float,
        s(
            "equity the run starts with; caps are shares of equity; in production the part of "
            "the account's balance that is traded with",
            unit="usd",
            gt=0,
            production_required=True,
        ),
    ] = 5000.0
    one_sided_mark_offset: Annotated[
        float,
        s(
            "a book with one side only is marked this far inside it, flagged",
            unit="price",
            ge=0,
            le=0.1,
            production_max=0.0,
        ),
    ] = 0.0
    adverse_horizon_s: Annotated[
        float, s("horizon of the adverse-selection part of the PnL", unit="s", gt=0, le=86400)
    ] = 120.0
    merge_above_usd: Annotated[
        float,
        s("pairs of YES and NO are merged into cash when they free this much", unit="usd", ge=1),
    ] = 20.0


class CycleSettings(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When markets are selected anew."""

    cycle_s: Annotated[float, s("time between selection cycles", unit="s", ge=1, le=3600)] = 60.0
    tick_s: Annotated[
        float, s("how often time passes for the engine when nothing happens", unit="s", gt=0, le=5)
    ] = 0.5
    warmup_books: Annotated[
        int, s("books to have before the first scoring", unit="count", ge=1)
    ] = 25
    warmup_max_s: Annotated[float, s("longest wait for them", unit="s", gt=0, le=300)] = 10.0
    warmup_check_s: Annotated[float, s("how often the warm-up looks", unit="s", gt=0, le=10)] = 0.5
    max_active: Annotated[int, s("markets quoted at once", unit="count", ge=1, le=500)] = 40
    keep_within_rank: Annotated[
        int,
        s("a quoted market keeps its place while it ranks this high", unit="count", ge=1, le=5000),
    ] = 60
    max_per_cluster: Annotated[
        int, s("quoted markets that may move together", unit="count", ge=1)
    ] = 5


class PrefilterSettings(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which fetched markets are worth a subscription."""

    enabled: Annotated[bool, s("rank by activity and keep the best", unit="switch")] = False
    keep_markets: Annotated[int, s("markets kept", unit="count", ge=1, le=5000)] = 250
    drop_close_window: Annotated[
        bool, s("drop markets inside the close window or past their end", unit="switch")
    ] = True
    drop_neg_risk: Annotated[bool, s("drop negative-risk markets", unit="switch")] = True


class UniverseSettings(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which markets are fetched, how often, and when the set is sown anew."""

    max_markets: Annotated[int, s("markets fetched", unit="count", ge=1, le=50000)] = 200
    prefilter: PrefilterSettings = msgspec.field(default_factory=PrefilterSettings)
    refresh_active_s: Annotated[float, s("metadata refresh of active markets", unit="s", ge=10)] = (
        300.0
    )
    refresh_all_s: Annotated[float, s("metadata refresh of all", unit="s", ge=60)] = 3600.0
    reseed_empty_cycles: Annotated[
        int, s("empty active sets in a row before a reseed", unit="count", ge=1)
    ] = 3
    reseed_min_interval_s: Annotated[float, s("least time between reseeds", unit="s", ge=0)] = 300.0
    reseed_max_failures: Annotated[
        int, s("fruitless reseeds before a pause", unit="count", ge=1)
    ] = 5
    reseed_pause_s: Annotated[float, s("length of that pause", unit="s", ge=0)] = 600.0


class StateSettings(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Clocks of a market's way to resolution."""

    watch_h: Annotated[float, s("WATCH starts this long before the end", unit="h", ge=0)] = 72.0
    close_window_h: Annotated[
        float, s("CLOSE_WINDOW starts this long before the end", unit="h", ge=0)
    ] = 24.0
    challenge_h: Annotated[
        float, s("challenge window where the market does not say", unit="h", gt=0)
    ] = 2.0


class FeedSettings(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The market socket and the proof that books are current."""

    max_book_age_s: Annotated[
        float,
        s("oldest book that may be quoted", unit="s", gt=0, le=600, production_max=5.0),
    ] = 5.0
    tokens_per_socket: Annotated[int, s("subscription shard", unit="count", ge=1, le=500)] = 200
    ping_s: Annotated[float, s("time between PINGs (wall clock)", unit="s", gt=0, le=30)] = 10.0
    pong_timeout_s: Annotated[
        float, s("a socket without PONG or data this long is dead (wall clock)", unit="s", gt=0)
    ] = 30.0
    connect_timeout_s: Annotated[
        float, s("longest wait for a socket to open (wall clock)", unit="s", gt=0)
    ] = 10.0
    backoff_base_s: Annotated[
        float, s("first reconnect delay bound, full jitter (wall clock)", unit="s", gt=0)
    ] = 0.25
    backoff_cap_s: Annotated[
        float, s("longest reconnect delay bound (wall clock)", unit="s", gt=0)
    ] = 30.0
    first_book_s: Annotated[
        float, s("a token without a first book this long is asked for again", unit="s", gt=0)
    ] = 30.0
    witness_share: Annotated[
        float,
        s(
            "a book older than this share of max_book_age_s is checked over REST",
            unit="share",
            gt=0,
            le=1,
        ),
    ] = 0.4
    witness_batch: Annotated[int, s("tokens in one REST check", unit="count", ge=1, le=500)] = 250


class QuotingSettings(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a resting order is replaced, and how much the venue is asked."""

    min_interval_s: Annotated[
        float, s("least time between two decisions on one market", unit="s", ge=0)
    ] = 0.5
    drift_ticks: Annotated[
        int, s("keep an order whose price is off by at most this", unit="ticks", ge=0)
    ] = 2
    size_drift: Annotated[
        float, s("keep an order whose size is off by at most this", unit="share", ge=0, le=1)
    ] = 0.2
    order_life_s: Annotated[
        float,
        s(
            "GTD life of an order; the venue's least is 120 when it arrives",
            unit="s",
            ge=120,
            production_min=150.0,
        ),
    ] = 600.0
    renew_before_s: Annotated[
        float, s("replace an order this close to its expiry", unit="s", ge=0)
    ] = 30.0
    mutations_per_pass: Annotated[
        int, s("orders placed in one pass; cancels are never blocked", unit="count", ge=1)
    ] = 15
    mutations_per_min: Annotated[
        int,
        s(
            "orders placed or cancelled in a rolling minute before placing waits",
            unit="count",
            ge=1,
        ),
    ] = 60
    plugin_budget_ms: Annotated[
        float, s("a hook call slower than this is counted as slow", unit="ms", gt=0)
    ] = 5.0


class LatencySettings(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A lognormal delay, by its median and 99th percentile."""

    p50_s: Annotated[float, s("median delay", unit="s", ge=0, le=60)] = 0.15
    p99_s: Annotated[float, s("99th percentile of the delay", unit="s", ge=0, le=600)] = 2.0


class PaperSettings(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The paper venue's fill model (quant.md A2.4)."""

    entry: LatencySettings = msgspec.field(default_factory=LatencySettings)
    cancel: LatencySettings = msgspec.field(default_factory=LatencySettings)
    merge: LatencySettings = msgspec.field(
        default_factory=lambda: LatencySettings(p50_s=5.0, p99_s=60.0)
    )
    queue_power: Annotated[
        float, s("n of the cancel attribution 1 - (ahead/total)^n (R6)", unit="ratio", ge=1)
    ] = 1.25
    pairing_window_s: Annotated[
        float, s("prints and size drops this close belong together (R5, R6)", unit="s", ge=0)
    ] = 0.5
    participation: Annotated[
        float,
        s("own fills' largest share of a market's hourly volume (R14)", unit="share", gt=0, le=1),
    ] = 0.25
    ghost_probability: Annotated[
        float, s("matched fills that revert after 2 to 60 s (R12)", unit="share", ge=0, le=1)
    ] = 0.0


class VenueSettings(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the market lives. Hosts are fixed in code for production; URLs here are for paper."""

    fallback: Annotated[
        Literal["embedded", "none"],
        s("what a paper run uses when the live venue does not answer", unit="name"),
    ] = "none"
    probe_timeout_s: Annotated[
        float, s("longest wait for the live venue (wall clock)", unit="s", gt=0, le=30)
    ] = 3.0


class EmbeddedSettings(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The embedded exchange's generated universe and traders."""

    markets: Annotated[int, s("markets generated", unit="count", ge=4, le=2000)] = 300
    activity: Annotated[
        float, s("pace of the simulated traders, 1 is calibrated", unit="ratio", gt=0, le=100)
    ] = 1.0
    stalls_per_h: Annotated[
        float,
        s(
            "how often a market's matching stalls, which crosses its book",
            unit="per_h",
            ge=0,
            le=60,
        ),
    ] = 0.0
    profile: Annotated[
        Literal["mixed", "calm", "busy", "in_play", "hostile"],
        s("what most of its markets are like", unit="name"),
    ] = "mixed"


class TapeSettings(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The recording of every engine input."""

    rotate_mb: Annotated[
        float, s("compressed size at which a new tape file starts", unit="mb", gt=0)
    ] = 64.0


class TracingSettings(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Spans of every decision and fill, and metrics (docs/tracing.md)."""

    file: Annotated[bool, s("write spans and metrics into the run's folder", unit="switch")] = True
    console: Annotated[bool, s("print each span on standard error", unit="switch")] = False
    otlp_endpoint: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^(https?://[^\s/?#@]+(/[^\s?#@]*)?)?$",
            max_length=300,
            description="base URL of an OTLP/HTTP collector, such as http://127.0.0.1:4318, "
            "without user or password; when empty, OTEL_EXPORTER_OTLP_ENDPOINT decides",
            extra_json_schema={"unit": "name"},
        ),
    ] = ""
    unchanged_share: Annotated[
        float,
        s("decisions that change nothing and get a span all the same", unit="share", ge=0, le=1),
    ] = 1.0
    rotate_mb: Annotated[
        float, s("size at which a new span file starts; the old one is compressed", unit="mb", ge=1)
    ] = 64.0
    reserve_mb: Annotated[
        float,
        s("room on the disk that spans leave to the tape and the state", unit="mb", ge=0),
    ] = 256.0
    metrics_s: Annotated[
        float, s("time between two exports of metrics (wall clock)", unit="s", ge=1, le=3600)
    ] = 15.0
    queue_spans: Annotated[
        int, s("spans that may wait for the collector", unit="count", ge=1, le=1_000_000)
    ] = 50_000
    close_limit_s: Annotated[
        float, s("longest wait for the collector at a stop (wall clock)", unit="s", gt=0, le=60)
    ] = 5.0


class Settings(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole core, one attribute per section of the strategy file."""

    name: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            max_length=64,
            description="what reports call the strategy",
            extra_json_schema={"unit": "name"},
        ),
    ] = "strategy"
    seed: Annotated[int, s("seed of every random stream", unit="count", ge=0)] = 7
    capital: CapitalSettings = msgspec.field(default_factory=CapitalSettings)
    cycle: CycleSettings = msgspec.field(default_factory=CycleSettings)
    universe: UniverseSettings = msgspec.field(default_factory=UniverseSettings)
    states: StateSettings = msgspec.field(default_factory=StateSettings)
    feed: FeedSettings = msgspec.field(default_factory=FeedSettings)
    quoting: QuotingSettings = msgspec.field(default_factory=QuotingSettings)
    paper: PaperSettings = msgspec.field(default_factory=PaperSettings)
    limits: LimitSettings = msgspec.field(default_factory=LimitSettings)
    production: ProductionSettings = msgspec.field(default_factory=ProductionSettings)
    venue: VenueSettings = msgspec.field(default_factory=VenueSettings)
    embedded: EmbeddedSettings = msgspec.field(default_factory=EmbeddedSettings)
    tape: TapeSettings = msgspec.field(default_factory=TapeSettings)
    tracing: TracingSettings = msgspec.field(default_factory=TracingSettings)
