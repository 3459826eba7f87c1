from __future__ import annotations

import pytest

from authz.adapters.teams_bot.place import Place, parse_place, room_of


@pytest.mark.parametrize("place", [Place("19:a@thread.tacv2"), Place("an-object-id", personal=True)])
def test_a_place_is_read_as_it_was_written(place: Place) -> None:
    assert parse_place(str(place)) == place


@pytest.mark.parametrize("text", ["", "room", "room ", "channel 19:a@thread.tacv2"])
def test_what_no_release_wrote_is_no_place(text: str) -> None:
    with pytest.raises(ValueError, match="no place of the Teams bot"):
        parse_place(text)


def test_a_thread_is_in_its_room() -> None:
    assert room_of("19:a@thread.tacv2;messageid=17") == room_of("19:a@thread.tacv2") == "19:a@thread.tacv2"
