"""``polyframe exchange`` as a process: what it prints, serves, refuses, and counts at the end."""

from __future__ import annotations

import dataclasses
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from polyframe.exchange.admin import TOKEN_HEADER
from polyframe.polymarket.auth import ApiCredentials, l1_headers, l2_headers
from polyframe.polymarket.keys import PrivateKey

SMALL = ("--port", "0", "--markets", "8")


@contextmanager
def serving(*options: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str], list[str]]]:
    """Start the verb; yield the process, the exported variables, and the lines so far."""
    command = [sys.executable, "-m", "polyframe", "exchange", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        lines: list[str] = []
        try:
            for line in run.stdout:
                lines.append(line.rstrip("\n"))
                if "create_environment(name" in line or '"serving"' in line:
                    break
            exported = dict(
                line.removeprefix("export ").split("=", 1)
                for line in lines
                if line.startswith("export ")
            )
            yield run, exported, lines
        finally:
            run.kill()


def end(run: subprocess.Popen[str], number: int = signal.SIGINT) -> list[str]:
    run.send_signal(number)
    return rest_of(run)


def rest_of(run: subprocess.Popen[str]) -> list[str]:
    """Return the lines up to its end: through the same buffer as those before."""
    assert run.stdout is not None
    assert run.stderr is not None
    lines = run.stdout.read().splitlines()
    assert (run.wait(30), run.stderr.read()) == (0, "")
    return lines


def test_it_serves_until_interrupted_and_says_what(tmp_path: Path) -> None:
    script = tmp_path / "faults.yaml"
    script.write_text(
        "seed: 4\nfaults:\n"
        "  - {kind: server_error, route: /ok, count: 1}\n"
        "  - {kind: drop, channel: user}\n"
    )
    with serving(*SMALL, "--faults", str(script), "--admin", "--funds", "42") as (run, env, lines):
        assert lines[0] == "# simulation: profile mixed, 8 markets, seed 7, 42 USD an account"
        assert list(env) == [
            "POLYMARKET_CLOB_URL", "POLYMARKET_GAMMA_URL", "POLYMARKET_DATA_URL",
            "POLYMARKET_WS_MARKET_URL", "POLYMARKET_WS_USER_URL", "POLYMARKET_RELAYER_URL",
            "POLYMARKET_RPC_URL", "POLYMARKET_CHAIN_ID", "POLYFRAME_ADMIN_TOKEN",
        ]  # fmt: skip
        assert all(line.startswith(("#", "export ")) for line in lines), "a shell can source it"
        with httpx.Client(trust_env=False) as client:
            answers = [client.get(f"{env['POLYMARKET_CLOB_URL']}/ok").status_code for _ in (1, 2)]
            assert answers == [500, 200]
            assert client.get(f"{env['POLYMARKET_GAMMA_URL']}/markets").json()
            assert client.get(f"{env['POLYMARKET_DATA_URL']}/v2/trades").json()["data"] == []
            headers = {TOKEN_HEADER: env["POLYFRAME_ADMIN_TOKEN"]}
            url = f"{env['POLYMARKET_CLOB_URL']}/admin/state"
            assert client.get(url, headers=headers).json()["is_running"] is True
        told = end(run)
        (served,) = (line for line in told if line.startswith("# served"))
        assert served.startswith("# served requests=5 frames=")
        assert served.endswith(" orders=0 fills=0")
        assert "# faults: server_error=1 drop=0" in told


def test_accounts_and_addresses_are_treated_as_asked() -> None:
    options = ("--tier", "Gold", "--no-eoa", "--max-skew", "30s", "--legs-fail-openly")
    options += ("--sell-unsettled", "--bind-dollars", "--warn-limits")
    with (
        serving(*SMALL, *options, "--ip-limits", "--for", "30s") as (_, env, _lines),
        httpx.Client(base_url=env["POLYMARKET_CLOB_URL"], trust_env=False) as http,
    ):
        key, now_s = PrivateKey((7).to_bytes(32)), int(time.time())
        stale = http.post("/auth/api-key", headers=l1_headers(key, now_s - 60))
        assert stale.status_code == 401
        made = http.post("/auth/api-key", headers=l1_headers(key, now_s))
        credentials = msgspec.json.decode(made.content, type=ApiCredentials)
        path = "/v1/user/rate-limit-tier"
        headers = l2_headers(credentials, key.address, now_s, "GET", path)
        assert http.get(path, headers=headers).json() == {"tier": "Gold"}
        answers = [http.get("/ok").status_code for _ in range(101)]
        assert answers == [200] * 100 + [429]


def test_json_and_a_set_time() -> None:
    with serving(*SMALL, "--for", "1s", "--json") as (run, _, lines):
        first: dict[str, Any] = json.loads(lines[0])
        assert first["event"] == "serving"
        assert first["environment"]["POLYMARKET_CHAIN_ID"] == "137"
        (last,) = rest_of(run)
        assert json.loads(last)["event"] == "served"


def test_the_printed_python_points_a_client_nowhere_else() -> None:
    with serving(*SMALL) as (run, env, lines):
        code = [line.removeprefix("#   ") for line in lines if line.startswith("#   ")]
        made: dict[str, Any] = {}
        exec("\n".join(code), made)
        config = made["config"]
        names = [one.name for one in dataclasses.fields(config) if one.name.endswith("_url")]
        beyond = [name for name in names if "://127.0.0.1:" not in getattr(config, name)]
        assert (beyond, len(names) > 10) == ([], True)
        assert config.clob_url == env["POLYMARKET_CLOB_URL"]
        assert "SecureClient.create(" in "".join(end(run))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_right_after_the_first_line_ends_it_in_order(number: int) -> None:
    command = [sys.executable, "-m", "polyframe", "exchange", *SMALL]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        run.stdout.readline()
        assert end(run, number)[-1] == "# faults: none"


def test_more_clients_than_the_system_allows_is_one_line() -> None:
    resource = pytest.importorskip("resource")
    if not hasattr(resource, "prlimit"):
        pytest.skip("only Linux sets another process's limits")
    with serving(*SMALL) as (run, env, _):
        files, most = 64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.prlimit(run.pid, resource.RLIMIT_NOFILE, (files, most))
        where = ("127.0.0.1", int(env["POLYMARKET_CLOB_URL"].rsplit(":", 1)[1]))
        clients = [socket.create_connection(where) for _ in range(files)]
        assert run.stderr is not None
        assert "Too many open files: new clients wait" in run.stderr.readline()
        for client in clients:
            client.close()
        with httpx.Client(base_url=env["POLYMARKET_CLOB_URL"], trust_env=False) as client:
            assert client.get("/ok").json() == "OK"
        end(run)


def test_a_recordings_name_is_no_line_of_a_shell(recording_path: Path, tmp_path: Path) -> None:
    name = "a\ntouch x\n"
    for suffix in (".frames.jsonl.zst", ".gamma.json"):
        source = recording_path.with_name(
            recording_path.name.removesuffix(".frames.jsonl.zst") + suffix
        )
        (tmp_path / f"{name}{suffix}").write_bytes(source.read_bytes())
    path = tmp_path / f"{name}.frames.jsonl.zst"
    with serving("--port", "0", "--recording", str(path)) as (run, _, lines):
        assert all(line.startswith(("#", "export ")) for line in lines)
        end(run)


def test_a_recording_serves_public_data_only(recording_path: Path) -> None:
    with serving("--port", "0", "--recording", str(recording_path)) as (run, env, lines):
        assert "takes no orders" in lines[0]
        with httpx.Client(base_url=env["POLYMARKET_CLOB_URL"], trust_env=False) as client:
            assert client.get("/ok").json() == "OK"
            assert client.post("/order", json={}).status_code in (404, 405)
        assert any("public data only" in line for line in end(run, signal.SIGTERM))


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (("--recording", "no.frames.jsonl.zst"), 5, "no such recording"),
        (("--recording", "x", "--markets", "9"), 2, "--markets is for simulations"),
        (("--recording", "x", "--no-eoa"), 2, "--no-eoa is for simulations"),
        (("--tier", "Mythril"), 2, "'Mythril' is not one of"),
        (("--recording", "x", "--seed", "9"), 2, "--seed is for simulations"),
        (("--faults", "no.yaml"), 3, "there is no such file"),
        (("--markets", "1"), 2, "1 is not in the range"),
        (("--activity", "nan"), 2, "is not a number"),
    ],
)
def test_mistakes_are_one_line(options: tuple[str, ...], code: int, text: str) -> None:
    refused(options, code, text)


def refused(options: tuple[str, ...], code: int, text: str) -> None:
    command = [sys.executable, "-m", "polyframe", "exchange", "--port", "0", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    last = done.stderr.splitlines()[-1]
    assert text in last
    assert "Traceback" not in done.stderr


def test_a_port_in_use_and_a_bad_script(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused(("--port", port, "--markets", "8"), 5, "ddress already in use; choose another port")
    script = tmp_path / "bad.yaml"
    script.write_text("faults:\n  - {kind: drop, share: 12}\n")
    refused(("--faults", str(script)), 3, "bad.yaml:2: faults[0].share: 12 is out of bounds")
    script.write_text("faults:\n  - {kind: halt, market: '999'}\n")
    refused(("--faults", str(script), "--markets", "8"), 5, "give a condition id")
