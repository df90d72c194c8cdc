"""``polyframe exchange``: serve a market on the loopback interface for any Polymarket client."""

from __future__ import annotations

import errno
import json
import secrets
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from polyframe.cli import one_line
from polyframe.cli.option_types import Duration, FiniteRange
from polyframe.errors import PolyframeError, UsageError
from polyframe.exchange.rate_limits import TIERS
from polyframe.exchange.simulation.profiles import ProfileName

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

    from anyio import CancelScope

    from polyframe.exchange.faults.script import FaultScript
    from polyframe.exchange.server import EmbeddedExchange

_PORT = 8137
_SEED, _MARKETS, _ACTIVITY, _FUNDS_USD = 7, 300, 1.0, 10_000.0


@click.command("exchange")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=_PORT, show_default=True,
    help="On 127.0.0.1; 0 lets the system choose.",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(min=0), help=f"Of all chance in it.  [default: {_SEED}]"
)
@click.option(
    "--profile",
    type=click.Choice(get_args(ProfileName)),
    help="What most simulated markets are like.  [default: mixed]",
)
@click.option(
    "--recording",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Serve NAME.frames.jsonl.zst (beside NAME.gamma.json) instead of a simulation.",
)
@click.option(
    "--markets", type=click.IntRange(4, 5_000), help=f"Simulated markets.  [default: {_MARKETS}]"
)
@click.option(
    "--activity",
    type=FiniteRange(min=0, min_open=True, max=100),
    help="Pace of the simulated traders.  [default: 1]",
)
@click.option(
    "--speed",
    type=FiniteRange(min=0, min_open=True, max=10_000),
    default=1.0,
    show_default=True,
    help="Market seconds per wall second.",
)
@click.option(
    "--faults", "script_path", type=click.Path(path_type=Path), help="A fault script (YAML)."
)
@click.option("--for", "for_s", type=Duration(), help="Stop after this much wall time.")
@click.option("--admin", "is_administered", is_flag=True, help="Open the admin endpoint.")
@click.option(
    "--funds",
    "funds_usd",
    type=FiniteRange(min=0, max=10**9),
    help=f"USD every new account starts with.  [default: {_FUNDS_USD:g}]",
)
@click.option(
    "--tier",
    type=click.Choice(tuple(TIERS)),
    help="Rate-limit tier of every signer.  [default: Standard]",
)
@click.option("--no-eoa", is_flag=True, help="Send plain addresses to the deposit-wallet flow.")
@click.option(
    "--max-skew",
    type=Duration(),
    help="Refuse requests whose timestamp is further from market time.  [default: take any]",
)
@click.option("--legs-fail-openly", is_flag=True, help="A batch's refused leg says success: false.")
@click.option(
    "--sell-unsettled", is_flag=True, help="Shares may be sold before their trade is mined."
)
@click.option(
    "--bind-dollars", is_flag=True, help="A BUY that takes spends its dollars at better prices."
)
@click.option(
    "--no-approvals", is_flag=True, help="Wallets begin without allowances, and have to grant them."
)
@click.option("--no-auto-redeem", is_flag=True, help="Winnings are left to who holds them.")
@click.option(
    "--warn-limits", is_flag=True, help="Signers' limits only warn, as in their first weeks."
)
@click.option("--ip-limits", "limits_ips", is_flag=True, help="Limit client addresses as well.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one line at start and stop.")
def command(
    port: int,
    seed: int | None,
    profile: ProfileName | None,
    recording: Path | None,
    markets: int | None,
    activity: float | None,
    speed: float,
    script_path: Path | None,
    for_s: float | None,
    is_administered: bool,
    funds_usd: float | None,
    tier: str | None,
    no_eoa: bool,
    max_skew: float | None,
    legs_fail_openly: bool,
    sell_unsettled: bool,
    bind_dollars: bool,
    no_approvals: bool,
    no_auto_redeem: bool,
    warn_limits: bool,
    limits_ips: bool,
    as_json: bool,
) -> None:
    """Serve a market that speaks Polymarket's protocol until Ctrl-C.

    A simulation takes orders of any client with any key; a recording serves public data only.
    Nothing reaches beyond 127.0.0.1.
    """
    simulation = {
        "seed": seed, "profile": profile, "markets": markets, "activity": activity,
        "funds": funds_usd, "tier": tier, "no-eoa": no_eoa or None, "max-skew": max_skew,
        "legs-fail-openly": legs_fail_openly or None, "warn-limits": warn_limits or None,
        "sell-unsettled": sell_unsettled or None, "no-approvals": no_approvals or None,
        "no-auto-redeem": no_auto_redeem or None, "bind-dollars": bind_dollars or None,
    }  # fmt: skip
    if recording is not None:
        for name, value in simulation.items():
            if value is not None:
                raise UsageError(
                    f"--{name} is for simulations, and a recording is what it is; leave it out"
                )
    script = _script(script_path)
    import anyio

    from polyframe.exchange.ip_limits import IpLimits
    from polyframe.exchange.recording import RecordingSource
    from polyframe.exchange.server import EmbeddedExchange
    from polyframe.exchange.simulation.source import SimulatedSource
    from polyframe.exchange.trading.terms import PrivateTerms

    admin_token = ""
    options: dict[str, Any] = {"speed": speed, "port": port, "fault_seed": script.seed}
    if limits_ips:
        options["ip_limits"] = IpLimits()
    if is_administered:
        from polyframe.exchange.admin import admin_routes

        admin_token = secrets.token_urlsafe(24)
        options["more_routes"] = admin_routes(admin_token)
    if recording is not None:
        # A shell may run these lines, and a file's name may hold anything.
        name = one_line(recording.name)
        what = f"recording {name}: public data only, it takes no orders"
        exchange = EmbeddedExchange(RecordingSource(recording), **options)
    else:
        count = _MARKETS if markets is None else markets
        pace = _ACTIVITY if activity is None else activity
        kind = profile or "mixed"
        chance = _SEED if seed is None else seed
        source = SimulatedSource(chance, count, pace, time.time_ns(), profile=kind)
        funds = _FUNDS_USD if funds_usd is None else funds_usd
        what = (
            f"simulation: profile {kind}, {count} markets, seed {chance}, {funds:g} USD an account"
        )
        terms = PrivateTerms(
            seed=chance, funds_usd=funds, tier=tier or "Standard", max_skew_s=max_skew,
            takes_eoa=not no_eoa, legs_fail_openly=legs_fail_openly,
            binds_dollars=bind_dollars,
            sells_unsettled=sell_unsettled, enforces_limits=not warn_limits,
            allowances_given=not no_approvals, auto_redeems=not no_auto_redeem,
        )  # fmt: skip
        exchange = EmbeddedExchange(source, accounts=terms, **options)
    try:
        exchange.injection.add(script.faults)
    except PolyframeError:
        exchange.source.close()
        raise
    anyio.run(_serve, exchange, what, admin_token, for_s, as_json)
    _tell_served(exchange, as_json=as_json)


