"""How many notices may be with each channel at once, so that a slow one keeps none of the others waiting."""

from __future__ import annotations

from collections.abc import Mapping, Sized


class Shares:
    """Half of all places, in equal parts, belong to one channel each; the other half is for whoever comes.

    So a channel that is slow has at most its own part and what is common, and never the last place of another one,
    while a channel can use most of them as long as the others are quiet.
    """

    def __init__(self, channels: int, places: int) -> None:
        """`places` should be at least twice as many as `channels`: each channel has one of its own whatever it is."""
        self._own = max(1, places // (2 * max(1, channels)))
        self._common = max(0, places - self._own * channels)

    def admits(self, name: str, held: Mapping[str, Sized]) -> bool:
        """Say whether one more notice may go to this channel."""
        if len(held.get(name, ())) < self._own:
            return True
        return sum(max(0, len(each) - self._own) for each in held.values()) < self._common


def one_each(name: str, held: Mapping[str, Sized]) -> bool:
    """Admit one at a time under each name."""
    return name not in held
