"""Whatever a client sends, the exchange answers it: a 500 of its own is a defect."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from random import Random
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
import websockets
from aiohttp import web

from polyframe.exchange.admin import admin_routes
from polyframe.exchange.server import EmbeddedExchange
from polyframe.exchange.simulation.source import SimulatedSource
from polyframe.exchange.trading.terms import PrivateTerms
from polyframe.polymarket.auth import l2_headers
from private_client import PrivateClient

pytestmark = pytest.mark.anyio
START_NS = 1_796_000_000 * 10**9
TOKEN = "let-me-in"
PATH_VALUES = ("0", "%00", "%FF%FE", "%ED%A0%80", "0x" + "f" * 64, "1" * 5_000, "%2F..%2F", "٣")
QUERY_VALUES = (
    b"", b"-1", b"1e9", b"0" * 400 + b"9", b"9" * 5_000, b"\xff\xfe", b"\xed\xa0\x80", b"\x00",
    "٣".encode(), "\U0001f600".encode(), b"null", b"[]", b"LTE=", b"MA==", b"LTE5OQ==",
    b"OTk5OTk5OTk5OTk5OTk5OTk5OTk5", b"2026-02-30", b"nan", b"inf", b"NaN", b"true", b"01", b"12",
)  # fmt: skip
NAMES = (
    "interval", "position_ids", "clob_token_ids", "question_ids", "maker",
    "token_id", "side", "next_cursor", "id", "market", "asset_id", "after", "before", "limit",
    "maker_address", "asset_type", "signature_type", "order_id", "ids", "date", "user", "condition",
    "condition_id", "question_id", "start", "end", "cursor", "as_of", "status", "offset",
    "after_cursor", "closed", "order", "ascending", "tag_id", "tag_match", "liquidity_num_min",
    "volume_num_max", "start_date_min", "end_date_max", "rewards_min_size", "version", "game_id",
    "order_by", "position", "q", "taker_only", "sort_direction", "type", "include_tag", "slug",
)  # fmt: skip
DEEP = b"[" * 50_000
BODIES = (
    b"", b"null", b"[]", b"{}", b"0", b'"x"', b"[null]", b"[0]", b"[[]]", b"[{}]", b"\xff\xfe\x00",
    b'{"orderID":null}', b'{"orderID":"\\ud800"}', b'["\\ud800"]', b'["\xed\xa0\x80"]', DEEP,
    b'{"x":' + DEEP, b'{"x":' + b'{"x":' * 50_000, b'[{"x":' + DEEP, b"1e999", b"[1e999]",
    b"9" * 5_000, b'{"heartbeat_id":9}', b'{"heartbeat_id":"\\ud800"}', b'{"market":[]}',
    b'{"asset_id":"' + b"9" * 9_000 + b'"}', b'[{"token_id":"0","side":"\\u0000"}]',
    b"[" + b"0," * 900,
    b'["' + b'","'.join(b"%d" % n for n in range(1_001)) + b'"]',
)  # fmt: skip


def opened() -> EmbeddedExchange:
    source = SimulatedSource(7, 12, 1e-9, START_NS)
    return EmbeddedExchange(
        source,
        accounts=PrivateTerms(seed=3, enforces_limits=False),
        more_routes=admin_routes(TOKEN),
    )


def routes_of(exchange: EmbeddedExchange) -> list[tuple[str, str]]:
    assert exchange.app is not None
    found = []
    for route in exchange.app.router.routes():
        assert isinstance(route.resource, web.Resource)
        found.append((route.method, route.resource.canonical))
    return found


async def raw(
    exchange: EmbeddedExchange, method: str, target: str, headers: dict[str, bytes], body: bytes
) -> int:
    """Send bytes no client library would, and return the status."""
    port = int(exchange.urls.clob_url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [f"{method} {target} HTTP/1.1".encode(), b"Host: 127.0.0.1", b"Connection: close"]
    lines += [name.encode() + b": " + value for name, value in headers.items()]
    lines.append(b"Content-Length: %d" % len(body))
    writer.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
    try:
        status_line = await asyncio.wait_for(reader.readline(), 5)
    except ConnectionResetError:  # refused before the body was read
        status_line = b"HTTP/1.1 413 "
    finally:
        writer.close()
    return int(status_line.split()[1])


def signed(client: PrivateClient, method: str, path: str, body: bytes) -> dict[str, bytes]:
    plain = l2_headers(client.credentials, client.address, client.now_s, method, path, body)
    return {name: value.encode() for name, value in plain.items()}


def paths_of(template: str) -> Iterator[str]:
    if "{" not in template:
        yield template
        return
    head, _, rest = template.partition("{")
    tail = rest.partition("}")[2]
    for value in PATH_VALUES:
        yield head + value + tail


async def test_no_query_body_or_path_brings_a_500() -> None:
    rng = Random(5)
    async with opened() as exchange, PrivateClient(exchange, 1) as client:
        failed: list[tuple[object, ...]] = []
        gamma = exchange.source.markets()[0]
        sound = {
            "token_id": json.loads(gamma["clobTokenIds"])[0].encode(),
            "condition": gamma["conditionId"].encode(),
            "user": client.address.encode(),
            "asset_type": b"CONDITIONAL",
            "signature_type": b"0",
            "date": b"2026-11-30",
            "side": b"BUY",
            "order_by": b"spread",
        }
        for method, template in routes_of(exchange):
            # What is below a prefix is answered by the same handlers.
            if method == "HEAD" or template.startswith(("/ws/", "/gamma/", "/data-api/")):
                continue
            for path in paths_of(template):
                for value in QUERY_VALUES if path == template else QUERY_VALUES[:1]:
                    query = "&".join(f"{name}={quote_from_bytes(value)}" for name in NAMES)
                    some = dict(sound) | {rng.choice(list(sound)): value, rng.choice(NAMES): value}
                    one = "&".join(f"{name}={quote_from_bytes(some[name])}" for name in some)
                    for target in (f"{path}?{query}", f"{path}?{one}"):
                        status = await ask(exchange, client, method, target, b"")
                        if status >= 500:
                            failed.append((method, target[:60], value[:20], status))
                for body in BODIES if method != "GET" else ():
                    status = await ask(exchange, client, method, path, body)
                    if status >= 500:
                        failed.append((method, path[:60], body[:30], status))
        assert failed == []


async def ask(
    exchange: EmbeddedExchange, client: PrivateClient, method: str, target: str, body: bytes
) -> int:
    path = target.partition("?")[0]
    headers = signed(client, method, path, body)
    if path.startswith("/admin/"):
        headers["X-Admin-Token"] = TOKEN.encode()
    if path == "/auth/api-key" and method == "DELETE":
        return 200  # the key is needed
    return await raw(exchange, method, target, headers, body)


HEADER_VALUES = (b"", b"\xff\xfe", b"\xed\xa0\x80", b"9" * 5_000, b"0x", b"-1", b"0x" + b"0" * 130)


async def test_no_header_brings_a_500() -> None:
    async with opened() as exchange, PrivateClient(exchange, 1) as client:
        for method, path in (("GET", "/data/orders"), ("POST", "/auth/api-key")):
            for name in (*signed(client, method, path, b""), "POLY_NONCE"):
                for value in HEADER_VALUES:
                    headers = {**signed(client, method, path, b""), name: value}
                    status = await raw(exchange, method, path, headers, b"")
                    assert status < 500, (method, path, name, value[:20])
        for value in HEADER_VALUES:
            for name in ("X-Admin-Token", "Content-Type", "Content-Encoding", "Accept-Encoding"):
                headers = {name: value, **signed(client, "GET", "/admin/state", b"")}
                assert await raw(exchange, "GET", "/admin/state", headers, b"") < 500


async def test_a_refresh_of_no_wallet_does_nothing() -> None:
    async with opened() as exchange, PrivateClient(exchange, 1) as client:
        for kind in ("", "12", "-1", "x"):
            query = {"asset_type": "COLLATERAL", "signature_type": kind}
            answer = await client.ask("GET", "/balance-allowance/update", query=query)
            assert (answer.status_code, answer.json()) == (200, "")


NUMBERS = ("0", "1", "78", str(2**256 - 1), str(2**256), "9" * 78)
FIELDS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("expiration", "makerAmount", "takerAmount", "timestamp", "tokenId"), NUMBERS),
    "salt": (0, 2**53, 2**63, 2**64, 2**256, 10**400, -1, 1.5),
    "signature": ("0x", "0x00", "0x" + "00" * 65, "0x" + "ff" * 65, "0x" + "9" * 8_190),
    "signatureType": (0, 1, 2, 3, 4, -1, 2**64),
    "maker": ("0x" + "0" * 40, "0x" + "F" * 40),
    "signer": ("0x" + "0" * 40,),
    "side": ("BUY", "SELL", "buy", 0),
}  # fmt: skip


async def test_no_field_of_an_order_brings_a_500() -> None:
    async with opened() as exchange, PrivateClient(exchange, 1) as client:
        gamma = exchange.source.markets()[0]
        token = json.loads(gamma["clobTokenIds"])[0]
        for order_type in ("GTD", "FAK"):
            for field, values in FIELDS.items():
                for value in values:
                    body = client.post(token, 5_000, 10)
                    body["orderType"] = order_type
                    body["order"][field] = value
                    for path, sent in (("/order", body), ("/orders", [body])):
                        answer = await client.ask("POST", path, sent)
                        assert answer.status_code < 500, (order_type, field, str(value)[:40])


FRAMES: tuple[str | bytes, ...] = (
    "", "PONG", "ping", "{", "null", "[]", "0", '{"type":"market"}',
    '{"type":"market","assets_ids":[1]}',
    '{"type":"market","assets_ids":null}', '{"type":"user"}', '{"type":"user","auth":null}',
    "[" * 9_000,
    '{"operation":"unsubscribe","assets_ids":["nobody"]}', '{"operation":"subscribe"}', b"\x00\xff",
    '{"x":' + "[" * 9_000, '{"type":"market","assets_ids":["\\ud800"]}', '{"type":5}', "9" * 9_000,
    '{"operation":"subscribe","markets":["x"]}', '{"operation":"unsubscribe","markets":null}',
)  # fmt: skip


@pytest.mark.parametrize("name", ["market", "user"])
async def test_no_frame_ends_a_socket(name: str) -> None:
    async with opened() as exchange:
        url = exchange.urls.ws_url if name == "market" else exchange.urls.user_ws_url
        for frame in FRAMES:
            async with websockets.connect(url, proxy=None) as socket:
                await socket.send(frame)
                is_refusal = name == "user" and isinstance(frame, str) and '"user"' in frame
                if is_refusal:
                    await asyncio.wait_for(socket.wait_closed(), 5)
                    continue
                await socket.send("PING")
                answered = await asyncio.wait_for(socket.recv(), 5)
                assert answered == "PONG", (frame[:20], answered)
        if name == "user":
            for secret in ("\\ud800", "\\u0000", "é"):
                async with (
                    PrivateClient(exchange, 1) as client,
                    websockets.connect(url, proxy=None) as socket,
                ):
                    key = client.credentials.key
                    auth = f'{{"apiKey":"{key}","secret":"{secret}","passphrase":"{secret}"}}'
                    await socket.send(f'{{"type":"user","auth":{auth}}}')
                    await socket.send("PING")
                    with contextlib.suppress(websockets.ConnectionClosed):  # refused, or not read
                        assert await asyncio.wait_for(socket.recv(), 5) == "PONG"
                    await client.ask("DELETE", "/auth/api-key")
