"""Reads a submitted form, after checking that a page of ours sent it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

from authz.entrypoints.console.site import Site

FORM_TYPE = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class FormLimits:
    """Bounds on a form: bytes, fields, and seconds until all of it has arrived."""

    size: int = 16_384
    fields: int = 8
    seconds: float = 10.0


async def read_form(request: Request, site: Site, limits: FormLimits) -> dict[str, str]:
    """Return the fields of a form that came from this site.

    Raises HTTPException: 403 for another origin, 415 for another content type, 413 beyond the size, 408 when
    it comes too slowly, 400 when it is unreadable or names a field twice.
    """
    check_origin(request, site)
    if request.headers.getlist("content-type") not in ([FORM_TYPE], [f"{FORM_TYPE};charset=UTF-8"]):
        raise HTTPException(415, f"This takes a form of type {FORM_TYPE} and nothing else.")
    body = await _bounded_body(request, limits)
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=limits.fields
        )
    except ValueError:  # also what UnicodeDecodeError is
        raise HTTPException(400, "The form can't be read.") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise HTTPException(400, "The form names a field twice.")
    return fields


def check_origin(request: Request, site: Site) -> None:
    """Raise HTTPException 403 unless the browser says that a page of ours sent this.

    Under `Referrer-Policy: no-referrer` browsers send `Origin: null` with every form, our own included
    (Fetch standard, "append a request Origin header"). A `null` therefore needs `Sec-Fetch-Site:
    same-origin`, which no page can set; browsers send it wherever the site is https or loopback.
    """
    origins = request.headers.getlist("origin")
    sites = request.headers.getlist("sec-fetch-site")
    ours = len(origins) == 1 and origins[0].lower() in site.origins and sites in ([], ["same-origin"])
    hidden = origins == ["null"] and sites == ["same-origin"]
    if not (ours or hidden):
        raise HTTPException(
            403, "This form was not sent from the review page. Open the page and use its buttons."
        )


async def _bounded_body(request: Request, limits: FormLimits) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(limits.seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limits.size:
                    raise HTTPException(413, f"The form is larger than {limits.size} bytes.")
    except TimeoutError:
        raise HTTPException(408, f"The form did not arrive within {limits.seconds:g} seconds.") from None
    return bytes(body)
