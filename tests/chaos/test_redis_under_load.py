"""Redis killed and started again while clients keep on asking."""

from __future__ import annotations

from tests.support.gate import running_gate
from tests.support.gate_backing import Backing
from tests.support.gate_load import load
from tests.support.waiting import until

SOME = 30


def test_only_what_needs_redis_fails_and_only_meanwhile_and_nothing_acknowledged_is_lost(
    around: Backing,
) -> None:
    with running_gate(around, parts=("check", "check"), redis_timeout="400ms") as gate:
        with load(gate) as running:
            until("tickets are handed out", lambda: running.of("hold", 202) > SOME)
            around.redis.kill()
            try:
                until("holds fail", lambda: running.of("hold", 503) > SOME)
                before = running.of("open", 200)
                until("the rest passes", lambda: running.of("open", 200) > before + SOME)
            finally:
                around.redis.start()
            back = running.of("hold", 202)
            until("tickets are handed out again", lambda: running.of("hold", 202) > back + SOME, 2)
            failed = running.of("hold", 503)
            until("more tickets", lambda: running.of("hold", 202) > back + 3 * SOME)
        assert running.broken == []
        assert running.of("hold", 503) - failed <= SOME
        assert running.kinds() == {("open", 200), ("hold", 202), ("hold", 503)}
        histories = gate.histories()
        ids = [ticket.split(".")[2] for ticket in running.tickets]
        assert {tuple(histories[each]) for each in ids} == {("ticket.created",)}
        with around.database() as database:
            assert database.info("clients")["connected_clients"] < 2 * 64 + SOME
