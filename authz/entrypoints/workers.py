"""`holdgate serve` with several worker processes: one that starts them, notices when one ends, and serves nothing.

Each worker is a `holdgate serve` of its own with addresses of its own, started before any gRPC object exists in the
process that starts it. Nothing is shared, so that one worker's end is nobody else's.

SIGTERM and SIGINT are passed on, and this process ends after the last worker. SIGHUP replaces the workers one by one,
each after the one before it is ready. A worker whose starter is gone, by whatever death, stops by itself.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

import structlog

from authz.adapters.telemetry.logs import configure_logs
from authz.entrypoints.readiness import is_ready
from authz.services.backoff import Backoff
from authz.setting_listeners import nth_address
from authz.setting_sources import PREFIX, WORKER_VARIABLE
from authz.settings import Settings

BAD_SETTINGS: Final = 2
GIVE_UP_AFTER: Final = 5
"""Ends of one worker in a row, each before it lasted, after which another try is no help."""

LASTED_SECONDS: Final = 30.0
READY_SECONDS: Final = 60.0
STOP_MARGIN_SECONDS: Final = 10.0
"""What a worker may need to stop besides draining: deliveries and pages that are under way."""

_POLL_SECONDS: Final = 0.1
_MS: Final = 1000

log = structlog.get_logger("holdgate.workers")


def run(part: str, settings: Settings) -> int:
    """Serve `check`, or `all` in the first worker and `check` in the others; return the exit code."""
    configure_logs(settings.log_level)
    commands = [
        (sys.executable, "-m", "authz.entrypoints.cli.main", "serve", part if number == 0 else "check")
        for number in range(settings.workers)
    ]
    return asyncio.run(Workers(commands, settings, os.environ).run())


class Worker:
    """One of the processes, in all of its lives."""

    def __init__(
        self, number: int, command: Sequence[str], environ: Mapping[str, str], settings: Settings
    ) -> None:
        self.number = number
        self.listen = settings.check_listens[number]
        self.metrics = nth_address(settings.metrics_listen, number)
        self.command = command
        self.environ = {
            **environ,
            f"{PREFIX}GRPC_LISTEN": self.listen,
            f"{PREFIX}METRICS_LISTEN": self.metrics,
            f"{PREFIX}WORKERS": "1",
            WORKER_VARIABLE: str(number),
        }
        self.process: asyncio.subprocess.Process | None = None
        self.failures = 0
        self.was_ready = False
        self.replaced = False

    def signal(self, number: signal.Signals) -> None:
        """Signal the process, if there is one."""
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)


class Workers:
    """All of them. Construct it inside the event loop that runs it."""

    def __init__(
        self,
        commands: Sequence[Sequence[str]],
        settings: Settings,
        environ: Mapping[str, str],
        backoff: Backoff = Backoff(base_s=0.5, max_s=10.0),  # noqa: B008 - immutable
    ) -> None:
        """`commands` has one command a worker."""
        self._workers = [
            Worker(number, command, environ, settings) for number, command in enumerate(commands)
        ]
        self._patience = (settings.drain_delay + settings.shutdown_grace) / _MS + STOP_MARGIN_SECONDS
        self._notice = settings.drain_delay / _MS
        self._backoff = backoff
        self._stop = asyncio.Event()
        self._code = 0
        self._rolling: asyncio.Task[None] | None = None

    async def run(self) -> int:
        """Keep the workers running until told to stop, or until one can't be kept; return the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._roll)
        reading, self._lifeline = os.pipe()
        try:
            keeping = [asyncio.create_task(self._keep(each, reading)) for each in self._workers]
            await self._stop.wait()
            if self._rolling is not None:
                self._rolling.cancel()
            await asyncio.gather(*(self._end(worker) for worker in self._workers))
            await asyncio.gather(*keeping)
        finally:
            os.close(reading)
            os.close(self._lifeline)
        log.info("workers.stopped", code=self._code)
        return self._code

    async def _keep(self, worker: Worker, reading: int) -> None:
        """Start a worker again whenever it ends, later each time if it doesn't last."""
        loop = asyncio.get_running_loop()
        while not self._stop.is_set():
            began = loop.time()
            worker.process = await asyncio.create_subprocess_exec(
                *worker.command, stdin=reading, env=worker.environ
            )
            log.info("worker.started", worker=worker.number, child=worker.process.pid, listen=worker.listen)
            if self._stop.is_set():  # told while it was being started
                worker.signal(signal.SIGTERM)
            watching = asyncio.create_task(self._note_ready(worker))
            code = await worker.process.wait()
            watching.cancel()
            if self._stop.is_set() or worker.replaced:
                worker.replaced = False
                log.info("worker.ended", worker=worker.number, code=code)
                # Told before it could listen for signals, a worker dies of the first one, and nothing was lost.
                self._code = self._code or int(code not in {0, -signal.SIGTERM})
                continue
            worker.failures = 1 if loop.time() - began >= LASTED_SECONDS else worker.failures + 1
            log.error("worker.died", worker=worker.number, code=code, in_a_row=worker.failures)
            if code == BAD_SETTINGS and not worker.was_ready:
                self._give_up(BAD_SETTINGS)
            elif worker.failures >= GIVE_UP_AFTER:
                log.error(
                    "workers.given_up", worker=worker.number, advice="see what it logged before it ended"
                )
                self._give_up(1)
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), self._backoff.delay(worker.failures))

    def _give_up(self, code: int) -> None:
        self._code = self._code or code
        self._stop.set()

    async def _note_ready(self, worker: Worker) -> None:
        while not await is_ready(worker.metrics):  # noqa: ASYNC110 - another process has no event of ours
            await asyncio.sleep(_POLL_SECONDS)
        worker.was_ready = True

    async def _end(self, worker: Worker) -> None:
        """Let a worker drain, and kill it when it doesn't end."""
        process = worker.process
        if process is None:
            return
        worker.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(self._patience):
                await process.wait()
        except TimeoutError:
            log.error("worker.killed", worker=worker.number, after_seconds=self._patience)  # noqa: TRY400 - a sentence
            worker.signal(signal.SIGKILL)
            await process.wait()

    def _roll(self) -> None:
        if self._rolling is None or self._rolling.done():
            self._rolling = asyncio.create_task(self._replace_all(), name="rolling restart")

    async def _replace_all(self) -> None:
        """Replace each worker, the next one only when Envoy has had time to find that the one before it is ready.

        Envoy tells nobody; HOLDGATE_DRAIN_DELAY is how long it needs to notice. Without the wait it can hear that the
        next one drains before it has looked at this one again, and then has none to ask.
        """
        log.info("rolling.started", workers=len(self._workers))
        for worker in self._workers:
            before = worker.process
            worker.replaced = True
            await self._end(worker)
            try:
                async with asyncio.timeout(READY_SECONDS):
                    while worker.process is before or not await is_ready(worker.metrics):  # noqa: ASYNC110 - as above
                        await asyncio.sleep(_POLL_SECONDS)
            except TimeoutError:
                log.error(  # noqa: TRY400 - a sentence
                    "rolling.stopped", worker=worker.number, advice="the workers after it are the old ones"
                )
                return
            finally:
                worker.replaced = False
            log.info("rolling.replaced", worker=worker.number)
            await asyncio.sleep(self._notice)
        log.info("rolling.done", workers=len(self._workers))
