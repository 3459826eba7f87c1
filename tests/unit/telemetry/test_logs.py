"""What reaches standard error, by whichever way something is logged there."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

from tests.unit.telemetry.corpus import LONG, TOKEN

SECRETS = {"token": TOKEN, "password": LONG}

WAYS = {
    "structlog": "structlog.get_logger('a').error('e', path=f'/x/{token}', password=password)",
    "structlog, an exception": """
        try:
            raise ValueError(f'password={password} {token}')
        except ValueError:
            structlog.get_logger('a').exception('failed')
        """,
    "standard": "logging.getLogger('lib').error('sent %s with %s', token, {'password': password})",
    "standard, an exception": """
        try:
            try:
                raise KeyError(f'Bearer {token}')
            except KeyError as error:
                raise RuntimeError(f'redis://:{password}@redis.test/0') from error
        except RuntimeError:
            logging.getLogger('lib').exception('failed')
        """,
    "a warning": "warnings.warn(f'old {token} password={password}')",
    "nobody caught it": "raise ValueError(f'{token} password={password}')",
    "nobody caught it in a thread": """
        def run(): raise ValueError(f'{token} password={password}')
        thread = threading.Thread(target=run); thread.start(); thread.join()
        """,
    "nobody could catch it": """
        class Odd:
            def __del__(self): raise ValueError(f'{token} password={password}')
        Odd()
        """,
    "nobody waited for it": """
        async def fail(): raise ValueError(f'{token} password={password}')
        async def main():
            task = asyncio.create_task(fail()); await asyncio.sleep(0); await asyncio.sleep(0)
        asyncio.run(main())
        """,
}

PROGRAM = """
import asyncio, json, logging, sys, threading, warnings
import structlog
from authz.adapters.telemetry.logs import configure_logs
token, password = json.loads(sys.stdin.read())
{configure}
"""


def written(way: str, configure: str) -> str:
    program = PROGRAM.format(configure=configure) + textwrap.dedent(way)
    ran = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps([TOKEN, LONG]),
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    return ran.stdout + ran.stderr


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_no_way_to_log_writes_a_secret(way: str) -> None:
    found = written(way, "configure_logs('info')")
    lines = [json.loads(line) for line in found.splitlines()]
    assert lines, "something is told"
    assert all({"event", "level", "timestamp", "logger"} <= line.keys() for line in lines)
    for secret in SECRETS.values():
        assert secret not in found


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_control_without_the_processor_each_way_writes_them(way: str) -> None:
    found = written(
        way,
        "import authz.adapters.telemetry.logs as l; l.redact = lambda _, __, e: e; configure_logs('info')",
    )
    assert TOKEN in found or LONG in found


def test_ctrl_c_is_no_crash() -> None:
    found = written("raise KeyboardInterrupt", "configure_logs('info')")
    assert "uncaught" not in found
