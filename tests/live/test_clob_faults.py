"""What the gateway knows after everything that can happen to a request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import msgspec
import pytest
from aiohttp import web

from live_account import PATIENT, START_NS, Hidden, Venue
from loopback_exchange import S_NS
from polyframe.exchange.faults import rest_kinds as kinds
from polyframe.exchange.faults.targets import ModeChange
from polyframe.exchange.faults.venue_kinds import HeartbeatRefusal
from polyframe.live_settings import LimitSettings
from polyframe.polymarket.account_words import PlaceResult, VenueMode
from polyframe.polymarket.clob import Clob, ClobError
from polyframe.polymarket.clob_opening import open_clob
from polyframe.polymarket.hosts import loopback_urls
from polyframe.polymarket.order_signing import SignatureType

pytestmark = pytest.mark.anyio
ACCEPTED, REJECTED, UNKNOWN = PlaceResult
HASTY = msgspec.structs.replace(PATIENT, request_timeout_s=0.3)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


# Each fault, what is known after it of one order and of two in one request, and whether the
# venue has them.
REQUESTS: list[tuple[Any, PlaceResult, str, bool]] = [
    (kinds.Refused(status=400), REJECTED, "invalid", False),
    (kinds.Refused(status=400, error="a new reason"), REJECTED, "other", False),
    (kinds.Refused(status=400, error="context canceled"), UNKNOWN, "unclear", False),
    (kinds.Refused(status=401), REJECTED, "auth", False),
    (kinds.Refused(status=403), REJECTED, "banned", False),
    (kinds.Refused(status=404), REJECTED, "no_market", False),
    (kinds.Restarting(), UNKNOWN, "restarting", False),
    (kinds.TooManyRequests(), REJECTED, "rate_limited", False),
    (kinds.TooManyRequests(from_limiter=False), UNKNOWN, "throttled", False),
    (kinds.ServerError(status=500), UNKNOWN, "server_error", False),
    (kinds.ServerError(status=502), UNKNOWN, "server_error", False),
    (kinds.ServerError(status=503), REJECTED, "trading_disabled", False),
    (kinds.CancelOnly(), REJECTED, "cancel_only", False),
    (kinds.HtmlBody(status=502), UNKNOWN, "server_error", False),
    (kinds.HtmlBody(status=503), UNKNOWN, "server_error", False),
    (kinds.HtmlBody(status=200), UNKNOWN, "malformed", False),
    (kinds.Redirect(), UNKNOWN, "server_error", False),
    (kinds.ConnectionReset(), UNKNOWN, "lost", False),
    (kinds.ResponseLost(), UNKNOWN, "lost", True),
    (kinds.RetriesAllLive(), UNKNOWN, "server_error", True),
    (kinds.NoOrderId(), UNKNOWN, "unclear", True),
    (kinds.SuccessWithError(), REJECTED, "balance", False),
    (kinds.TimeoutAfter(), UNKNOWN, "timeout", True),
    (kinds.TimeoutBefore(), UNKNOWN, "timeout", False),
    (kinds.SlowDrip(bytes_per_s=1e-3), UNKNOWN, "timeout", True),
]


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(("fault", "result", "code", "is_in"), REQUESTS)
async def test_each_fault_of_a_request_leaves_what_is_true(
    fault: Any, result: PlaceResult, code: str, is_in: bool, count: int
) -> None:
    settings = HASTY if code == "timeout" else PATIENT
    async with Venue() as venue, venue.account(settings=settings) as clob:
        venue.fault(msgspec.structs.replace(fault, route=kinds.PLACE))
        spec = venue.plain()
        intents = [venue.sign(clob, spec, order_id=f"o-{at}") for at in range(count)]

        placed = await clob.place(intents)

        assert [one.order_id for one in placed] == [f"o-{at}" for at in range(count)]
        assert {(one.result, one.code) for one in placed} == {(result, code)}
        assert all(one.message for one in placed)
        for intent in intents:
            assert (await clob.order(intent.venue_id) is not None) == is_in


async def test_an_order_accepted_late_is_not_there_and_then_it_is() -> None:
    async with Venue() as venue, venue.account() as clob:
        venue.fault(kinds.AcceptedLate(after_s=40, count=1))
        intent = venue.sign(clob, venue.plain())
        (placed,) = await clob.place([intent])
        assert (placed.result, placed.code) == (UNKNOWN, "lost")
        assert await clob.order(intent.venue_id) is None
        await venue.pass_s(41)
        with anyio.fail_after(10):
            while await clob.order(intent.venue_id) is None:
                await anyio.lowlevel.checkpoint()
        # The same signed bytes cannot become a second order.
        (again,) = await clob.place([intent])
        assert (again.result, again.code) == (UNKNOWN, "duplicate")
        assert len(await clob.open_orders()) == 1


async def test_a_line_that_never_opened_is_a_refusal() -> None:
    async with Venue() as venue, venue.account() as clob:
        intent = venue.sign(clob, venue.plain())
        await venue.exchange.__aexit__(None, None, None)
        # The kept connection is cut: nobody knows. A new one is refused: never sent.
        await clob.place([intent])
        (placed,) = await clob.place([intent])
        assert (placed.result, placed.code) == (REJECTED, "unreachable")
        cancelled = await clob.cancel([intent.venue_id])
        assert not cancelled.is_known
        with pytest.raises(ClobError):
            await clob.heartbeat("")
        await venue.exchange.__aenter__()


@pytest.mark.parametrize(
    ("fault", "is_known"),
    [
        (kinds.Refused(status=400), True),
        (kinds.Refused(status=401), True),
        (kinds.Restarting(), False),
        (kinds.TooManyRequests(), False),
        (kinds.TooManyRequests(from_limiter=False), False),
        (kinds.ServerError(status=500), False),
        (kinds.ServerError(status=503), False),
        (kinds.HtmlBody(status=200), False),
        (kinds.ConnectionReset(), False),
        (kinds.TimeoutBefore(), False),
    ],
)
async def test_a_cancel_that_fails_says_whether_to_send_it_again(
    fault: Any, is_known: bool
) -> None:
    async with Venue() as venue, venue.account(settings=HASTY) as clob:
        intent = venue.sign(clob, venue.plain())
        await clob.place([intent])
        venue.fault(msgspec.structs.replace(fault, route="DELETE /*", count=2))
        for cancelled in (await clob.cancel([intent.venue_id]), await clob.cancel_all()):
            assert (cancelled.gone, cancelled.is_known) == ((), is_known)
            assert cancelled.message
        done = await clob.cancel([intent.venue_id])
        assert done.gone == (intent.venue_id,)


async def test_cancels_beyond_the_signers_burst_are_told_apart() -> None:
    async with Venue(funds_usd=1e6) as venue, venue.account() as clob:
        spec = venue.plain()
        intents = [venue.sign(clob, spec, order_id=f"o-{at}") for at in range(180)]
        for start in range(0, 180, 60):
            assert {one.result for one in await clob.place(intents[start : start + 60])} == {
                ACCEPTED
            }
            await venue.pass_s(2)
        ids = [one.venue_id for one in intents]
        done = await clob.cancel(ids)
        assert (len(done.gone), done.refused, done.is_known) == (120, {}, False)
        await venue.pass_s(2)
        rest = await clob.cancel([one for one in ids if one not in done.gone])
        assert (len(rest.gone), rest.is_known) == (60, True)


async def test_the_limiter_closes_the_budget_until_it_allows_more() -> None:
    async with Venue() as venue, venue.account() as clob:
        spec, clock = venue.plain(), venue.exchange.clock
        assert clob.budget.take(1, clock())
        venue.fault(kinds.TooManyRequests(retry_after_s=5, count=1, route=kinds.PLACE))
        (placed,) = await clob.place([venue.sign(clob, spec)])
        assert placed.code == "rate_limited"
        assert not clob.budget.take(1, clock())
        assert clob.budget.wait_ns(1, clock()) >= 4 * S_NS
        await venue.pass_s(6)
        assert clob.budget.take(1, clock())
        assert clob.budget.refusals == 1


async def test_modes_are_learned_from_answers_and_unlearned() -> None:
    async with Venue() as venue, venue.account() as clob:
        assert venue.exchange.private is not None
        desk, spec, clock = venue.exchange.private.desk, venue.plain(), venue.exchange.clock
        rests = {"post_only": True}
        takes = {"post_only": False, "price_e4": 100}

        async def codes(**kind: Any) -> tuple[PlaceResult, str]:
            (one,) = await clob.place([venue.sign(clob, spec, **kind)])
            return one.result, one.code

        desk.modes.change = ModeChange(mode="restarting", retry_after_s=30)
        assert await codes(**rests) == (UNKNOWN, "restarting")
        assert clob.mode[:2] == (VenueMode.RESTARTING, clock() + 30 * S_NS)
        assert (await clob.cancel_all()).is_known is False
        await venue.pass_s(31)
        assert clob.mode.mode is VenueMode.POST_ONLY

        desk.modes.change = ModeChange(mode="post_only", until_ns=clock() + 80 * S_NS)
        assert await codes(**rests) == (ACCEPTED, "")
        assert await codes(**takes) == (REJECTED, "post_only_mode")
        assert clob.mode[:2] == (VenueMode.POST_ONLY, clock() + 80 * S_NS)
        legs = [venue.sign(clob, spec, **rests), venue.sign(clob, spec, **takes)]
        assert [one.code for one in await clob.place(legs)] == ["", "post_only_mode"]

        desk.modes.change = ModeChange(mode="cancel_only")
        assert await codes(**rests) == (REJECTED, "cancel_only")
        assert clob.mode.mode is VenueMode.CANCEL_ONLY
        assert (await clob.cancel_all()).is_known
        desk.modes.change = ModeChange(mode="disabled")
        assert await codes(**rests) == (REJECTED, "trading_disabled")
        assert (await clob.cancel_all()).is_known is False
        assert clob.mode.mode is VenueMode.DISABLED

        desk.modes.change = ModeChange(mode="running")
        assert await codes(**rests) == (ACCEPTED, "")
        assert clob.mode.mode is VenueMode.RUNNING
        told = [one.mode for one in venue.modes]
        assert told[0] is VenueMode.RESTARTING
        assert told[-1] is VenueMode.RUNNING
        assert {VenueMode.POST_ONLY, VenueMode.CANCEL_ONLY, VenueMode.DISABLED} <= {*told}


async def test_reads_are_tried_again_and_end_in_one_error() -> None:
    async with Venue() as venue, venue.account() as clob:
        venue.fault(kinds.ServerError(status=502, route="GET /data/*", count=2))
        assert await clob.open_orders() == []
        venue.fault(kinds.ServerError(status=502, route="GET /*"))
        spec = venue.plain()
        for ask in (
            clob.open_orders,
            lambda: clob.order("0x" + "00" * 32),
            lambda: clob.fills_since(0),
            lambda: clob.balances(spec.token_ids),
            clob.closed_only,
            clob.server_time,
            clob.rate_tier,
        ):
            with pytest.raises(ClobError) as failed:
                await ask()
            assert failed.value.status == 502
            assert "\n" not in str(failed.value)


async def test_reads_never_hang() -> None:
    async with Venue() as venue, venue.account(settings=HASTY) as clob:
        venue.fault(kinds.TimeoutBefore(route="GET /*"))
        with anyio.fail_after(10), pytest.raises(ClobError, match="no answer in"):
            await clob.open_orders()


async def test_a_404_of_something_before_the_venue_is_no_answer() -> None:
    async with Venue() as venue, venue.account() as clob:
        intent = venue.sign(clob, venue.plain())
        await clob.place([intent])
        venue.fault(kinds.HtmlBody(status=404, route="GET /data/order/*"))
        order = await clob.order(intent.venue_id)  # the list says it all the same
        assert order is not None
        assert order.order_id == intent.venue_id
        assert await clob.order("0x" + "00" * 32) is None
        venue.fault(kinds.HtmlBody(status=404, route="GET /data/orders"))
        with pytest.raises(ClobError):
            await clob.order(intent.venue_id)


async def test_heartbeats_that_fail_are_one_error() -> None:
    async with Venue() as venue, venue.account() as clob:
        beat = await clob.heartbeat("")
        venue.fault(HeartbeatRefusal(for_s=10))
        await venue.pass_s(1)
        with pytest.raises(ClobError, match="Invalid Heartbeat ID"):
            await clob.heartbeat(beat)
        await venue.pass_s(11)
        assert await clob.heartbeat(beat)
        for fault in (kinds.ServerError(), kinds.Restarting(), kinds.HtmlBody(status=200)):
            venue.fault(msgspec.structs.replace(fault, route="*/heartbeats", count=1))
            with pytest.raises(ClobError, match="no heartbeat"):
                await clob.heartbeat(beat)


# --- answers the embedded exchange never gives ------------------------------------------


class Teller:
    """A CLOB that answers orders with what it is told to."""

    def __init__(self) -> None:
        self.answer: Any = None
        self.posted: list[Any] = []
        self.pages: dict[str, list[Any]] = {}

    async def key(self, request: web.Request) -> web.Response:
        return web.json_response({"apiKey": "key", "secret": "A" * 43 + "=", "passphrase": "p"})

    async def deployed(self, request: web.Request) -> web.Response:
        return web.json_response({"deployed": False})

    async def orders(self, request: web.Request) -> web.Response:
        self.posted.append(await request.json())
        told = self.answer
        return web.json_response(told(self.posted[-1]) if callable(told) else told)

    async def read(self, request: web.Request) -> web.Response:
        return web.json_response(self.pages[request.path].pop(0))

    @asynccontextmanager
    async def account(
        self,
        unread: Callable[[Any], None] = print,
        kind: SignatureType = SignatureType.EOA,
    ) -> AsyncIterator[Clob]:
        app = web.Application()
        app.add_routes(
            [
                web.post("/auth/api-key", self.key),
                web.get("/deployed", self.deployed),
                web.post("/order", self.orders),
                web.post("/orders", self.orders),
                web.delete("/orders", self.orders),
                web.get("/data/{list:.*}", self.read),
            ]
        )
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            async with open_clob(
                loopback_urls(f"http://127.0.0.1:{runner.addresses[0][1]}"),
                Hidden(9),
                settings=PATIENT,
                limits=LimitSettings(),
                clock=lambda: START_NS,
                signature_type=kind,
                on_unread=unread,
            ) as clob:
                yield clob
        finally:
            await runner.cleanup()


def leg(order_id: str = "", error: str = "", status: str = "", **more: Any) -> dict[str, Any]:
    return {
        "errorMsg": error, "orderID": order_id, "takingAmount": "", "makingAmount": "",
        "status": status, "success": True, **more,
    }  # fmt: skip


ODD_ANSWERS: list[tuple[Any, list[tuple[PlaceResult, str]]]] = [
    ([], [(UNKNOWN, "missing")] * 2),
    ([leg(error="not enough balance / allowance")], [(REJECTED, "balance"), (UNKNOWN, "missing")]),
    ([leg("0x" + "11" * 32, status="live")] * 2, [(UNKNOWN, "other_id")] * 2),
    ([leg(status="live")] * 2, [(UNKNOWN, "unclear")] * 2),
    ([leg("0x" + "11" * 32, status="unmatched")] * 2, [(UNKNOWN, "unmatched")] * 2),
    ([leg("0x" + "11" * 32, status="parked")] * 2, [(UNKNOWN, "unclear")] * 2),
    ([leg(error="order match delayed due to market conditions")] * 2, [(UNKNOWN, "delayed")] * 2),
    ([leg(error="there are no matching orders")] * 2, [(UNKNOWN, "unclear")] * 2),
    ([leg(error="moon in the wrong phase")] * 2, [(REJECTED, "other")] * 2),
    ([leg(error="nope", success=False)] * 2, [(REJECTED, "other")] * 2),
    ([{"success": True}] * 2, [(UNKNOWN, "malformed")] * 2),
    ({"success": True}, [(UNKNOWN, "malformed")] * 2),
    (None, [(UNKNOWN, "malformed")] * 2),
]


@pytest.mark.parametrize(("answer", "wanted"), ODD_ANSWERS)
async def test_odd_answers_to_a_batch(answer: Any, wanted: list[tuple[PlaceResult, str]]) -> None:
    teller = Teller()
    teller.answer = answer
    async with Venue() as venue, teller.account() as clob:
        spec = venue.plain()
        intents = [venue.sign(clob, spec, order_id=f"o-{at}") for at in range(2)]
        placed = await clob.place(intents)
    assert [(one.result, one.code) for one in placed] == wanted


async def test_what_is_posted_is_what_was_signed() -> None:
    teller = Teller()
    async with Venue() as venue, teller.account() as clob:
        spec = venue.plain()
        expires_ns = START_NS + 600 * S_NS
        intents = [
            venue.sign(clob, spec),
            venue.sign(clob, spec, expires_ns=expires_ns),
            venue.sign(clob, spec, post_only=False, price_e4=5_100, size_e6=10_019_000),
        ]
        teller.answer = lambda posted: [leg(one.venue_id, status="live") for one in intents]
        placed = await clob.place(intents)
        assert {one.result for one in placed} == {ACCEPTED}
        teller.answer = lambda posted: leg(intents[2].venue_id, status="delayed")
        (held,) = await clob.place(intents[2:])
        assert (held.result, held.message) == (ACCEPTED, "delayed")
    wanted = [msgspec.json.decode(msgspec.json.encode(one.post)) for one in intents]
    assert teller.posted == [wanted, wanted[2]]
    assert [one.get("postOnly") for one in wanted] == [True, True, None]
    assert [one["orderType"] for one in wanted] == ["GTC", "GTD", "FAK"]
    assert [one["order"]["expiration"] for one in wanted] == [
        "0",
        str(expires_ns // S_NS + 60),
        "0",
    ]


async def test_a_cancel_whose_answer_leaves_an_order_out_is_sent_again() -> None:
    teller = Teller()
    teller.answer = {"canceled": ["0x1"], "not_canceled": {"0x2": "already canceled or matched"}}
    async with teller.account() as clob:
        done = await clob.cancel(["0x1", "0x2", "0x3"])
        assert done.gone == ("0x1",)
        assert done.refused == {"0x2": "already canceled or matched"}
        assert not done.is_known
        assert (await clob.cancel(["0x1", "0x2"])).is_known
        teller.answer = {"canceled": None}
        assert not (await clob.cancel(["0x1"])).is_known


ORDER = {
    "id": "0x1", "status": "LIVE", "owner": "key", "maker_address": "0x", "market": "0xm",
    "asset_id": "7", "side": "BUY", "original_size": "10", "size_matched": "0", "price": "0.52",
    "outcome": "Yes", "expiration": "0", "order_type": "GTC", "associate_trades": [],
    "created_at": 1748779200,
}  # fmt: skip
TRADE = {
    "id": "t1", "taker_order_id": "0x9", "market": "0xm", "asset_id": "7", "side": "SELL",
    "size": "10", "fee_rate_bps": "", "price": "0.52", "status": "TRADE_STATUS_MINED",
    "match_time": "1748779205", "owner": "other", "trader_side": "MAKER",
    "maker_orders": [{"order_id": "0x1", "owner": "key", "matched_amount": "10", "price": "0.52",
                      "asset_id": "7", "side": "BUY"}],
}  # fmt: skip


async def test_odd_pages() -> None:
    teller = Teller()
    unread: list[Any] = []
    async with teller.account(unread.extend) as clob:
        # One unreadable order makes the list unusable; one unreadable trade is handed on.
        teller.pages = {"/data/orders": [{"data": [ORDER, {"id": "0x2"}], "next_cursor": "LTE="}]}
        with pytest.raises(ClobError, match="unreadable"):
            await clob.open_orders()
        teller.pages = {"/data/trades": [
            {"data": [TRADE, {**TRADE, "id": "t2", "status": "EXPLODED"}], "next_cursor": "Mg=="},
            {"data": [TRADE], "next_cursor": None},
        ]}  # fmt: skip
        (fill,) = await clob.fills_since(0)
        assert (fill.trade_id, fill.order_id, fill.price_e4) == ("t1", "0x1", 5_200)
        assert [one.reason for one in unread] == ["trade: a trade status of 'EXPLODED'"]
        # Pages that never end, and answers that are none.
        teller.pages = {"/data/orders": [{"data": [], "next_cursor": "Mg=="}] * 3}
        with pytest.raises(ClobError, match="do not end"):
            await clob.open_orders()
        teller.pages = {"/data/orders": [{"next_cursor": "LTE="}]}
        with pytest.raises(ClobError, match="without its list"):
            await clob.open_orders()
        # Nothing in the place of an order: the list decides.
        teller.pages = {"/data/order/0x1": [None], "/data/orders": [{"data": [ORDER]}]}
        found = await clob.order("0x1")
        assert found is not None
        assert found.order_id == "0x1"
        teller.pages = {"/data/order/0x1": [None], "/data/orders": [{"data": []}]}
        assert await clob.order("0x1") is None
        teller.pages = {"/data/order/0x1": [{**ORDER, "id": "0x2"}]}
        with pytest.raises(ClobError, match="came instead"):
            await clob.order("0x1")
        teller.pages = {"/data/order/0x1": [{"id": "0x1"}]}
        with pytest.raises(ClobError, match="unreadable"):
            await clob.order("0x1")


@pytest.mark.parametrize("kind", list(SignatureType)[1:])
async def test_a_wallet_that_does_not_exist_is_told_and_not_deployed(kind: SignatureType) -> None:
    with pytest.raises(ClobError, match="does not exist") as refused:
        async with Teller().account(kind=kind):
            pass
    assert "cannot be opened" in str(refused.value)
