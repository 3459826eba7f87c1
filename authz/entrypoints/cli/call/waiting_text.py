"""What the caller is told while a request waits. Texts of others are made harmless for a terminal."""

from __future__ import annotations

from datetime import datetime

from holdgate_client import Hold, plain

_MINUTE = 60
_HOUR = 3600


def held_lines(hold: Hold) -> tuple[str, ...]:
    """Return what is held and where people decide, a line each."""
    why = f": {plain(hold.reason)}" if hold.reason else ""
    lines = [f"held as ticket {plain(hold.id)}, rule {plain(hold.rule) or 'unknown'}{why}"]
    if hold.review_url is not None:
        lines.append(f"people decide at {plain(hold.review_url)}")
    return tuple(lines)


def standing(hold: Hold) -> str:
    """Return how far it is, in a few words."""
    if hold.state == "approved":
        return "approved"
    if hold.state != "pending":
        return plain(hold.state.replace("_", " "))
    whom = "; ".join(map(plain, hold.awaiting)) or "an approval"
    return f"waiting for {whom}, {hold.given} of {hold.needed}{_until(hold.expires_at)}"


def live(hold: Hold, seconds: float, columns: int) -> str:
    """Return one line for a terminal, of `columns` at most: how far it is, and how long it takes already."""
    text = f"{elapsed(seconds)}  {standing(hold)}"
    return text if len(text) < columns else text[: max(0, columns - 2)] + "…"


def elapsed(seconds: float) -> str:
    """Return a time as people write it: `0:42`, `1:02:03`."""
    hours, rest = divmod(int(seconds), _HOUR)
    minutes, left = divmod(rest, _MINUTE)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def _until(time: datetime | None) -> str:
    return "" if time is None else f", until {time:%Y-%m-%d %H:%M:%S} UTC"
