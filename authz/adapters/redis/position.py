"""Where a reader of the audit is: its place in the stream of each partition, joined by dots.

With one partition that is the id of a stream entry as Redis writes it. `0` is before everything, however many
partitions there are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

START = "0"

_PLACE = re.compile(r"\d{1,20}(-\d{1,20})?", re.ASCII)


def places_of(position: str, partitions: int) -> list[str]:
    """Return the place in each partition. Raises ValueError for a position that no event has."""
    if position == START:
        return [START] * partitions
    places = position.split(".")
    if len(places) != partitions or not all(_PLACE.fullmatch(place) for place in places):
        msg = f"{position!r} is not the position of an event in {partitions} partition(s)"
        raise ValueError(msg)
    return places


def position_of(places: Sequence[str]) -> str:
    """Return the position that these places make."""
    return START if set(places) == {START} else ".".join(places)
