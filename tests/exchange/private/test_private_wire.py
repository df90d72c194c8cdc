"""The private side over loopback sockets: who may ask, what is answered, in the venue's words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import websockets

from loopback_exchange import Wall
from polyframe.events import Side
from polyframe.exchange.faults.targets import ModeChange
from polyframe.exchange.server import EmbeddedExchange
from polyframe.exchange.simulation.source import SimulatedSource
from polyframe.exchange.trading.fault_target import DeskFaults
from polyframe.exchange.trading.orders import AccountOrder
from polyframe.exchange.trading.terms import PrivateTerms
from polyframe.polymarket.auth import l1_headers, l2_headers
from polyframe.polymarket.keys import PrivateKey
from polyframe.polymarket.order_signing import Exchange, SignatureType
from polyframe.polymarket.wallets import deposit_wallets, proxy_wallet, safe_wallet
from private_client import PrivateClient

pytestmark = pytest.mark.anyio
START_NS = 1_796_000_000 * 10**9
S_NS = 10**9
BAD_KEY = {"error": "Unauthorized/Invalid api key"}


class Venue:
    """A still exchange with accounts, one market to trade in, and a wall to move."""

    def __init__(self, **terms: Any) -> None:
        self.wall = Wall()
        source = SimulatedSource(7, 24, 1e-9, START_NS)
        accounts = PrivateTerms(seed=3, **terms)
        self.exchange = EmbeddedExchange(source, monotonic_ns=self.wall, accounts=accounts)
        self.gamma = next(
            one
            for one in source.markets()
            if one.get("bestBid", 0) > 0.2
            and one.get("bestAsk", 1) < 0.8
            and not one["secondsDelay"]
            and one["orderPriceMinTickSize"] == 0.01
            and not one["negRisk"]
            and one.get("version", "v1") == "v1"
        )
        self.market_id: str = self.gamma["conditionId"]
        self.yes, self.no = json.loads(self.gamma["clobTokenIds"])
        self.bid_e4 = round(self.gamma["bestBid"] * 10_000)
        self.ask_e4 = round(self.gamma["bestAsk"] * 10_000)

    @property
    def desk(self) -> Any:
        assert self.exchange.private is not None
        return self.exchange.private.desk

    async def wait(self, seconds: float) -> None:
        """Let market time pass and the pump take its turns."""
        target = self.exchange.clock() + int(seconds * S_NS)
        while self.exchange.clock() < target:
            left = target - self.exchange.clock()
            self.wall.now_ns += min(left, S_NS // 4)
            self.exchange.hand_out()
            self.exchange.clock.produced(self.exchange.clock())
            await asyncio.sleep(0)


@pytest.fixture
async def venue() -> AsyncIterator[Venue]:
    made = Venue()
    async with made.exchange:
        yield made


# --- who may ask --------------------------------------------------------------------------


async def test_a_key_is_made_once_and_derived_ever_after(venue: Venue) -> None:
    async with PrivateClient(venue.exchange, 1) as client:
        headers = l1_headers(client.key, client.now_s)
        again = await client.http.post("/auth/api-key", headers=headers)
        assert (again.status_code, again.json()) == (400, {"error": "Could not create api key"})
        derived = await client.http.get("/auth/derive-api-key", headers=headers)
        assert derived.json() == {
            "apiKey": client.credentials.key,
            "secret": client.credentials.secret,
            "passphrase": client.credentials.passphrase,
        }
        other = await client.http.post(
            "/auth/api-key", headers=l1_headers(client.key, client.now_s, 1)
        )
        assert other.json()["apiKey"] != client.credentials.key
        listed = await client.ask("GET", "/auth/api-keys")
        assert listed.json() == {"apiKeys": [client.credentials.key, other.json()["apiKey"]]}
        assert (await client.ask("DELETE", "/auth/api-key")).json() == "OK"
        gone = await client.ask("GET", "/auth/api-keys")
        assert (gone.status_code, gone.json()) == (401, BAD_KEY)


async def test_keys_do_not_depend_on_the_exchange_that_runs() -> None:
    keys = []
    for _ in range(2):
        venue = Venue()
        async with venue.exchange, PrivateClient(venue.exchange, 1) as client:
            keys.append(client.credentials)
    assert keys[0] == keys[1]


async def test_an_l1_signature_of_somebody_else_makes_no_key(venue: Venue) -> None:
    async with PrivateClient(venue.exchange, 1) as client:
        headers = l1_headers(PrivateKey((2).to_bytes(32)), client.now_s)
        headers["POLY_ADDRESS"] = client.address
        refused = await client.http.post("/auth/api-key", headers=headers)
    assert (refused.status_code, refused.json()) == (401, {"error": "Invalid L1 Request headers"})


@pytest.mark.parametrize(
    "harm", ["key", "passphrase", "address", "signature", "timestamp", "body", "path", "method"]
)
async def test_l2_covers_everything_that_is_sent(venue: Venue, harm: str) -> None:
    async with PrivateClient(venue.exchange, 1) as client:
        body = json.dumps(["0x1"]).encode()
        signed = ("POST", "/orders", b"") if harm == "method" else ("DELETE", "/orders", body)
        if harm == "body":
            signed = ("DELETE", "/orders", body + b" ")
        if harm == "path":
            signed = ("DELETE", "/order", body)
        headers = l2_headers(client.credentials, client.address, client.now_s, *signed)
        name = {"key": "POLY_API_KEY", "passphrase": "POLY_PASSPHRASE", "address": "POLY_ADDRESS"}
        if harm in name:
            headers[name[harm]] = headers[name[harm]][:-1] + "x"
        if harm == "signature":
            del headers["POLY_SIGNATURE"]
        if harm == "timestamp":
            headers["POLY_TIMESTAMP"] = str(client.now_s + 1)
        refused = await client.http.request("DELETE", "/orders", content=body, headers=headers)
        assert (refused.status_code, refused.json()) == (401, BAD_KEY)


async def test_a_stale_timestamp_is_refused_where_the_exchange_looks_at_it() -> None:
    venue = Venue(max_skew_s=30.0)
    async with venue.exchange, PrivateClient(venue.exchange, 1) as client:
        assert (await client.ask("GET", "/data/orders")).status_code == 200
        client.now_s -= 31
        assert (await client.ask("GET", "/data/orders")).status_code == 401


async def test_the_query_is_not_signed(venue: Venue) -> None:
    async with PrivateClient(venue.exchange, 1) as client:
        answered = await client.ask("GET", "/data/orders", query={"market": venue.market_id})
        assert answered.json() == {"data": [], "next_cursor": "LTE=", "limit": 500, "count": 0}


# --- placing ------------------------------------------------------------------------------


async def test_an_accepted_order_says_exactly_this(venue: Venue) -> None:
    async with PrivateClient(venue.exchange, 1) as client:
        placed = await client.ask("POST", "/order", client.post(venue.yes, venue.bid_e4, 10))
        order_id = placed.json()["orderID"]
        assert placed.json() == {
            "errorMsg": "", "orderID": order_id, "takingAmount": "", "makingAmount": "",
            "status": "live", "success": True,
        }  # fmt: skip
        assert placed.headers["Poly-RateLimit-Remaining"] == "59"
        assert placed.headers["Poly-RateLimit-Tier"] == "Standard"
        shown = await client.ask("GET", f"/data/order/{order_id}")
        assert shown.json() == {
            "id": order_id, "status": "LIVE", "owner": client.credentials.key,
            "maker_address": client.address, "market": venue.market_id, "asset_id": venue.yes,
            "side": "BUY", "original_size": "10", "size_matched": "0",
            "price": f"{venue.bid_e4 / 1e4:g}", "outcome": json.loads(venue.gamma["outcomes"])[0],
            "expiration": "0", "order_type": "GTC", "associate_trades": [],
            "created_at": START_NS // S_NS,
        }  # fmt: skip


async def test_a_match_says_what_is_received_and_what_is_given(venue: Venue) -> None:
    async with PrivateClient(venue.exchange, 1) as client:
        body = client.post(venue.yes, venue.ask_e4, 10)
        answer = (await client.ask("POST", "/order", body)).json()
        assert answer["status"] == "matched"
        assert (answer["takingAmount"], answer["makingAmount"]) == (
            "10",
            f"{venue.ask_e4 / 1e3:g}",
        )
        assert len(answer["tradeIDs"]) == 1
        trades = (await client.ask("GET", "/data/trades")).json()["data"]
        assert trades[0]["id"] == answer["tradeIDs"][0]
        assert trades[0]["status"] == "TRADE_STATUS_MATCHED"
        assert trades[0]["trader_side"] == "TAKER"
        assert sum(float(leg["matched_amount"]) for leg in trades[0]["maker_orders"]) == 10


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"owner": "somebody"}, "the order owner has to be the owner of the API KEY"),
        ({"orderType": "GTT"}, "Invalid order payload"),
        ({"orderType": "FOK", "postOnly": True}, "Invalid order payload"),
        ({"order": {"makerAmount": "-5"}}, "Invalid order payload"),
        ({"order": {"salt": "7"}}, "Invalid order payload"),
        ({"order": {"salt": 99}}, "invalid signature"),
        ({"order": {"signature": "0x00"}}, "invalid signature"),
        ({"order": {"expiration": "99999999999"}}, "invalid expiration"),
        (
            {"order": {"signer": "0x" + "11" * 20}},
            "the order signer address has to be the address of the API KEY",
        ),
        ({"order": {"maker": "0x" + "11" * 20}}, "invalid signature"),
    ],
)
async def test_what_is_wrong_with_a_payload_is_said(
    venue: Venue, changes: dict[str, Any], text: str
) -> None:
    async with PrivateClient(venue.exchange, 1) as client:
        body = client.post(venue.yes, venue.bid_e4, 10)
        inner = changes.get("order", {})
        body = {**body, **changes, "order": {**body["order"], **inner}}
        refused = await client.ask("POST", "/order", body)
        assert (refused.status_code, refused.json()) == (400, {"error": text})


async def test_prices_off_the_grid_and_small_sizes_have_the_venues_words(venue: Venue) -> None:
    async with PrivateClient(venue.exchange, 1) as client:
        off = client.post(venue.yes, venue.bid_e4 - 5, 10)
        text = (await client.ask("POST", "/order", off)).json()["error"]
        assert text.endswith(
            f"is invalid. Price ({(venue.bid_e4 - 5) / 1e4:g}) breaks minimum tick size rule: 0.01"
        )
        off["order"]["makerAmount"] = "4000001"
        # The signature goes with the amounts, so an odd ratio needs one of its own.
        assert (await client.ask("POST", "/order", off)).json()["error"] == "invalid signature"
        small = await client.ask("POST", "/order", client.post(venue.yes, venue.bid_e4, 4))
        assert small.json()["error"].endswith("is invalid. Size (4) lower than the minimum: 5")


async def test_the_same_bytes_twice_are_a_duplicate(venue: Venue) -> None:
    async with PrivateClient(venue.exchange, 1) as client:
        body = client.post(venue.yes, venue.bid_e4, 10)
        first = await client.ask("POST", "/order", body)
        again = await client.ask("POST", "/order", body)
        order_id = first.json()["orderID"]
        assert again.status_code == 400
        assert again.json() == {"error": f"order {order_id} is invalid. Duplicated."}


async def test_an_order_signed_for_the_other_protocol_is_told_so(venue: Venue) -> None:
    async with PrivateClient(venue.exchange, 1) as client:
        body = client.post(venue.yes, venue.bid_e4, 10, exchange=Exchange.V3)
        assert (await client.ask("POST", "/order", body)).json() == {
            "error": "order_version_mismatch"
        }
        body = client.post(venue.yes, venue.bid_e4, 10, exchange=Exchange.NEG_RISK)
        assert (await client.ask("POST", "/order", body)).json() == {"error": "invalid signature"}


@pytest.mark.parametrize("kind", list(SignatureType))
async def test_every_wallet_type_trades_from_its_own_wallet(
    venue: Venue, kind: SignatureType
) -> None:
    async with PrivateClient(venue.exchange, 1) as client:
        wallet = {
            SignatureType.EOA: client.address,
            SignatureType.POLY_PROXY: proxy_wallet(client.address),
            SignatureType.GNOSIS_SAFE: safe_wallet(client.address),
            SignatureType.DEPOSIT_WALLET: deposit_wallets(client.address)[0],
        }[kind]
        signer = wallet if kind is SignatureType.DEPOSIT_WALLET else client.address
        body = client.post(venue.yes, venue.ask_e4, 10, kind=kind, maker=wallet, signer=signer)
        placed = await client.ask("POST", "/order", body)
        assert placed.json()["status"] == "matched", placed.text
        await venue.wait(30)
        query = {"asset_type": "CONDITIONAL", "token_id": venue.yes, "signature_type": str(kind)}
        held = await client.ask("GET", "/balance-allowance", query={**query})
        assert held.json()["balance"] == "10000000"
        assert all(int(one) > 10**70 for one in held.json()["allowances"].values())


async def test_plain_addresses_may_be_sent_to_the_deposit_wallet_flow() -> None:
    venue = Venue(takes_eoa=False)
    async with venue.exchange, PrivateClient(venue.exchange, 1) as client:
        refused = await client.ask("POST", "/order", client.post(venue.yes, venue.bid_e4, 10))
        assert refused.json() == {
            "error": "maker address not allowed, please use the deposit wallet flow"
        }


# --- batches and cancels --------------------------------------------------------------------


@pytest.mark.parametrize("openly", [False, True])
async def test_a_batch_answers_leg_by_leg_in_its_order(openly: bool) -> None:
    venue = Venue(legs_fail_openly=openly)
    async with venue.exchange, PrivateClient(venue.exchange, 1) as client:
        legs = [client.post(venue.yes, venue.bid_e4, 10) for _ in range(14)]
        legs.insert(7, client.post(venue.yes, venue.ask_e4, 10, post_only=True))
        answers = (await client.ask("POST", "/orders", legs)).json()
        assert [bool(one["orderID"]) for one in answers] == [at != 7 for at in range(15)]
        assert answers[7] == {
            "errorMsg": "invalid post-only order: order crosses book", "orderID": "",
            "takingAmount": "", "makingAmount": "", "status": "", "success": not openly,
        }  # fmt: skip
        legs.append(client.post(venue.yes, venue.bid_e4, 10))
        refused = await client.ask("POST", "/orders", legs)
        assert refused.json() == {"error": "Too many orders in payload: 16, max allowed: 15"}


async def test_cancels_of_every_kind(venue: Venue) -> None:
    async with PrivateClient(venue.exchange, 1) as client:
        placed = [
            (await client.ask("POST", "/order", client.post(token, 500, 10))).json()["orderID"]
            for token in (venue.yes, venue.yes, venue.yes, venue.no, venue.no)
        ]
        one = await client.ask("DELETE", "/order", {"orderID": placed[0]})
        assert one.json() == {"canceled": [placed[0]], "not_canceled": {}}
        two = await client.ask("DELETE", "/orders", [placed[0], placed[1], placed[1]])
        reason = "already canceled or matched"
        assert two.json() == {"canceled": [placed[1]], "not_canceled": {placed[0]: reason}}
        token = await client.ask("DELETE", "/cancel-market-orders", {"asset_id": venue.no})
        assert token.json()["canceled"] == placed[3:]
        rest = await client.ask("DELETE", "/cancel-all")
        assert rest.json() == {"canceled": [placed[2]], "not_canceled": {}}
        many = await client.ask("DELETE", "/orders", [f"0x{n}" for n in range(1_001)])
        assert many.json() == {"error": "Too many orders in payload, max allowed: 1000"}
        for body in (None, {}, {"orderID": 5}):
            assert (await client.ask("DELETE", "/order", body)).json() == {
                "error": "Invalid orderID"
            }


async def test_open_orders_are_live_ones_and_any_by_its_id(venue: Venue) -> None:
    async with PrivateClient(venue.exchange, 1) as mine, PrivateClient(venue.exchange, 2) as other:
        placed = (await mine.ask("POST", "/order", mine.post(venue.yes, 500, 10))).json()["orderID"]
        assert [one["id"] for one in (await mine.ask("GET", "/data/orders")).json()["data"]] == [
            placed
        ]
        assert (await other.ask("GET", "/data/orders")).json()["data"] == []
        assert (await other.ask("GET", f"/data/order/{placed}")).status_code == 404
        await mine.ask("DELETE", "/cancel-all")
        assert (await mine.ask("GET", "/data/orders")).json()["data"] == []
        by_id = (await mine.ask("GET", "/data/orders", query={"id": placed})).json()["data"]
        assert by_id[0]["status"] == "CANCELED"


# --- limits and modes -----------------------------------------------------------------------


async def test_a_spent_bucket_is_a_429_with_its_headers(venue: Venue) -> None:
    async with PrivateClient(venue.exchange, 1) as client:
        venue.wall.now_ns += 1
        for _ in range(4):
            legs = [client.post(venue.yes, 500, 5) for _ in range(15)]
            assert (await client.ask("POST", "/orders", legs)).status_code == 200
        refused = await client.ask("POST", "/order", client.post(venue.yes, 500, 5))
        assert (refused.status_code, refused.json()) == (429, {"error": "Too Many Requests"})
        assert refused.headers["Retry-After"] == "1"
        assert refused.headers["Poly-RateLimit-Remaining"] == "0"
        everything = await client.ask("DELETE", "/cancel-all")
        assert len(everything.json()["canceled"]) == 60
        assert everything.headers["Poly-RateLimit-Remaining"] == "59", "120 less 1 less 60"
        tier = await client.ask("GET", "/v1/user/rate-limit-tier")
        assert tier.json() == {"tier": "Standard"}


async def test_warning_mode_lets_pass_and_says_so() -> None:
    venue = Venue(enforces_limits=False)
    async with venue.exchange, PrivateClient(venue.exchange, 1) as client:
        for _ in range(5):
            legs = [client.post(venue.yes, 500, 5) for _ in range(15)]
            answered = await client.ask("POST", "/orders", legs)
        assert answered.status_code == 200
        assert answered.headers["Poly-RateLimit-Warning"] == "true"


@pytest.mark.parametrize("sells", [False, True])
async def test_shares_of_an_unsettled_trade_are_sold_where_the_terms_allow_it(sells: bool) -> None:
    venue = Venue(sells_unsettled=sells)
    async with venue.exchange, PrivateClient(venue.exchange, 1) as client:
        await client.ask("POST", "/order", client.post(venue.yes, venue.ask_e4, 10))
        body = client.post(venue.yes, 9_900, 10, side=Side.SELL)
        sold = await client.ask("POST", "/order", body)
        assert sold.status_code == (200 if sells else 400), sold.text


async def test_modes_answer_as_the_venue_does(venue: Venue) -> None:
    async with PrivateClient(venue.exchange, 1) as client:
        now_ns = venue.exchange.clock()
        faults = DeskFaults(venue.desk)

        async def place(*, post_only: bool = False) -> Any:
            body = client.post(venue.yes, 500, 5, post_only=post_only)
            return await client.ask("POST", "/order", body)

        faults.set_mode(ModeChange(mode="restarting", retry_after_s=12), now_ns)
        restarting = await place()
        assert (restarting.status_code, restarting.headers["Retry-After"]) == (425, "12")
        assert (await client.ask("DELETE", "/cancel-all")).status_code == 425
        faults.set_mode(ModeChange(mode="restarting"), now_ns)
        assert "Retry-After" not in (await place()).headers
        faults.set_mode(ModeChange(mode="post_only", until_ns=now_ns + 79 * S_NS), now_ns)
        closed = await place()
        assert (closed.status_code, closed.headers["Retry-After"]) == (503, "79")
        assert closed.json() == {
            "error": "post-only mode: only post-only orders and cancels are allowed",
            "code": "post_only_mode",
            "retry_after_seconds": 79,
        }
        assert (await place(post_only=True)).json()["status"] == "live"
        legs = [client.post(venue.yes, 500, 5, post_only=only) for only in (True, False)]
        batch = (await client.ask("POST", "/orders", legs)).json()
        assert [one["errorMsg"] for one in batch] == ["", closed.json()["error"]]
        faults.set_mode(ModeChange(mode="cancel_only"), now_ns)
        assert (await place()).json()["error"].startswith("Trading is currently cancel-only.")
        assert (await client.ask("POST", "/orders", legs)).status_code == 503
        assert len((await client.ask("DELETE", "/cancel-all")).json()["canceled"]) == 2
        faults.set_mode(ModeChange(mode="disabled"), now_ns)
        assert (await place()).json() == {"error": "trading is disabled"}


async def test_heartbeats_chain_and_their_loss_cancels(venue: Venue) -> None:
    async with PrivateClient(venue.exchange, 1) as client:
        placed = (await client.ask("POST", "/order", client.post(venue.yes, 500, 5))).json()
        first = await client.ask("POST", "/v1/heartbeats", {"heartbeat_id": ""})
        expected = first.json()["heartbeat_id"]
        stale = await client.ask("POST", "/v1/heartbeats", {"heartbeat_id": "x"})
        assert stale.status_code == 400
        assert stale.json() == {"error_msg": "Invalid Heartbeat ID", "heartbeat_id": expected}
        await venue.wait(16)
        order = (await client.ask("GET", f"/data/order/{placed['orderID']}")).json()
        assert order["status"] == "CANCELED"


async def test_fills_and_the_venues_own_cancels_are_news(venue: Venue) -> None:
    async with PrivateClient(venue.exchange, 1) as client:
        await client.ask("POST", "/order", client.post(venue.yes, venue.ask_e4, 10))
        expires_s = client.now_s + 200
        body = client.post(venue.yes, 500, 5, order_type="GTD", expiration_s=expires_s)
        await client.ask("POST", "/order", body)
        await client.ask("POST", "/order", client.post(venue.yes, 500, 5))
        await client.ask("DELETE", "/cancel-market-orders", {"asset_id": venue.no})
        await venue.wait(145)
        news = (await client.ask("GET", "/notifications", query={"signature_type": "0"})).json()
        assert [one["type"] for one in news] == [1, 2]
        assert news[0]["payload"]["type"] == "GTD"
        assert news[1]["payload"]["matched_size"] == "10"
        await client.ask("DELETE", "/notifications", query={"ids": str(news[0]["id"])})
        left = (await client.ask("GET", "/notifications")).json()
        assert [one["id"] for one in left] == [news[1]["id"]]


# --- the user channel -----------------------------------------------------------------------


async def user_socket(client: PrivateClient, **changes: Any) -> websockets.ClientConnection:
    socket = await websockets.connect(client.exchange.urls.user_ws_url, proxy=None)
    auth = {
        "apiKey": client.credentials.key,
        "secret": client.credentials.secret,
        "passphrase": client.credentials.passphrase,
    } | changes.pop("auth", {})
    await socket.send(json.dumps({"type": "user", "auth": auth, **changes}))
    await socket.send("PING")
    return socket


async def test_the_user_channel_tells_an_account_its_own_events(venue: Venue) -> None:
    async with PrivateClient(venue.exchange, 1) as maker, PrivateClient(venue.exchange, 2) as taker:
        seen, others = await user_socket(maker), await user_socket(taker)
        assert await seen.recv() == "PONG"
        assert await others.recv() == "PONG"
        inside_e4 = venue.ask_e4 - 100 if venue.ask_e4 - venue.bid_e4 > 100 else venue.ask_e4
        venue.desk.custody.wallet(maker.address).add(venue.yes, 50_000_000, START_NS)
        for level, _ in venue.desk.source.matching_book(venue.market_id).levels(False):
            for order_id in venue.desk.source.matching_book(venue.market_id).queue(False, level):
                venue.desk.source.cancel(venue.market_id, order_id, venue.exchange.clock())
        body = maker.post(venue.yes, inside_e4, 50, side=Side.SELL, post_only=True)
        resting = (await maker.ask("POST", "/order", body)).json()["orderID"]
        told = json.loads(await seen.recv())
        order: AccountOrder = venue.desk.registry.orders[resting]
        assert told == {
            "event_type": "order", "type": "PLACEMENT", "id": resting, "status": "LIVE",
            "owner": maker.credentials.key, "order_owner": maker.credentials.key,
            "maker_address": maker.address, "market": venue.market_id, "asset_id": venue.yes,
            "side": "SELL", "original_size": "50", "size_matched": "0",
            "price": f"{inside_e4 / 1e4:g}", "outcome": order.outcome, "expiration": "0",
            "order_type": "GTC", "associate_trades": None,
            "created_at": str(order.created_ns // S_NS),
            "timestamp": str(order.created_ns // 10**6),
        }  # fmt: skip
        body = taker.post(venue.yes, inside_e4, 20)
        lifted = (await taker.ask("POST", "/order", body)).json()
        trade, update = json.loads(await seen.recv()), json.loads(await seen.recv())
        assert (trade["trader_side"], trade["status"], trade["size"]) == ("MAKER", "MATCHED", "20")
        assert [leg["order_id"] for leg in trade["maker_orders"]] == [resting]
        assert trade["maker_orders"][0]["owner"] == maker.credentials.key
        assert trade["taker_order_id"] == lifted["orderID"]
        assert (update["type"], update["size_matched"], update["status"]) == (
            "UPDATE",
            "20",
            "LIVE",
        )
        assert update["associate_trades"] == [trade["id"]]
        assert json.loads(await others.recv())["type"] == "PLACEMENT"
        its = json.loads(await others.recv())
        assert (its["trader_side"], its["id"]) == ("TAKER", trade["id"])
        await venue.wait(20)
        later = [json.loads(await seen.recv())["status"] for _ in range(2)]
        assert later == ["MINED", "CONFIRMED"]
        await seen.close()
        await others.close()


async def test_a_market_filter_keeps_the_rest_away(venue: Venue) -> None:
    async with PrivateClient(venue.exchange, 1) as client:
        elsewhere = await user_socket(client, markets=["0x" + "00" * 32])
        here = await user_socket(client, markets=[venue.market_id])
        assert await elsewhere.recv() == await here.recv() == "PONG"
        await client.ask("POST", "/order", client.post(venue.yes, 500, 5))
        assert json.loads(await here.recv())["type"] == "PLACEMENT"
        await elsewhere.send("PING")
        assert await elsewhere.recv() == "PONG", "nothing came before the answer"
        await elsewhere.close()
        await here.close()


@pytest.mark.parametrize("harm", ["apiKey", "secret", "passphrase"])
async def test_wrong_credentials_close_the_socket(venue: Venue, harm: str) -> None:
    async with PrivateClient(venue.exchange, 1) as client:
        socket = await user_socket(client, auth={harm: "wrong"})
        with pytest.raises(websockets.ConnectionClosed):
            await everything(socket)


async def everything(socket: websockets.ClientConnection) -> None:
    """Read until the other side hangs up."""
    while True:
        await socket.recv()


async def test_every_answer_to_an_order_or_a_cancel_tells_its_bucket(venue: Venue) -> None:
    async with PrivateClient(venue.exchange, 1) as client:
        good = client.post(venue.yes, venue.bid_e4 - 100, 10)
        bad = {**good, "owner": "somebody"}
        for method, path, bodies in (
            ("POST", "/order", (good, bad, {}, [])),
            ("POST", "/orders", ([good], [], {}, [good] * 16)),
            ("DELETE", "/order", ({"orderID": "0x1"}, [])),
            ("DELETE", "/orders", (["0x1"], {}, ["0x1"] * 1_001)),
            ("DELETE", "/cancel-all", (None,)),
            ("DELETE", "/cancel-market-orders", ({"market": venue.market_id}, {}, [])),
        ):
            for body in bodies:
                answer = await client.ask(method, path, body)
                told = [answer.headers.get(f"Poly-RateLimit-{one}", "") for one in HEADERS]
                assert all(told), (method, path, answer.text)
        spent = await client.ask("POST", "/order", {})
        assert spent.headers["Poly-RateLimit-Remaining"] == "57", "what is no order costs nothing"


HEADERS = ("Remaining", "Reset", "Tier")


async def test_a_closed_venue_does_not_look_at_orders(venue: Venue) -> None:
    async with PrivateClient(venue.exchange, 1) as client:
        DeskFaults(venue.desk).set_mode(ModeChange(mode="restarting"), venue.exchange.clock())
        for body in (client.post("123", 5_000, 10), client.post(venue.yes, 5_050, 1)):
            assert (await client.ask("POST", "/order", body)).status_code == 425
