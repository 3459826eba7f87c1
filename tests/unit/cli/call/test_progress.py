from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from authz.entrypoints.cli.call.progress import Progress
from authz.entrypoints.cli.call.waiting_text import elapsed, live, standing
from holdgate_client import Hold

HOLD = Hold(
    "0-ticket1",
    "pending",
    rule="delete-resource",
    reason="deletes a production resource",
    needed=1,
    awaiting=("sre",),
    expires_at=datetime(2026, 3, 2, 9, 41, 7, tzinfo=UTC),
    review_url="https://holdgate.test/tickets/0-ticket1",
)
EVIL = "a\x1b[2J\r\n\u202eb"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_elsewhere_each_change_is_a_line() -> None:
    out = io.StringIO()
    progress = Progress(out, quiet=False)
    progress.hear(HOLD)
    progress.draw()
    progress.hear(replace(HOLD, given=1, awaiting=()))
    progress.hear(replace(HOLD, state="approved"))
    progress.clear()
    assert out.getvalue().splitlines() == [
        "holdgate: held as ticket 0-ticket1, rule delete-resource: deletes a production resource",
        "holdgate: people decide at https://holdgate.test/tickets/0-ticket1",
        "holdgate: waiting for sre, 0 of 1, until 2026-03-02 09:41:07 UTC",
        "holdgate: waiting for an approval, 1 of 1, until 2026-03-02 09:41:07 UTC",
        "holdgate: approved",
    ]


def test_in_a_terminal_one_line_lives_and_is_taken_away() -> None:
    out = Terminal()
    progress = Progress(out, quiet=False)
    progress.draw()
    progress.hear(HOLD)
    progress.draw()
    progress.hear(replace(HOLD, state="rejected"))
    progress.draw()
    lines = out.getvalue().split("\n")
    assert lines[2].count("\r\x1b[2K0:00  waiting for sre, 0 of 1") == 2
    assert lines[2].endswith("\r\x1b[2Kholdgate: rejected")
    assert lines[3:] == [""]


def test_a_ticket_in_anothers_place_is_shown_anew() -> None:
    out = io.StringIO()
    progress = Progress(out, quiet=False)
    progress.hear(HOLD)
    progress.hear(replace(HOLD, id="0-ticket2"))
    assert "holdgate: another ticket took its place\nholdgate: held as ticket 0-ticket2" in out.getvalue()


@pytest.mark.parametrize("out", [io.StringIO(), Terminal()])
def test_the_quiet_one_says_nothing_and_knows_the_hold(out: io.StringIO) -> None:
    progress = Progress(out, quiet=True)
    progress.hear(HOLD)
    progress.draw()
    progress.clear()
    assert (out.getvalue(), progress.hold) == ("", HOLD)


def test_texts_of_others_can_do_nothing_to_the_terminal() -> None:
    out = io.StringIO()
    progress = Progress(out, quiet=False)
    progress.hear(
        replace(HOLD, id=EVIL, rule=EVIL, reason=EVIL, awaiting=(EVIL,), review_url="https://x/" + EVIL)
    )
    progress.hear(replace(HOLD, state=EVIL))
    assert all(line.isprintable() for line in out.getvalue().split("\n"))


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0:00"), (42, "0:42"), (61.9, "1:01"), (3600, "1:00:00"), (3_723, "1:02:03")]
)
def test_times_are_written_as_people_do(seconds: float, text: str) -> None:
    assert elapsed(seconds) == text


@pytest.mark.parametrize("columns", [1, 10, 40, 80])
def test_a_line_fits_the_terminal(columns: int) -> None:
    assert len(live(HOLD, 7, columns)) <= columns
    assert live(HOLD, 7, 200) == "0:07  " + standing(HOLD)
