"""What a policy can't change because both sides of a connection must agree where a message ends.

Envoy sends what it is told (measured): `content-length: 3` over a longer body leaves the rest on the upstream's
connection as the start of somebody's next request, and a 204 with a body leaves it for the client to read as the
next response.
"""

from __future__ import annotations

import re
from collections import Counter

from authz.domain.decision import Deny
from authz.domain.errors import PolicyMalformed
from authz.domain.header_mutation import Mutations

# RFC 9110 sections 7.6.1 and 8.6.
_FRAMING = frozenset(
    {"connection", "content-length", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}
)
# RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5.
_WITHOUT_CONTENT = frozenset({204, 205, 304})
# RFC 3986 section 3.2, without user information.
_AUTHORITY = re.compile(r"[A-Za-z0-9._~%!$&'()*+,;=:\[\]-]{1,1024}", re.ASCII)
# RFC 9110 section 9.1 and RFC 9112 section 3.2: each is one word of the request line.
_PSEUDO_VALUES = {
    ":authority": _AUTHORITY,
    ":method": re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", re.ASCII),
    ":path": re.compile(r"\*|/[!\"$-~]*", re.ASCII),
    ":scheme": re.compile(r"https?", re.ASCII),
    "host": _AUTHORITY,
}


def refuse_reframing(mutations: Mutations) -> None:
    """Raise PolicyMalformed when an allow changes the framing of a message, or breaks its request line."""
    if not (mutations.headers or mutations.remove_headers or mutations.response_headers):
        return
    named = {
        "headers": [name for name, _ in mutations.headers],
        "request_headers_to_remove": mutations.remove_headers,
        "response_headers_to_add": [name for name, _ in mutations.response_headers],
    }
    for key, names in named.items():
        for name in names:
            if name.lower() in _FRAMING:
                msg = f"{key}: {name!r} frames the message and can't be changed; leave it to Envoy"
                raise PolicyMalformed(msg)
    set_to = [(name.lower(), value) for name, value in mutations.headers]
    often = Counter(name for name, _ in set_to)
    for name, value in set_to:
        form = _PSEUDO_VALUES.get(name)
        if form is None and not name.startswith(":"):
            continue
        if form is None or often[name] > 1 or not form.fullmatch(value):
            msg = f"headers: {name!r} is set to something that no request line can have, or twice"
            raise PolicyMalformed(msg)


def refuse_content(deny: Deny) -> None:
    """Raise PolicyMalformed when a denial has a body beside a status that has none."""
    if deny.body and deny.status in _WITHOUT_CONTENT:
        msg = f"body: an answer with status {deny.status} has no content; leave the body out, or take another status"
        raise PolicyMalformed(msg)
