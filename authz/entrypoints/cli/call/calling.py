"""A call from its options to its exit code."""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
from typing import Final

import click
import httpx

from authz.entrypoints.cli.call.endings import broken, exit_of
from authz.entrypoints.cli.call.exit_codes import CallExit
from authz.entrypoints.cli.call.options import CallOptions
from authz.entrypoints.cli.call.planned_request import Data, PlannedRequest, plan
from authz.entrypoints.cli.call.progress import Progress
from authz.entrypoints.cli.call.resuming import resuming
from authz.entrypoints.cli.call.session import Session
from authz.entrypoints.cli.call.ticket_source import ticket_to_go_on_with
from authz.entrypoints.cli.failure import CommandFailed, ExitCode
from holdgate_client import HoldgateError, Patience, Ticket, Unfinished, plain

_OF_DATA: Final = {
    "--data": "data",
    "--data-raw": "data_raw",
    "--data-binary": "data_binary",
    "--json": "json",
}


class Calling:
    """One use of the command."""

    def __init__(self, options: CallOptions) -> None:
        """Raise CommandFailed for options that don't go together, or a file that can't be read."""
        self._options = options
        try:
            request = plan(options.method, options.url, options.headers, _data(options))
            self._ticket = ticket_to_go_on_with(options.ticket_file, os.environ, options.url, request.host)
            self._session = _session(options, request)
        except (ValueError, OSError, httpx.InvalidURL) as error:
            raise CommandFailed(plain(str(error)), ExitCode.USAGE) from error
        self._progress = Progress(sys.stderr, quiet=options.quiet)

    def run(self) -> int:
        """Do it; return the exit code. Everything but the upstream's answer and a ticket goes to stderr."""
        try:
            return self._session.run(self._progress, self._ticket)
        except Unfinished as error:
            return self._unfinished(error)
        except HoldgateError as error:
            _say(str(error))
            return exit_of(error)
        except httpx.HTTPError as error:
            _say(broken(error))
            return CallExit.UNAVAILABLE
        except (KeyboardInterrupt, asyncio.CancelledError):
            return self._interrupted()
        except OSError as error:
            _say(plain(str(error)))
            return CallExit.REFUSED

    def _unfinished(self, error: Unfinished) -> int:
        code = exit_of(error)
        if code is not CallExit.HELD:
            _say(str(error))
        elif self._options.no_wait:
            sys.stdout.write(f"{error.ticket.token}\n")
            _say('it waits; to go on, keep what is on stdout in "$ticket":')
        else:
            _say(str(error))
            _say("it still waits; run the same again to go on, or with its ticket:")
        if code in {CallExit.HELD, CallExit.LOST}:
            _say(f"  {resuming(self._options)}")
        return code

    def _interrupted(self) -> int:
        hold = self._progress.hold
        if hold is None or hold.ticket is None:
            return CallExit.INTERRUPTED
        if hold.state != "pending":
            _say(f"ticket {hold.id} is {plain(hold.state)}: the request may have been carried out")
            return CallExit.INTERRUPTED
        if self._wants_it_back(hold.ticket):
            self._take_back(hold.ticket)
        else:
            _say(f"ticket {hold.id} still waits; run the same again to go on")
        return CallExit.INTERRUPTED

    def _wants_it_back(self, ticket: Ticket) -> bool:
        if self._options.on_interrupt != "ask":
            return self._options.on_interrupt == "cancel"
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return False
        try:
            return click.confirm(f"\nTake ticket {ticket.id} back?", default=False, err=True)
        except click.Abort:
            return False

    def _take_back(self, ticket: Ticket) -> None:
        try:
            state = self._session.take_back(ticket)
        except (httpx.HTTPError, KeyboardInterrupt) as error:
            _say(f"ticket {ticket.id} was not taken back: {plain(str(error)) or type(error).__name__}")
        else:
            _say(f"ticket {ticket.id} is {plain(state)}: nothing goes through with it any more")


def _session(options: CallOptions, request: PlannedRequest) -> Session:
    if options.key is not None and options.cert is None:
        raise ValueError("--key is the key of --cert")
    tls = ssl.create_default_context(cafile=options.cacert)
    if options.cert is not None:
        tls.load_cert_chain(options.cert, options.key)
    patience = Patience(total=0.0 if options.no_wait else options.wait)
    return Session(request, patience, options.timeout, tls, options.follow, options.include, options.output)


def _data(options: CallOptions) -> Data | None:
    given = [(option, getattr(options, name)) for option, name in _OF_DATA.items() if getattr(options, name)]
    if len(given) > 1:
        raise ValueError(f"{given[0][0]} and {given[1][0]} don't go together")
    return Data(*given[0]) if given else None


def _say(sentence: str) -> None:
    click.echo(f"holdgate: {sentence}", err=True)
