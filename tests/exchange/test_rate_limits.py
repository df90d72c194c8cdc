"""Token buckets for signers and windows for addresses, against the venue's tables."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polymarket.clients._transport import _parse_rate_limit_headers
from polymarket.rate_limit import RateLimitUpdate

from polyframe.exchange.faults.rest_kinds import ServerError
from polyframe.exchange.ip_limits import IP_LIMITS, IpLimit, IpLimits
from polyframe.exchange.rate_limits import TIERS, RateLimits
from polyframe.exchange.server import EmbeddedExchange
from polyframe.exchange.simulation.source import SimulatedSource

S_NS = 10**9
NOW = 1_782_753_357 * S_NS
SIGNER = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"


def test_tiers_grow_and_bursts_are_half_again_the_rate() -> None:
    tiers = list(TIERS.values())
    assert [tier.orders_per_s for tier in tiers] == sorted(tier.orders_per_s for tier in tiers)
    for tier in tiers:
        assert tier.order_burst == tier.orders_per_s * 3 // 2
        assert tier.cancels_per_s == 2 * tier.orders_per_s
        assert tier.cancel_burst == tier.cancels_per_s * 3 // 2
    assert [tier.name for tier in tiers if not tier.cancel_debt] == ["Platinum", "Diamond", "Elite"]


def test_a_burst_then_the_rate() -> None:
    limits = RateLimits()
    rulings = [limits.take(SIGNER, "orders", 1, NOW) for _ in range(61)]
    assert all(ruling.is_allowed for ruling in rulings[:60])
    assert rulings[59].remaining == 0
    assert not rulings[60].is_allowed
    assert rulings[60].headers() == {
        "Poly-RateLimit-Remaining": "0",
        "Poly-RateLimit-Reset": str(NOW // S_NS + 1),
        "Poly-RateLimit-Tier": "Standard",
        "Retry-After": "1",
    }
    # 40 a second: one token after 25 ms, not a nanosecond earlier.
    assert not limits.take(SIGNER, "orders", 1, NOW + 25_000_000 - 1).is_allowed
    assert limits.take(SIGNER.lower(), "orders", 1, NOW + 25_000_000).is_allowed
    assert limits.take(SIGNER, "cancels", 120, NOW).is_allowed
    assert limits.take("0x" + "11" * 20, "orders", 60, NOW).is_allowed


def test_a_batch_passes_whole_or_not_at_all() -> None:
    limits = RateLimits()
    assert limits.take(SIGNER, "orders", 50, NOW).remaining == 10
    refused = limits.take(SIGNER, "orders", 15, NOW)
    assert (refused.is_allowed, refused.remaining) == (False, 10)
    assert limits.take(SIGNER, "orders", 10, NOW).is_allowed
    # 15 tokens take 375 ms.
    assert not limits.take(SIGNER, "orders", 15, NOW + 374_999_999).is_allowed
    assert limits.take(SIGNER, "orders", 15, NOW + 375_000_000).is_allowed


def test_a_batch_above_the_burst_never_passes() -> None:
    limits = RateLimits()
    for later_s in (0, 100):
        ruling = limits.take(SIGNER, "cancels", 121, NOW + later_s * S_NS)
        assert not ruling.is_allowed
        assert ruling.remaining == 120
        assert ruling.retry_after_s == 1


def test_a_cancel_all_leaves_a_debt_where_the_tier_allows_it() -> None:
    limits = RateLimits()
    assert limits.take(SIGNER, "cancels", 1, NOW).is_allowed
    owed = limits.charge_cancelled(SIGNER, 400, NOW)
    assert (owed.is_allowed, owed.remaining) == (True, -281)
    refused = limits.take(SIGNER, "cancels", 1, NOW + S_NS)
    assert (refused.is_allowed, refused.remaining) == (False, -201)
    assert refused.retry_after_s == 3  # 202 tokens at 80 a second
    assert limits.take(SIGNER, "cancels", 1, NOW + 4 * S_NS).is_allowed
    limits.set_tier(SIGNER, "Elite")
    assert limits.charge_cancelled(SIGNER, 5_000, NOW + 4 * S_NS).remaining == 0
    with pytest.raises(KeyError):
        limits.set_tier(SIGNER, "Tin")


def test_warning_mode_lets_everything_pass_and_says_so() -> None:
    limits = RateLimits(is_enforced=False)
    assert not limits.take(SIGNER, "orders", 60, NOW).is_warning
    warned = limits.take(SIGNER, "orders", 15, NOW)
    assert warned.is_allowed
    assert warned.headers()["Poly-RateLimit-Warning"] == "true"
    assert "Retry-After" not in warned.headers()
    assert warned.remaining == 0


def test_the_official_client_reads_the_headers() -> None:
    limits = RateLimits(is_enforced=False)
    limits.take(SIGNER, "cancels", 120, NOW)
    said = limits.charge_cancelled(SIGNER, 3, NOW)
    assert _parse_rate_limit_headers(said.headers()) == RateLimitUpdate(
        remaining=-3.0, reset=float(NOW // S_NS + 1), tier="Standard", warning=False
    )


@given(
    st.lists(st.tuples(st.integers(0, 2 * S_NS), st.integers(1, 70)), max_size=60),
    st.sampled_from(sorted(TIERS)),
)
def test_no_window_ever_sees_more_than_burst_and_rate(
    asked: list[tuple[int, int]], tier: str
) -> None:
    limits = RateLimits(tier=tier)
    now_ns, spent = NOW, []
    for wait_ns, tokens in asked:
        now_ns += wait_ns
        if limits.take(SIGNER, "orders", tokens, now_ns).is_allowed:
            spent.append((now_ns, tokens))
    of = TIERS[tier]
    for first, (start_ns, _) in enumerate(spent):
        total = 0
        for end_ns, tokens in spent[first:]:
            total += tokens
            assert total * S_NS <= of.order_burst * S_NS + of.orders_per_s * (end_ns - start_ns)


@given(st.integers(1, 200), st.integers(1, 60))
def test_retrying_when_told_to_passes(spend: int, tokens: int) -> None:
    limits = RateLimits()
    limits.charge_cancelled(SIGNER, spend, NOW)
    ruling = limits.take(SIGNER, "cancels", tokens, NOW)
    if ruling.retry_after_s is not None:
        later_ns = NOW + ruling.retry_after_s * S_NS
        assert limits.take(SIGNER, "cancels", tokens, later_ns).is_allowed


# --- addresses -----------------------------------------------------------------------


def test_a_window_slides() -> None:
    limits = IpLimits((IpLimit("clob", 2, paths=("/ok",)),))

    def ask(at_s: float, ip: str = "127.0.0.1", path: str = "/ok") -> int | None:
        return limits.retry_after_s(ip, "clob", "GET", path, NOW + int(at_s * S_NS))

    assert [ask(0), ask(4), ask(5)] == [None, None, 5]
    assert ask(5, ip="127.0.0.2") is None
    assert ask(5, path="/time") is None
    assert ask(9.5) == 1
    assert ask(10) is None  # the first has left the window; the refused ones never were in it
    assert ask(10) == 4
    assert ask(14) is None


def test_the_table_covers_what_it_names() -> None:
    def covering(method: str, path: str, service: str = "clob") -> set[int]:
        return {limit.requests for limit in IP_LIMITS if limit.covers(service, method, path)}

    assert covering("POST", "/order") == {9_000, 5_000, 120_000}
    assert covering("DELETE", "/cancel-all") == {9_000, 250, 6_000}
    assert covering("GET", "/data/order/0x12") == {9_000, 900}
    assert covering("GET", "/data/orders") == {9_000, 900, 500}
    assert covering("GET", "/markets/keyset", "gamma") == {4_000, 300, 900}
    assert covering("GET", "/v2/positions", "data") == {800, 200}


def test_the_tightest_window_decides() -> None:
    limits = IpLimits()
    answers = [
        limits.retry_after_s("127.0.0.1", "clob", "GET", "/balance-allowance/update", NOW)
        for _ in range(51)
    ]
    assert answers == [None] * 50 + [10]


@pytest.mark.anyio
async def test_full_windows_are_refused_before_anything_else() -> None:
    wall = [0]
    limits = IpLimits(
        (IpLimit("clob", 3), IpLimit("gamma", 1, paths=("/tags",)), IpLimit("data", 1))
    )
    source = SimulatedSource(7, 4, 1e-9, 1_796_000_000 * S_NS)
    exchange = EmbeddedExchange(source, monotonic_ns=lambda: wall[0], ip_limits=limits)
    exchange.injection.add([ServerError(route="/ok")])
    async with (
        exchange,
        httpx.AsyncClient(base_url=exchange.urls.clob_url, trust_env=False) as http,
    ):
        answers = [(await http.get("/ok")).status_code for _ in range(4)]
        assert answers == [500, 500, 500, 429], "a refused request meets no fault"
        full = await http.get("/time")
        assert (full.status_code, full.json()) == (429, {"error": "Too Many Requests"})
        assert full.headers["Retry-After"] == "10"
        assert not [name for name in full.headers if name.lower().startswith("poly-")]
        for path in ("/gamma/tags", "/data-api/v2/status"):
            assert [(await http.get(path)).status_code for _ in range(2)] == [200, 429]
        wall[0] = 10 * S_NS
        assert (await http.get("/time")).status_code == 200
