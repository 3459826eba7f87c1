"""A channel from a file of the operator's own, as docs/extending.md tells."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import cast

from authz.services.ports import Channel

_PARTS = ("events", "send", "alarm")


def own_channel(factory: str, public_url: str, options: Mapping[str, str]) -> Channel:
    """Import `MODULE:NAME`, call it with `public_url` and `options`, and return the channel that comes of it.

    Raises ValueError when there is no such module or name, when what comes of it is no channel, and when the factory
    does. A bug in the module shows itself with its own traceback.
    """
    module_name, _, name = factory.partition(":")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        msg = f"factory {factory}: there is no module {error.name}; put the folder of its file on PYTHONPATH"
        raise ValueError(msg) from None
    make = getattr(module, name, None)
    if not callable(make):
        msg = f"factory {factory}: {module_name} has no {name} that can be called"
        raise ValueError(msg)  # noqa: TRY004 - a problem of the settings, like the others
    made = make(public_url=public_url, options=options)
    missing = [part for part in _PARTS if not hasattr(made, part)]
    if missing:
        msg = f"factory {factory}: what it made has no {', '.join(missing)}; see docs/extending.md"
        raise ValueError(msg)
    return cast("Channel", made)
