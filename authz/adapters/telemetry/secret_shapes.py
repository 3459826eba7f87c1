"""What secrets look like in text, whatever they go under, and how a text is written without them."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Final
from urllib.parse import unquote_plus

from authz.domain.secrecy import TICKET_TOKEN, is_secret

REDACTED: Final = "[redacted]"

# What every text with one of the shapes below has something of. Looking for fixed letters is ten times quicker than
# looking for the shapes.
_MARKS: Final = (
    *(
        "=",
        "://",
        "hg1.",
        "eyJ",
        "AKIA",
        "ASIA",
        "glpat-",
        "xox",
        "xapp-",
        "AIza",
        "ya29.",
        "GOCSPX-",
        "sk-",
        "SG.",
    ),
    *("pypi-", "hvs.", "AGE-SECRET-KEY-", ":AA", "-----BEGIN"),
)
_MARKS_WITH_UNDERSCORE: Final = (
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "k_",
    "npm_",
    "dop_v1_",
)
_MARKS_OF_ANY_CASE: Final = ("bearer", "basic", "authorization", "cookie")
_NAME_MAX: Final = 110
_WORDS: Final = re.compile(r"[\w.-]+")
_KNOWN: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"eyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*){2,4}"  # RFC 7515, 7516: a JWT or a JWE
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}"
    r"|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|glpat-[A-Za-z0-9_-]{16,}"
    r"|xox[a-z]-[A-Za-z0-9-]{8,}|xapp-[0-9]-[A-Za-z0-9-]{8,}"
    r"|AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{16,}|GOCSPX-[A-Za-z0-9_-]{16,}"
    r"|[sr]k_(?:live|test)_[A-Za-z0-9]{8,}|sk-[A-Za-z0-9_-]{20,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"
    r"|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{16,}|hvs\.[A-Za-z0-9_-]{16,}|dop_v1_[a-f0-9]{32,}"
    r"|AGE-SECRET-KEY-1[A-Z0-9]{20,}|[0-9]{8,10}:AA[A-Za-z0-9_-]{30,}"
    r")"
)
_PRIVATE_KEY: Final = re.compile(
    # To the end of the text where the last line is missing: it was cut.
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]{0,40}-----|\Z)",
    re.DOTALL,
)
# RFC 9110 section 11.4. Words about schemes ("basic authentication") are no credentials.
_CREDENTIALS: Final = re.compile(r"(?<![\w-])(bearer|basic)([ \t]+)([A-Za-z0-9._~+/-]{4,}=*)", re.IGNORECASE)
_LONG_CREDENTIALS: Final = 20
_USERINFO: Final = re.compile(r"(?<=://)[^\s/?#\"'<>]*@")
# A password with a slash in it is a mistake in a URL, and is in one all the same.
_LOOSE_USERINFO: Final = re.compile(r"(?i)(?<=redis://|ediss://)[^\s\"'<>]{0,300}@")
_ADDRESS: Final = re.compile(r"(?<=://)([^\s/?#\"'<>]{1,255}+)(/[^\s\"'<>]+)")
_WEBHOOK_MARKS: Final = ("hooks.", "webhook")
_WEBHOOK_PATHS: Final = ("/api/webhooks/", "/webhook", "/hooks/")
_PARAMETER: Final = re.compile(r"([?&;])([^=&;?#\s\"'<>]{1,100})(=)([^&;#\s\"'<>]+)")
_PARAMETER_NAMES: Final = frozenset({"code", "state", "id_token_hint", "se", "sp", "sv", "ticket"})
# Header values of several words: to the closing quote where one was opened, else to the end of the line.
_WHOLE_LINE: Final = re.compile(
    r"(?i)(?<![\w-])((?:proxy-)?authorization|(?:set-)?cookie2?)([\"']?[ \t]{0,4}[:=][ \t]{0,4}b?)"
    r"(?:\"[^\"\r\n]+|'[^'\r\n]+|[^\s\"'][^\r\n]*)"
)
# Possessive, and from the start of a word only: a long text costs time in proportion to its length.
_NAME: Final = re.compile(r"(?<![\w.-])([\w.-]{2,100}+)[\"']?[ \t]{0,4}[:=][ \t]{0,4}")
_VALUE: Final = re.compile(
    r"b?\"(?:[^\"\\]|\\+.)*+\"?|b?'(?:[^'\\]|\\+.)*+'?|[\[({][^\])}]*+[\])}]?|[^\s,;&\"'(){}\[\]<>]++"
)


def without_secrets(text: str) -> str:
    """Return a text with everything in it that looks like a secret replaced by REDACTED."""
    text = _PRIVATE_KEY.sub(REDACTED, text)
    text = TICKET_TOKEN.sub(REDACTED, text)
    text = _KNOWN.sub(REDACTED, text)
    text = _CREDENTIALS.sub(_credentials, text)
    text = _ADDRESS.sub(_address, text)
    text = _LOOSE_USERINFO.sub(f"{REDACTED}@", text)
    text = _USERINFO.sub(f"{REDACTED}@", text)
    text = _PARAMETER.sub(_parameter, text)
    text = _WHOLE_LINE.sub(rf"\1\2{REDACTED}", text)
    return _without_named(text)


def has_traces(text: str) -> bool:
    """Say whether `without_secrets` could change a text; or one of several, joined by line breaks."""
    for mark in _MARKS:
        if mark in text:
            return True
    if "_" in text and any(mark in text for mark in _MARKS_WITH_UNDERSCORE):
        return True
    lowered = text.lower()
    for mark in _MARKS_OF_ANY_CASE:
        if mark in lowered:
            return True
    # Of what stands before a colon, only the last word can be its name.
    before = text.split(":")[:-1]
    return any((words := _WORDS.findall(part[-_NAME_MAX:])) and is_secret(words[-1]) for part in before)


def _address(found: re.Match[str]) -> str:
    """Hide all of a webhook's address after the host: it is what lets one post."""
    host, path = found[1].lower(), found[2].lower()
    if any(mark in host for mark in _WEBHOOK_MARKS) or any(mark in path for mark in _WEBHOOK_PATHS):
        return f"{found[1]}/{REDACTED}"
    return found[0]


def _credentials(found: re.Match[str]) -> str:
    value = found[3]
    plain = value.isalpha() and len(value) < _LONG_CREDENTIALS
    if plain and not (found[1].lower() == "basic" and _is_pair(value)):
        return found[0]
    return f"{found[1]}{found[2]}{REDACTED}"


def _is_pair(value: str) -> bool:
    """Say whether it is USER:PASSWORD in base64 (RFC 7617 section 2)."""
    try:
        return b":" in b64decode(value, validate=True)
    except ValueError:
        return False


def _parameter(found: re.Match[str]) -> str:
    name = unquote_plus(found[2])
    if name.lower() in _PARAMETER_NAMES or is_secret(name):
        return f"{found[1]}{found[2]}={REDACTED}"
    return found[0]


def _without_named(text: str) -> str:
    """Hide what follows a secret name. What follows another may be such a name itself: `ValueError: password=…`."""
    parts = []
    done = position = 0
    while found := _NAME.search(text, position):
        position = found.end()
        value = _VALUE.match(text, position) if is_secret(found[1]) else None
        if value is not None and not value[0].startswith(REDACTED):
            parts += [text[done:position], REDACTED]
            done = position = value.end()
    return "".join([*parts, text[done:]])
