"""What a Redis says of itself."""

from __future__ import annotations

from typing import cast

from authz.adapters.redis.link import Link
from authz.domain.errors import StoreUnavailable


async def read_info(link: Link, key: str = "", section: str = "") -> dict[str, str]:
    """Return the fields of INFO of the node that has a key, none where it is forbidden. Raises StoreUnavailable."""
    try:
        reply = await link.command("INFO", *([section] if section else []), key=key)
    except StoreUnavailable as error:
        if "NOPERM" not in str(error) and "permission" not in str(error):
            raise
        return {}
    lines = cast("bytes", reply).decode("utf-8", "replace").splitlines()
    return {name: value for name, mark, value in (line.partition(":") for line in lines) if mark}
