"""Demands and break-glass answers made up by Hypothesis: sound ones, and ones with a few things changed."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

from tests.contract.schemas.judging import ROUTES

Strategy = st.SearchStrategy[Any]

WORDS = (
    *(
        "rule",
        "reason",
        "approvers",
        "expires_in",
        "grant",
        "bind",
        "notify",
        "cc",
        "remind_after",
        "escalate",
    ),
    *("risk", "justification", "redeem", "wait", "show", "uses", "valid_for", "scope", "headers", "body"),
    *("ignore", "after", "title", "value", "group", "user", "any", "count", "ns", "id", "one_of"),
    *(
        "break_glass",
        "review_within",
        "http_status",
        "aprovers",
        "Rule",
        "",
        "approval",
        "allowed",
        "headers",
    ),
    *("requester", "name", "body", "dynamic_metadata", "response_headers_to_add", "query_parameters_to_set"),
)
ODD: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        1.0,
        1.5,
        20,
        21,
        1000,
        1001,
        10**30,
        "",
        "x",
        "sre",
        [],
        {},
        [[]],
        [{}],
        ["x"],
    ),
    *(
        "0",
        "0s",
        "1ns",
        "1.5ms",
        ".5s",
        "30m",
        "1h30m",
        "5m",
        "169h",
        "30",
        "m",
        "-1s",
        "1d",
        "1s\n",
        "9" * 12 + "h",
    ),
    *("r\n", "-r", "r-", "R", "a" * 64, "a" * 65, "x" * 500, "x" * 501, "x" * 512, "x" * 513, "\u00e9"),
    *("/a", "a", "/", "/~0", "/~", "/a\n", "/a" * 32, "/a" * 33, "/" + "x" * 199, "/" + "x" * 200),
    *("high", "normal", "required", "optional", "repeat", "header", "X-Tenant", "x tenant", "x_approval_by"),
    *(
        199,
        200,
        202,
        299,
        428,
        599,
        600,
        403.0,
        {"rule": "r"},
        {"x-a": 1},
        {"x a": "b"},
        {"x-a": "b\n"},
        {":path": "/"},
    ),
    *("default", "nowhere", ["default"], ["nowhere"], ["default"] * 9, [{"title": "a", "value": "b"}] * 11),
    *(
        [{"group": "a", "count": 20}],
        [{"any": True}] * 21,
        {"one_of": [[{"any": True}]]},
        {"ignore": ["/a"] * 17},
    ),
)

slugs: Strategy = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", fullmatch=True)
texts: Strategy = st.text(max_size=20)
durations: Strategy = st.sampled_from(["30s", "90s", "1m", "4m30s", "299s", "1.5s", "250ms"])
routes: Strategy = st.sampled_from(ROUTES)
counts: Strategy = st.integers(1, 3)
names: Strategy = st.text(min_size=1, max_size=20)
headers: Strategy = st.from_regex(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,20}", fullmatch=True)
pointers: Strategy = st.from_regex(r"(/([^/~\x00-\x1f]|~[01]){0,4}){1,3}", fullmatch=True)
lines: Strategy = st.lists(st.fixed_dictionaries({"title": texts, "value": texts}), max_size=3)

seats: Strategy = st.lists(
    st.one_of(
        st.fixed_dictionaries({"group": names}, optional={"count": counts}),
        st.fixed_dictionaries({"user": st.fixed_dictionaries({"ns": names, "id": names})}),
        st.fixed_dictionaries({"any": st.just(value=True)}, optional={"count": counts}),
    ),
    min_size=1,
    max_size=4,
)
approvers: Strategy = seats | st.fixed_dictionaries({"one_of": st.lists(seats, min_size=2, max_size=5)})
bindings: Strategy = st.fixed_dictionaries(
    {},
    optional={
        "headers": st.lists(headers, max_size=3),
        "body": st.booleans() | st.fixed_dictionaries({"ignore": st.lists(pointers, max_size=3)}),
    },
)
limited: dict[str, Strategy] = {"uses": st.integers(1, 1000), "valid_for": durations}
common: dict[str, Strategy] = {
    "reason": texts,
    "notify": routes,
    "cc": st.lists(routes, max_size=3),
    "show": lines,
}
optional: dict[str, Strategy] = common | {
    "approvers": approvers,
    "expires_in": st.sampled_from(["30m", "5m", "168h"]),
    "remind_after": durations,
    "escalate": st.fixed_dictionaries({"after": durations, "notify": routes}),
    "risk": st.sampled_from(["normal", "high"]),
    "justification": st.sampled_from(["optional", "required"]),
    "redeem": st.sampled_from(["header", "repeat"]),
    "wait": durations | st.just("0s"),
}
bound: Strategy = st.fixed_dictionaries(
    {"rule": slugs},
    optional=optional | {"bind": bindings, "grant": st.fixed_dictionaries({}, optional=limited)},
)
scoped: Strategy = st.fixed_dictionaries(
    {"rule": slugs, "grant": st.fixed_dictionaries({"scope": slugs}, optional=limited)}, optional=optional
)
demand: Strategy = bound | scoped
demands: Strategy = demand | st.lists(demand, min_size=1, max_size=3)
break_glass: Strategy = st.fixed_dictionaries(
    {
        "break_glass": st.fixed_dictionaries(
            {
                "group": names,
                "review_within": st.sampled_from(["24h", "720h"]),
            }
        )
    },
    optional=common | {"rule": slugs},
)

header_values: Strategy = st.sampled_from(["", "a", "a\tb", "\u00e9"])
header_objects: Strategy = st.dictionaries(
    st.sampled_from(["x-a", "X-B", "content-type", "host"]),
    header_values | st.lists(header_values, max_size=2),
    max_size=2,
)
header_fields: Strategy = header_objects | st.lists(header_objects, max_size=2)
beside: dict[str, Strategy] = {
    "dynamic_metadata": st.dictionaries(texts, texts, max_size=2),
    "requester": st.fixed_dictionaries({"ns": names, "id": names}, optional={"name": texts}),
    "headers": header_fields,
}
passing: dict[str, Strategy] = beside | {
    "response_headers_to_add": header_fields,
    "request_headers_to_remove": st.lists(texts, max_size=2),
    "query_parameters_to_set": st.dictionaries(texts, texts | st.lists(texts, max_size=2), max_size=2),
    "query_parameters_to_remove": st.lists(texts, max_size=2),
}
yes: dict[str, Strategy] = {"allowed": st.just(value=True)}
no: dict[str, Strategy] = {"allowed": st.just(value=False)}
results: Strategy = st.one_of(
    st.booleans(),
    st.fixed_dictionaries(yes, optional=passing),
    st.fixed_dictionaries(yes | {"approval": break_glass}, optional=passing),
    st.fixed_dictionaries(no, optional=beside | {"http_status": st.integers(200, 599), "body": texts}),
    st.fixed_dictionaries(
        no | {"approval": demands}, optional=beside | {"http_status": st.sampled_from([202, 403, 428, 503])}
    ),
)


@st.composite
def changed(draw: st.DrawFn, sound: Strategy) -> Any:  # noqa: ANN401 - any JSON
    """Return a sound document with one to three things in it replaced, removed, added or doubled."""
    document = {"whole": copy.deepcopy(draw(sound))}
    for _ in range(draw(st.integers(1, 3))):
        holder, key = draw(st.sampled_from(list(_places(document))))
        match draw(st.sampled_from(["replace", "remove", "add", "double"])):
            case "replace":
                holder[key] = copy.deepcopy(draw(st.sampled_from(ODD)))
            case "remove" if holder is not document:
                del holder[key]
            case "add" if isinstance(holder[key], dict):
                holder[key][draw(st.sampled_from(WORDS))] = copy.deepcopy(draw(st.sampled_from(ODD)))
            case "double" if isinstance(holder[key], list):
                holder[key] *= 2
            case _:
                pass
    return document["whole"]


def _places(holder: Any) -> Any:  # noqa: ANN401 - any JSON
    """Yield every (container, key) below a container."""
    keys = list(holder) if isinstance(holder, dict) else range(len(holder))
    for key in keys:
        yield holder, key
        if isinstance(holder[key], dict | list):
            yield from _places(holder[key])