def _script(path: Path | None) -> FaultScript:
    from polyframe.exchange.faults.script import FaultScript, read_script

    return FaultScript() if path is None else read_script(path)


async def _serve(
    exchange: EmbeddedExchange, what: str, admin_token: str, for_s: float | None, as_json: bool
) -> None:
    import asyncio

    import anyio

    asyncio.get_running_loop().set_exception_handler(_Trouble().meet)
    # Open before anything is told: whoever reads the first line may send the signal at once.
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with exchange:
            _tell_serving(exchange, what, admin_token, for_s, as_json=as_json)
            if exchange.private is not None:
                exchange.start()  # others come and go; a recording waits for its first follower
            with anyio.move_on_after(for_s):
                async with anyio.create_task_group() as group:
                    group.start_soon(_until_signal, signals, group.cancel_scope)
                    await exchange.ended.wait()
                    group.cancel_scope.cancel()


async def _until_signal(signals: AsyncIterator[signal.Signals], scope: CancelScope) -> None:
    async for _ in signals:
        scope.cancel()
        return


class _Trouble:
    """Says once that there are more clients than the system allows; asyncio would without end."""

    def __init__(self) -> None:
        self._is_told = False

    def meet(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Take what the event loop has to report."""
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in (errno.EMFILE, errno.ENFILE):
            loop.default_exception_handler(context)
        elif not self._is_told:
            self._is_told = True
            click.echo(
                f"polyframe: {error.strerror}: new clients wait until others leave; "
                "raise the limit (ulimit -n)",
                err=True,
            )


def environment_of(exchange: EmbeddedExchange) -> dict[str, str]:
    """Return the environment variables that tell a client where everything is."""
    urls = exchange.urls
    return {
        "POLYMARKET_CLOB_URL": urls.clob_url,
        "POLYMARKET_GAMMA_URL": urls.gamma_url,
        "POLYMARKET_DATA_URL": urls.data_url,
        "POLYMARKET_WS_MARKET_URL": urls.ws_url,
        "POLYMARKET_WS_USER_URL": urls.user_ws_url,
        "POLYMARKET_RELAYER_URL": urls.clob_url,
        "POLYMARKET_RPC_URL": urls.rpc_url,
        "POLYMARKET_CHAIN_ID": "137",
    }


def client_snippet(exchange: EmbeddedExchange) -> list[str]:
    """Return the lines of Python that point the official ``polymarket-client`` at the exchange.

    What the exchange does not serve (RFQ and the like) becomes an address where nobody
    listens, so that no client meant for it reaches the real ones.
    """
    urls = exchange.urls
    return [
        "import dataclasses; from polymarket._internal.environment import PRODUCTION_CONFIG, "
        "create_environment",
        "nowhere = {one.name: ('ws' if '_ws_' in one.name else 'http') + '://127.0.0.1:9' "
        "for one in dataclasses.fields(PRODUCTION_CONFIG) if one.name.endswith('_url')}",
        "config = dataclasses.replace(PRODUCTION_CONFIG, **{**nowhere, "
        f"'clob_url': '{urls.clob_url}', 'gamma_url': '{urls.gamma_url}', "
        f"'data_url': '{urls.data_url}', 'relayer_url': '{urls.clob_url}', "
        f"'clob_market_ws_url': '{urls.ws_url}', "
        f"'clob_user_ws_url': '{urls.user_ws_url}', 'rpc_url': '{urls.rpc_url}'}})",
        "environment = create_environment(name='loopback', config=config)",
    ]


def _tell_serving(
    exchange: EmbeddedExchange, what: str, admin_token: str, for_s: float | None, *, as_json: bool
) -> None:
    environment = environment_of(exchange)
    if admin_token:
        environment["POLYFRAME_ADMIN_TOKEN"] = admin_token
    if as_json:
        click.echo(json.dumps({"event": "serving", "what": what, "environment": environment}))
        return
    click.echo(f"# {what}")
    end = "until Ctrl-C" if for_s is None else f"for {for_s:g} s"
    click.echo(f"# on {exchange.urls.clob_url}, speed {exchange.clock.speed:g}, {end}")
    for name, value in environment.items():
        click.echo(f"export {name}={value}")
    click.echo("# the official clients read none of these; in Python:")
    for line in client_snippet(exchange):
        click.echo(f"#   {line}")
    if exchange.private is not None:
        click.echo("#   # SecureClient.create(private_key=ANY_KEY, environment=environment)")
    if exchange.private is None:
        click.echo("# a recording serves public data only: no accounts, no orders")
    if admin_token:
        click.echo(f"# admin: {exchange.urls.clob_url}/admin/state, header X-Admin-Token")


def _tell_served(exchange: EmbeddedExchange, *, as_json: bool) -> None:
    from polyframe.exchange.state import served

    counts, struck = served(exchange), exchange.injection.struck
    if as_json:
        click.echo(json.dumps({"event": "served", **counts, "faults": struck}))
        return
    click.echo("# served " + " ".join(f"{name}={count}" for name, count in counts.items()))
    told = " ".join(f"{kind}={count}" for kind, count in struck.items()) or "none"
    click.echo(f"# faults: {told}")
    for refused in exchange.injection.refused:
        click.echo(f"# could not happen: {refused}")
