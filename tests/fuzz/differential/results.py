"""Result documents of policies as JSON text, of every shape that the documentation names and of wrong ones."""

from __future__ import annotations

from collections.abc import Sequence

from tests.fuzz.differential.chance import Chance

_SCALARS: Sequence[str] = (
    *("null", "true", "false", "0", "1", "403", "403.0", "1e2", "-1", '"x"', '""', '"a b"', "[]", "{}"),
    *('"\u00e9"', "1.5", "404", "200", "503", '"403"', "99999999999999999999"),
)
_STATUSES: Sequence[int] = (
    *(100, 200, 202, 204, 205, 301, 302, 304, 307, 400, 401, 403, 404, 409, 418, 422, 428, 429, 451),
    *(500, 503, 504, 511, 599, 600),
)
_NAMES: Sequence[str] = (
    *("x-a", "x-a", "x-b", "X-A", "set-cookie", "x-c", ":path", "host", "x_a"),
    *(":status", "x-approval-by", "X_Approval-Id", "content-length", "connection", "a b", ""),
)
_VALUES: Sequence[str] = ("1", "2", "\u00e9", "a b", "", "/x?y=1", "100%", "a&b", "%41", "c#d", "+")
_UNSAFE_VALUES: Sequence[str] = ("a\\r\\nb: c", "\\u0000", "\\u007f", "\\t")
_LISTS: Sequence[str] = ('["a"]', '["a","b"]', "[]", '["a",1]', "[null]", '["a","a"]', '["x-a","X-A"]')
_METADATA: Sequence[str] = (
    *('{"a":1}', "{}", '{"a":[1,null,{"b":true}],"c":"d"}', '{"decision_id":"x"}', '{"n":1e300}'),
    *('{"n":12345678901234567890}', '{"":0}', '{"a":{"a":{"a":{}}}}', '{"decision":"allow"}'),
)
_KEYS: Sequence[str] = (
    *("headers", "response_headers_to_add", "query_parameters_to_set", "request_headers_to_remove"),
    *("query_parameters_to_remove", "http_status", "body", "dynamic_metadata", "other"),
)


def result(chance: Chance) -> str:
    """Return a result document."""
    if chance.happens(0.1):
        return chance.choice(_SCALARS)
    keys = chance.sample(_KEYS, chance.choice((0, 1, 1, 1, 2, 3)))
    items = [f'"{key}":{_value(chance, key)}' for key in keys]
    if chance.happens(0.97):
        items.append('"allowed":' + chance.mostly(chance.choice(("true", "false")), 0.1, _SCALARS))
    if chance.happens(0.01):
        items.append('"approval":' + chance.choice(("{}", '{"rule":"r"}', "null")))
    if chance.happens(0.01):
        items.append('"requester":' + chance.choice(('{"ns":"a","id":"b"}', "null", "{}")))
    chance.shuffle(items)
    return "{" + ",".join(items) + "}"


def _value(chance: Chance, key: str) -> str:
    match key:
        case "headers" | "response_headers_to_add" | "query_parameters_to_set":
            return _headers(chance)
        case "request_headers_to_remove" | "query_parameters_to_remove":
            return chance.mostly(chance.choice(_LISTS), 0.15, _SCALARS)
        case "http_status":
            return chance.mostly(
                str(chance.choice(_STATUSES)), 0.2, (*_SCALARS, str(chance.randint(-9, 700)))
            )
        case "body":
            return chance.mostly('"x"', 0.5, ('"\u00e9"', '""', '"{\\"a\\": 1}"', chance.choice(_SCALARS)))
        case "dynamic_metadata":
            return chance.mostly(chance.choice(_METADATA), 0.15, _SCALARS)
        case _:
            return chance.choice(_SCALARS)


def _headers(chance: Chance) -> str:
    if chance.happens(0.6):
        return _object(chance)
    items = [chance.mostly(_object(chance), 0.2, _SCALARS) for _ in range(chance.randint(0, 3))]
    return chance.mostly("[" + ",".join(items) + "]", 0.3, _SCALARS)


def _object(chance: Chance) -> str:
    names = dict.fromkeys(
        chance.mostly(name, 0.1, _NAMES) for name in chance.sample(_NAMES[:5], chance.randint(0, 3))
    )
    return "{" + ",".join(f'"{name}":{_header_value(chance)}' for name in names) + "}"


def _header_value(chance: Chance) -> str:
    value = f'"{chance.mostly(chance.choice(_VALUES), 0.02, _UNSAFE_VALUES)}"'
    return chance.mostly(value, 0.4, ('["1"]', '["1","2"]', "[]", '["1",2]', chance.choice(_SCALARS)))
