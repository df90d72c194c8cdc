"""``polyframe run --profile production`` as a process of its own, at an exchange of this one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream

from polyframe.exchange.server import EmbeddedExchange
from polyframe.runtime.live.arming import arm_hash
from polyframe.runtime.plugins import configs_of, load_plugin_classes
from polyframe.strategy import load_strategy, named_plugins
from watched_run import ENVIRONMENT, FILE

PATIENCE_S = 60.0


@dataclass
class Ended:
    """How a verb ended: exit code, and its lines."""

    code: int
    out: list[str]
    err: list[str]


@dataclass
class EngineProcess:
    """A running engine; ``out`` and ``err`` are its lines so far."""

    process: Process
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def said(self, words: str) -> list[str]:
        """Lines that begin with these words, after their time."""
        return [line for line in self.out if line.partition(" ")[2].startswith(words)]

    async def ended(self) -> Ended:
        with anyio.fail_after(PATIENCE_S):
            code = await self.process.wait()
            await anyio.sleep(0.05)
        return Ended(code, self.out, self.err)


class Desk:
    """Verbs of one account in one folder, at one exchange."""

    def __init__(self, folder: Path, exchange: EmbeddedExchange) -> None:
        self.folder = folder
        self.exchange = exchange
        self.url = exchange.urls.clob_url
        path = folder / "operated.yaml"
        path.write_text(FILE.replace("  tripwire: {}\n", ""))
        classes = load_plugin_classes(named_plugins(path), production=True)
        profiles = [
            load_strategy(path, one, configs_of(classes)) for one in ("paper", "production")
        ]
        self._run = [
            "run", path.name, "--profile", "production", "--venue", self.url, "--speed",
            f"{exchange.clock.speed:g}", "--plain", "--arm", arm_hash(*profiles),
        ]  # fmt: skip
        self._environment = {**os.environ, **ENVIRONMENT, "PYTHONUNBUFFERED": "1"}
        self._environment.pop("PAPER_MODE", None)

    async def verb(self, *arguments: str) -> Ended:
        """Run a verb to its end."""
        with anyio.fail_after(PATIENCE_S):
            done = await anyio.run_process(
                [sys.executable, "-m", "polyframe", *arguments], cwd=self.folder,
                env=self._environment, check=False,
            )  # fmt: skip
        return Ended(
            done.returncode, done.stdout.decode().splitlines(), done.stderr.decode().splitlines()
        )

    async def run_again(self, *more: str) -> Ended:
        """Run an engine that is not going to run for long."""
        return await self.verb(*self._run, *more)

    @asynccontextmanager
    async def engine(self, *more: str, out: int | None = None) -> AsyncIterator[EngineProcess]:
        """Run an engine; with ``out`` its lines go to that file of the system's, and not to us."""
        process = await anyio.open_process(
            [sys.executable, "-m", "polyframe", *self._run, *more], cwd=self.folder,
            env=self._environment, stdout=subprocess.PIPE if out is None else out,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        engine = EngineProcess(process)

        async def read(stream: object, into: list[str]) -> None:
            rest = ""
            async for text in TextReceiveStream(stream):
                *lines, rest = (rest + text).split("\n")
                into += lines

        async with anyio.create_task_group() as tasks:
            if out is None:
                tasks.start_soon(read, process.stdout, engine.out)
            tasks.start_soon(read, process.stderr, engine.err)
            try:
                yield engine
            finally:
                if process.returncode is None:
                    process.kill()
                    with anyio.CancelScope(shield=True):
                        await process.wait()
                tasks.cancel_scope.cancel()
