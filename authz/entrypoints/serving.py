"""`holdgate serve`: one process with the check server, the notifier, the console, or all three.

Shutdown goes the other way round from start: Envoy is told first, then open checks end, then pages and deliveries,
and what they need closes last.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import structlog
import uvloop
from starlette.types import ASGIApp

from authz import __version__, bootstrap
from authz.adapters.telemetry.logs import configure_logs
from authz.adapters.telemetry.metrics import Metrics
from authz.domain.errors import SettingsInvalid, StoreUnavailable
from authz.entrypoints.chat.chats import chats
from authz.entrypoints.check.handler import CheckHandler
from authz.entrypoints.check.mutual_tls import mutual_tls
from authz.entrypoints.check.server import CheckServer, ServerOptions
from authz.entrypoints.check.shedding import Admission
from authz.entrypoints.console.app import build_console
from authz.entrypoints.console.oidc_sign_in import BACK, OidcParts, OidcSignIn
from authz.entrypoints.console.round_trip import RoundTripSeal
from authz.entrypoints.console.server import CONNECTIONS_MAX, ConsoleServer
from authz.entrypoints.console.sessions import Sessions
from authz.entrypoints.console.site import Site
from authz.entrypoints.console.status import StatusPages
from authz.entrypoints.demo.gate import VARIABLE, DemoGate
from authz.entrypoints.listening import listening_socket
from authz.entrypoints.management.authenticator import Authenticator
from authz.entrypoints.management.server import ManagementServer
from authz.entrypoints.operations.app import operations_app
from authz.services.dead_letters import DeadLetterService
from authz.services.ports import TicketStore
from authz.services.reviewing import ReviewingService
from authz.services.voting import VotingService
from authz.setting_sources import WORKER_VARIABLE
from authz.settings import Settings
from authz.settings_loader import load_settings

log = structlog.get_logger("holdgate")

CHECK, NOTIFIER, CONSOLE = "check", "notifier", "console"

_PROBE_SECONDS = 1.0
_MS = 1000


class PartEnded(Exception):
    """A part that should run until the end stopped by itself; the process must not go on without it."""


def run(parts: frozenset[str]) -> int:
    """Serve these parts until SIGTERM or SIGINT; return the exit code. Raises SettingsInvalid."""
    settings = load_settings()
    if settings.management_listen and VARIABLE not in os.environ:
        raise SettingsInvalid(
            ["HOLDGATE_MANAGEMENT_LISTEN: only the demo can tell callers apart so far; leave it empty"]
        )
    configure_logs(settings.log_level)
    if WORKER_VARIABLE in os.environ:
        structlog.contextvars.bind_contextvars(worker=int(os.environ[WORKER_VARIABLE]))
    try:
        uvloop.run(_serve(parts, settings))
    except PartEnded as error:
        # A sentence for the operator; a traceback would only bury it.
        log.error("stopped", problem=str(error))  # noqa: TRY400 - as above
        return 1
    return 0


async def _serve(parts: frozenset[str], settings: Settings) -> None:
    process = Process(settings)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(process.outside(parts))
        if NOTIFIER in parts:
            await stack.enter_async_context(process.notifier())
        if CONSOLE in parts:
            await stack.enter_async_context(process.console())
        if CHECK in parts:
            await stack.enter_async_context(process.check())
        process.serving = True
        log.info("serving", parts=sorted(parts), version=__version__)
        await process.until_told()
        process.serving = False
        log.info("stopping", parts=sorted(parts))


class Process:
    """The parts of one process, each a context that runs while it is entered."""

    def __init__(self, settings: Settings) -> None:
        """Nothing runs yet."""
        self._settings = settings
        self._metrics = Metrics()
        self._running: set[asyncio.Task[None]] = set()
        self._told = asyncio.Event()
        self.serving = False
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told.set)
        if WORKER_VARIABLE in os.environ:
            loop.add_reader(sys.stdin.fileno(), self._starter_gone)

    @asynccontextmanager
    async def outside(self, parts: frozenset[str]) -> AsyncIterator[None]:
        """Open every connection, answer probes, and look at Redis before anything is served."""
        async with bootstrap.open_outside(self._settings) as self._outside:
            store, metrics = self._outside.store, self._metrics
            metrics.redis_connections.set_function(lambda: store.link.connected)
            metrics.redis_connection_limit.set(self._settings.redis_connections)
            metrics.redis_memory.set_function(lambda: store.memory_used)
            metrics.redis_watermark.set(self._settings.redis_memory_watermark / 100)
            required = {"serving": self._is_serving}
            if CHECK in parts:
                required["opa"] = self._opa_answers
            if CONSOLE in parts and self._settings.opa_vote_path:
                required["vote_rule"] = self._vote_rule_answers
            app = operations_app(self._metrics, required, {"redis": self._redis_answers})
            async with self._web(app, self._settings.metrics_listen, "HOLDGATE_METRICS_LISTEN"):
                await self._look_at_store()
                async with self._news(parts):
                    yield

    @asynccontextmanager
    async def _news(self, parts: frozenset[str]) -> AsyncIterator[None]:
        """Hear from Redis what happens to tickets, where somebody may wait for it."""
        if not self._settings.max_waiters or not parts & {CHECK, CONSOLE}:
            yield
            return
        self._metrics.waiter_limit.set(self._settings.max_waiters)
        task = self._spawn(bootstrap.change_feed(self._outside, self._metrics).run(), "change-feed")
        try:
            yield
        finally:
            self._running.discard(task)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @asynccontextmanager
    async def notifier(self) -> AsyncIterator[None]:
        """Post notices and end what is due."""
        stop = asyncio.Event()
        delivery = bootstrap.delivery(self._settings, self._outside, self._metrics)
        expiry = bootstrap.expiry(self._outside, self._metrics)
        self._metrics.deliveries_in_hand.set_function(lambda: delivery.in_hand)
        self._metrics.delivery_limit.set(delivery.limit)
        tasks = [self._spawn(delivery.run(stop), "delivery"), self._spawn(expiry.run(stop), "expiry")]
        try:
            yield
        finally:
            self._running.difference_update(tasks)
            stop.set()
            await asyncio.gather(*tasks, return_exceptions=True)

    @asynccontextmanager
    async def console(self) -> AsyncIterator[None]:
        """Serve pages and the ticket status; in a demo the management API, too."""
        settings, outside = self._settings, self._outside
        site = Site(settings.public_url)
        demo = DemoGate(Path(os.environ[VARIABLE]), settings, site) if VARIABLE in os.environ else None
        voting = bootstrap.voting_service(settings, outside)
        reviewing = bootstrap.reviewing_service(settings, outside)
        status = bootstrap.ticket_status(settings, outside)
        waiting = bootstrap.status_waiting(settings, outside, self._metrics)
        async with AsyncExitStack() as stack:
            sign_in = demo.sign_in if demo else await stack.enter_async_context(self._oidc(site))
            routes = await stack.enter_async_context(chats(settings, outside, self._metrics, self._spawn))
            pages = StatusPages(status, waiting)
            app = build_console(site, outside.store, pages, voting, reviewing, sign_in, more_routes=routes)
            if settings.management_listen:
                if demo is None:
                    raise SettingsInvalid(
                        [
                            "HOLDGATE_MANAGEMENT_LISTEN: only the demo can tell callers apart so far; leave it empty"
                        ]
                    )
                letters = bootstrap.dead_letter_service(settings, outside)
                management = _management(
                    settings, outside.store, voting, reviewing, demo.authenticator, letters
                )
                await management.start()
                stack.push_async_callback(management.stop, settings.shutdown_grace / _MS)
            await stack.enter_async_context(
                self._web(app, settings.console_listen, "HOLDGATE_CONSOLE_LISTEN", settings.max_waiters)
            )
            stack.callback(waiting.drain)
            yield

    @asynccontextmanager
    async def _oidc(self, site: Site) -> AsyncIterator[OidcSignIn | None]:
        """Let people sign in with the identity provider, where the settings name one."""
        async with bootstrap.open_provider(self._settings, BACK) as provider:
            if provider is None:
                yield None
                return
            sessions = Sessions(site, bootstrap.session_store(self._settings, self._outside))
            seal = RoundTripSeal([key.secret for key in self._settings.keys])
            age_s = self._settings.oidc_groups_max_age / _MS
            yield OidcSignIn(site, OidcParts(provider, sessions, seal, groups_max_age_s=age_s))

    @asynccontextmanager
    async def check(self) -> AsyncIterator[None]:
        """Answer Envoy."""
        settings = self._settings
        judging = bootstrap.judging(settings, self._outside, self._metrics)
        admission = Admission(settings.max_concurrent_checks)
        handler = CheckHandler(
            judging.check,
            self._metrics,
            body_limit=settings.body_limit,
            timeout=settings.check_timeout / _MS,
            bodies=bootstrap.body_parser(settings),
            waiting=judging.waiting,
            admission=admission,
        )
        self._metrics.dry_run.set(settings.dry_run)
        if settings.dry_run:
            log.error(
                "check.dry_run",
                problem="HOLDGATE_DRY_RUN is on: requests that the policy denies or holds are let through",
                advice="unset it as soon as you have seen what the policy decides",
            )
        self._metrics.check_limit.set(settings.max_concurrent_checks)
        options = ServerOptions(
            max_concurrent=settings.max_concurrent_checks,
            max_message_bytes=settings.max_check_bytes,
            max_waiters=settings.max_waiters,
            longest_call_ms=settings.max_wait + settings.check_timeout,
            connection_age_ms=settings.grpc_connection_age,
            reflection=settings.grpc_reflection,
        )
        tls = mutual_tls(settings, self._metrics)
        try:
            server = CheckServer(
                handler, settings.grpc_listen, options, self._metrics, tls, judging.waiting, admission
            )
        except OSError as error:
            raise SettingsInvalid([f"HOLDGATE_GRPC_LISTEN: {error}"]) from error
        await server.start()
        try:
            yield
        finally:
            await server.stop(settings.drain_delay / _MS, settings.shutdown_grace / _MS)

    def _starter_gone(self) -> None:
        """Stop as on SIGTERM: nobody would start this worker again, or stop it."""
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        log.error("worker.orphaned")
        self._told.set()

    async def until_told(self) -> None:
        """Wait for a signal. Raises PartEnded when a part stops first."""
        told = asyncio.create_task(self._told.wait())
        done, _ = await asyncio.wait({told, *self._running}, return_when=asyncio.FIRST_COMPLETED)
        if told in done:
            return
        told.cancel()
        task = done.pop()
        msg = f"{task.get_name()} ended by itself: {task.exception()!r}"
        raise PartEnded(msg)

    @asynccontextmanager
    async def _web(self, app: ASGIApp, address: str, setting: str, waiters: int = 0) -> AsyncIterator[None]:
        server = ConsoleServer(app, connections=CONNECTIONS_MAX + waiters)
        task = self._spawn(server.serve(sockets=[listening_socket(address, setting)]), setting)
        try:
            yield
        finally:
            self._running.discard(task)
            server.should_exit = True
            await asyncio.gather(task, return_exceptions=True)

    async def _look_at_store(self) -> None:
        """Refuse an unfit Redis. One that is down keeps nobody from starting: plain allows don't need it."""
        try:
            await self._outside.store.start()
        except StoreUnavailable as error:
            log.warning(
                "start.without_redis", problem=str(error), advice="holds and redemptions get 503 until then"
            )

    def _spawn(self, work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._running.add(task)
        return task

    async def _is_serving(self) -> bool:
        return self.serving

    async def _opa_answers(self) -> bool:
        return await self._outside.opa.healthy(_PROBE_SECONDS)

    async def _vote_rule_answers(self) -> bool:
        return await bootstrap.vote_rule_defined(self._settings, self._outside, _PROBE_SECONDS)

    async def _redis_answers(self) -> bool:
        try:
            await self._outside.store.last_position()
        except StoreUnavailable:
            return False
        return True


def _management(  # noqa: PLR0913, PLR0917 - each is one thing that the server needs
    settings: Settings,
    store: TicketStore,
    voting: VotingService,
    reviewing: ReviewingService,
    authenticator: Authenticator,
    letters: DeadLetterService,
) -> ManagementServer:
    """Bind the management API, with the setting's name where that can't be done."""
    try:
        listen = settings.management_listen
        return ManagementServer(store, voting, reviewing, authenticator, listen=listen, letters=letters)
    except (OSError, RuntimeError, ValueError) as error:
        raise SettingsInvalid(
            [f"HOLDGATE_MANAGEMENT_LISTEN: can't listen on {settings.management_listen}: {error}"]
        ) from error
