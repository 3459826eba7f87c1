from __future__ import annotations

import os
import signal

import pytest

from authz.entrypoints.demo.stop_signals import STOP_SIGNALS, stop_signals


def test_they_are_ctrl_c_a_termination_and_the_end_of_the_terminal() -> None:
    assert set(STOP_SIGNALS) == {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


@pytest.mark.parametrize("number", STOP_SIGNALS)
async def test_the_first_one_counts_and_none_ends_the_process(number: signal.Signals) -> None:
    with stop_signals() as asked:
        assert not asked.done()
        os.kill(os.getpid(), number)
        assert await asked is number
        for later in STOP_SIGNALS:
            os.kill(os.getpid(), later)
        assert await asked is number
