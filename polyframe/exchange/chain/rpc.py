"""The node: JSON-RPC as far as the official client 0.14.0 asks, single requests and batches.

Gas costs nothing here. A transaction's nonce must be the next one: a real node would keep one from
the future, and its sender waiting.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from polyframe.exchange.chain.calls import Call, Revert, call_of, hex_bytes, proxy_calls
from polyframe.exchange.chain.ledger import Chain, State, Transaction
from polyframe.exchange.chain.signing import raw_transaction
from polyframe.exchange.ip_gate import RPC_PATH
from polyframe.exchange.payload import read_json
from polyframe.exchange.rest_answers import answer, refusal
from polyframe.polymarket.contracts import PROXY_FACTORY
from polyframe.polymarket.keys import address_bytes
from polyframe.polymarket.order_signing import CHAIN_ID
from polyframe.polymarket.wallets import proxy_wallet

_GAS_PRICE = 30 * 10**9
_GAS_A_CALL = 150_000
_POL = 100 * 10**18
_MOST_IN_BATCH = 1_000
_REVERTED, _REFUSED, _NO_METHOD, _BAD_PARAMS, _BAD_REQUEST = 3, -32_000, -32_601, -32_602, -32_600

_any_decoder = msgspec.json.Decoder()


class _RpcError(Exception):
    """What a method answers instead of a result."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Rpc:
    """The node's one route.

    Args:
        chain: what it shows, and where transactions go.
        clock: market time, UTC ns.
        asked: called when somebody sends, to let market time begin.
    """

    def __init__(self, chain: Chain, clock: Callable[[], int], asked: Callable[[], None]) -> None:
        self._chain = chain
        self._clock = clock
        self._asked = asked
        self._methods: dict[str, Callable[[list[Any]], Any]] = {
            "eth_chainId": lambda _: hex(CHAIN_ID),
            "eth_gasPrice": lambda _: hex(_GAS_PRICE),
            "eth_getBalance": lambda _: hex(_POL),
            "eth_blockNumber": lambda _: hex(self._chain.block(self._clock())),
            "eth_getBlockByNumber": self._block,
            "eth_call": self._call,
            "eth_estimateGas": self._estimate,
            "eth_getTransactionCount": self._count,
            "eth_sendRawTransaction": self._send,
            "eth_getTransactionReceipt": self._receipt,
        }

    def routes(self) -> list[web.RouteDef]:
        """Return the route, with and without the slash that clients put behind it."""
        return [web.post(RPC_PATH, self.handle), web.post(f"{RPC_PATH}/", self.handle)]

    async def handle(self, request: web.Request) -> web.Response:
        """POST /rpc: a request, or an array of them."""
        try:
            asked = read_json(_any_decoder, await request.read())
        except msgspec.DecodeError:
            return refusal("Parse error")
        if isinstance(asked, list):
            if not 0 < len(asked) <= _MOST_IN_BATCH:
                return refusal("Invalid batch")
            return answer([self._answer(one) for one in asked])
        return answer(self._answer(asked))

    def _answer(self, asked: Any) -> dict[str, Any]:
        is_object = isinstance(asked, dict)
        told: dict[str, Any] = {"jsonrpc": "2.0", "id": asked.get("id") if is_object else None}
        try:
            if not is_object or not isinstance(asked.get("params", []), list):
                raise _RpcError(_BAD_REQUEST, "invalid request")
            method = self._methods.get(str(asked.get("method", "")))
            if method is None:
                raise _RpcError(_NO_METHOD, "the method does not exist/is not available")
            return told | {"result": method(asked.get("params", []))}
        except Revert as revert:
            return told | {"error": {"code": _REVERTED, "message": f"execution reverted: {revert}"}}
        except _RpcError as error:
            return told | {"error": {"code": error.code, "message": str(error)}}
        except (ValueError, LookupError, TypeError, AttributeError):
            return told | {"error": {"code": _BAD_PARAMS, "message": "invalid params"}}

    # --- reading ---------------------------------------------------------------------

    def _block(self, params: list[Any]) -> dict[str, Any]:
        now_ns = self._clock()
        number = self._chain.block(now_ns)
        return {
            "number": hex(number),
            "hash": _block_hash(number),
            "parentHash": _block_hash(number - 1),
            "timestamp": hex(now_ns // 10**9),
            "transactions": [],
        }

    def _call(self, params: list[Any]) -> str:
        return "0x" + self._chain.view(_call_in(params)).hex()

    def _count(self, params: list[Any]) -> str:
        address_bytes(params[0])
        return hex(self._chain.nonce(params[0]))

    def _receipt(self, params: list[Any]) -> dict[str, Any] | None:
        made = self._chain.by_hash.get(params[0].lower())
        return None if made is None or made.is_pending else _receipt_of(made)

    # --- sending ---------------------------------------------------------------------

    def _estimate(self, params: list[Any]) -> str:
        sender, call = params[0].get("from", ""), _call_in(params)
        address_bytes(sender)
        if call.target.lower() == PROXY_FACTORY.lower():
            calls = proxy_calls(call.data)
            self._chain.check(proxy_wallet(sender), calls)
            return hex(_GAS_A_CALL * len(calls))
        self._chain.check(sender, [call])
        return hex(_GAS_A_CALL)

    def _send(self, params: list[Any]) -> str:
        try:
            sent = raw_transaction(hex_bytes(params[0]))
        except ValueError as error:
            raise _RpcError(_REFUSED, str(error)) from error
        if sent.hash in self._chain.by_hash:
            raise _RpcError(_REFUSED, "already known")
        expected = self._chain.nonce(sent.sender)
        if sent.nonce != expected:
            word = "low" if sent.nonce < expected else "high"
            raise _RpcError(
                _REFUSED, f"nonce too {word}: next nonce {expected}, tx nonce {sent.nonce}"
            )
        self._asked()
        self._chain.submit(
            sent.sender, sent.sender, [sent.call], self._clock(), transaction_hash=sent.hash
        )
        return sent.hash


def _call_in(params: list[Any]) -> Call:
    asked = params[0]
    value = asked.get("value", "0x0")
    return call_of(asked["to"], asked.get("data") or asked.get("input", "0x"), int(value, 16))


def _receipt_of(made: Transaction) -> dict[str, Any]:
    return {
        "transactionHash": made.hash,
        "transactionIndex": "0x0",
        "blockNumber": hex(made.block),
        "blockHash": _block_hash(made.block),
        "from": made.sender,
        "to": made.calls[0].target,
        "contractAddress": None,
        "cumulativeGasUsed": hex(_GAS_A_CALL),
        "effectiveGasPrice": hex(_GAS_PRICE),
        "gasUsed": hex(_GAS_A_CALL),
        "logs": [],
        "logsBloom": "0x" + "00" * 256,
        "status": "0x0" if made.state is State.FAILED else "0x1",
        "type": "0x0",
    }


def _block_hash(number: int) -> str:
    return f"0x{number:064x}"
