from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf.json_format import Parse

from authz.services.dead_letters import ChannelAnswer
from authz.wire.holdgate.v1 import deliveries_pb2 as wire
from tests.support.memory_letters import letter
from tests.unit.cli.conftest import Holdgate
from tests.unit.cli.management_thread import ManagementThread

TICKET = letter().ticket_id
MAIL = letter(3, why="mail: the mail server answered 550")
ODD = letter(2, replayable=False, type="moon.\x1blanded")


@pytest.fixture
def buried(api: ManagementThread) -> None:
    api.letters.letters = [MAIL, ODD, letter(1)]


@pytest.mark.usefixtures("buried")
def test_dead_letters_are_listed_newest_first_and_escaped(holdgate: Holdgate) -> None:
    heading, *lines = holdgate("deliveries", "list", "--as", "bob").stdout.splitlines()
    assert heading.split() == ["ID", "GIVEN", "UP", "EVENT", "TICKET", "TRIED", "WHY"]
    assert [line.split()[0] for line in lines] == [MAIL.entry, ODD.entry, letter(1).entry]
    assert "\x1b" not in "".join(lines)
    assert lines[0].endswith("mail: the mail server answered 550")


@pytest.mark.usefixtures("buried")
def test_only_one_channels_are_listed(holdgate: Holdgate) -> None:
    text = holdgate("deliveries", "list", "--as", "bob", "--channel", "teams", "--json").stdout
    listed = Parse(text, wire.ListDeadLettersResponse())
    assert [one.id for one in listed.letters] == [letter(1).entry]


def test_none_is_said(holdgate: Holdgate) -> None:
    for words in (("list",), ("replay", "--all")):
        result = holdgate("deliveries", *words, "--as", "bob")
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No dead letters.\n")


@pytest.mark.usefixtures("buried")
def test_those_named_are_sent_again(holdgate: Holdgate, api: ManagementThread) -> None:
    result = holdgate("deliveries", "replay", "--as", "bob", letter(1).entry, MAIL.entry)
    assert result.exit_code == 0
    assert api.letters.sent == [letter(1).entry, MAIL.entry]
    assert result.stdout.splitlines()[0] == f"{letter(1).entry}: ticket.created of {TICKET} is sent again"
    again = holdgate("deliveries", "replay", "--as", "bob", MAIL.entry)
    assert again.exit_code == 3
    assert again.stderr.startswith("holdgate: There is no such dead letter")


@pytest.mark.usefixtures("buried")
def test_all_are_sent_again_from_the_oldest_on_but_what_cannot_be_read(
    holdgate: Holdgate, api: ManagementThread
) -> None:
    assert holdgate("deliveries", "replay", "--as", "bob", "--all").exit_code == 0
    assert api.letters.sent == [letter(1).entry, MAIL.entry]
    assert api.letters.letters == [ODD]
    refused = holdgate("deliveries", "replay", "--as", "bob", ODD.entry)
    assert (refused.exit_code, api.letters.letters) == (1, [ODD])


@pytest.mark.usefixtures("buried")
def test_all_of_one_channel_are_sent_again(holdgate: Holdgate, api: ManagementThread) -> None:
    holdgate("deliveries", "replay", "--as", "bob", "--all", "--channel", "mail")
    assert api.letters.sent == [letter(1).entry, MAIL.entry]
    holdgate("deliveries", "replay", "--as", "bob", "--all", "--channel", "teams")
    assert len(api.letters.sent) == 2


def test_more_than_a_page_is_sent_again(holdgate: Holdgate, api: ManagementThread) -> None:
    api.letters.letters = [letter(number) for number in range(230, 0, -1)]
    assert holdgate("deliveries", "replay", "--as", "bob", "--all").exit_code == 0
    assert api.letters.sent == [letter(number).entry for number in range(1, 231)]


def test_what_each_channel_answered_is_shown(holdgate: Holdgate, api: ManagementThread) -> None:
    api.letters.said[TICKET] = [
        ChannelAnswer("ticket.created", 1, "teams", "accepted"),
        ChannelAnswer("ticket.created", 1, "", "mail: no answer"),
    ]
    heading, first, second = holdgate("deliveries", "show", "--as", "bob", TICKET).stdout.splitlines()
    assert heading.split() == ["REV", "EVENT", "CHANNEL", "ANSWER"]
    assert first.split(maxsplit=3) == ["1", "ticket.created", "teams", "accepted: accepted"]
    assert "failed last" in second
    assert second.endswith("mail: no answer")
    nothing = holdgate("deliveries", "show", "--as", "bob", "0-" + "b" * 26)
    assert nothing.stderr.startswith("No channel has answered anything")
    assert holdgate("deliveries", "show", "--as", "bob", "nonsense").exit_code == 3


@pytest.mark.parametrize(
    "words",
    [
        ("replay", "--as", "bob"),
        ("replay", "--as", "bob", "--all", "0:1-1"),
        ("replay", "--as", "bob", "--channel", "teams", "0:1-1"),
        ("list",),
        ("list", "--as", "bob", "--direct"),
    ],
)
def test_what_makes_no_sense_is_a_wrong_usage(holdgate: Holdgate, words: tuple[str, ...]) -> None:
    assert holdgate("deliveries", *words).exit_code == 2


@pytest.mark.usefixtures("buried")
def test_who_may_not_audit_is_told_so(holdgate: Holdgate, api: ManagementThread) -> None:
    """Without a rule of the operator's it is for the groups of HOLDGATE_DEFAULT_APPROVERS."""
    result = holdgate("deliveries", "replay", "--as", "dave", "--all")
    assert result.exit_code == 1
    assert result.stderr == "holdgate: You are in none of the groups that may read the audit.\n"
    assert api.letters.sent == []


def test_directly_a_redis_that_is_not_there_is_said(
    holdgate: Holdgate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOLDGATE_REDIS_URL", f"unix://{tmp_path}/none.sock")
    monkeypatch.setenv("HOLDGATE_TICKET_KEYS", "k1:" + "a" * 64)
    result = holdgate("deliveries", "list", "--direct")
    assert result.exit_code == 4, result.stderr
    assert "does HOLDGATE_REDIS_URL lead to Holdgate's Redis?" in result.stderr
