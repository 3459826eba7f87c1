from __future__ import annotations

from pathlib import Path

import pytest

from authz.domain.approver import Approver, ApproverKind
from authz.domain.errors import SettingsInvalid
from authz.domain.principal_source import PrincipalSource
from authz.setting_channels import WorkflowsChannel
from authz.setting_routes import Route
from authz.settings import Settings
from authz.settings_loader import load_settings

SECRET = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"  # 30 bytes, two too few
KEY = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s"
HOOK = "https://hooks.example/s3cret"


def load(**variables: str) -> Settings:
    return load_settings({f"HOLDGATE_{name.upper()}": value for name, value in variables.items()})


def problems(**variables: str) -> list[str]:
    with pytest.raises(SettingsInvalid) as invalid:
        load(**variables)
    return invalid.value.problems


def config(folder: Path, text: str | bytes) -> str:
    file = folder / "holdgate.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(file)


def test_nothing_needs_to_be_said() -> None:
    """The design's defaults."""
    found = load()
    assert found.opa_url == "http://127.0.0.1:8181"
    assert found.opa_decision_path == "envoy/authz/allow"
    assert (found.opa_timeout, found.redis_timeout) == (150, 100)
    assert (found.grpc_listen, found.console_listen) == ("127.0.0.1:9191", "127.0.0.1:8088")
    assert (found.metrics_listen, found.held_status) == ("127.0.0.1:9464", 202)
    assert (found.reject_cooldown, found.keys, found.approvers) == (600_000, (), ())
    assert found.sources == (PrincipalSource("source.principal"),)


def test_the_environment_is_read() -> None:
    """Durations, lists, numbers, words and objects."""
    found = load(
        opa_timeout="1.5s",
        held_status="428",
        principal_from="metadata:ns/jwt/sub, policy",
        default_approvers="group:sre,any",
        bind_headers=" x-env ,,x-tenant ",
        redis_durability_asserted="true",
        body_limit="0",
        channels='{"room": {"kind": "teams-workflows", "url": "' + HOOK + '"}}',
        routes="{default: [room]}",
        ticket_keys=f"k2:{KEY},k1:{KEY}=",
    )
    assert (found.opa_timeout, found.held_status, found.body_limit) == (1500, 428, 0)
    assert found.sources == (PrincipalSource("metadata", "ns", ("jwt", "sub")), PrincipalSource("policy"))
    assert found.approvers == (Approver(ApproverKind.GROUP, "sre"), Approver(ApproverKind.ANY))
    assert found.bind_headers == ("x-env", "x-tenant")
    assert found.redis_durability_asserted is True
    room = found.channels["room"]
    assert isinstance(room, WorkflowsChannel)
    assert room.url.get_secret_value() == HOOK
    assert found.routes == {"default": Route(channels=("room",))}
    assert [(key.kid, len(key.secret)) for key in found.keys] == [("k2", 32), ("k1", 32)]


@pytest.mark.parametrize("status", ["202", "403", "428", "503"])
def test_each_status_of_a_hold_can_be_set(status: str) -> None:
    """The environment has text only."""
    assert load(held_status=status).held_status == int(status)


def test_no_wait_is_longer_than_envoy_is_patient() -> None:
    """Envoy's stream_idle_timeout of five minutes goes on counting while a check stays open."""
    assert (load().max_wait, load(max_wait="4m").max_wait) == (60_000, 240_000)
    (line,) = problems(max_wait="4m1s")
    assert line == "HOLDGATE_MAX_WAIT: must be at most 4m: Envoy gives up on a silent request after 5m"


def test_waiting_can_be_switched_off() -> None:
    """By allowing no waiters; whether a requester may have some doesn't matter then."""
    assert (load().max_waiters, load().max_waiters_per_requester) == (1000, 20)
    assert load(max_waiters="0").max_waiters == 0
    assert problems(max_waiters="-1", max_waiters_per_requester="0") == [
        "HOLDGATE_MAX_WAITERS: Input should be greater than or equal to 0",
        "HOLDGATE_MAX_WAITERS_PER_REQUESTER: Input should be greater than or equal to 1",
    ]


def test_every_problem_is_named_at_once() -> None:
    """Whatever kind it is of, with the variable and the value that isn't secret."""
    found = problems(
        opa_timeout="150",
        held_status="200",
        principal_from="header:x-user",
        default_approvers="sre",
        shared_principals="spiffe:spiffe://x",
        bind_headers="x tenant",
        console_listen="0.0.0.0:8088",
        opa_url="ftp://opa",
        public_url="/console",
        redis_url="http://s3cret",
        ticket_keys=SECRET,
        channels="{",
        body_limit="-1",
        log_level="loud",
        metrics_listen="",
        misspelled="1",
        channels_file="/nowhere",
    )
    for name in (
        *("OPA_TIMEOUT: '150' is not a duration", "HELD_STATUS: Input should be 202, 403, 428 or 503"),
        *("PRINCIPAL_FROM: 'header:x-user' is not", "DEFAULT_APPROVERS: 'sre' is not group:NAME or any"),
        *("SHARED_PRINCIPALS: 'spiffe:spiffe://x' must be NS:ID", "BIND_HEADERS: 'x tenant'"),
        *("CONSOLE_LISTEN: ", "OPA_URL: must be http://HOST:PORT", "PUBLIC_URL: must begin with http://"),
        *("REDIS_URL: must begin with redis://", "TICKET_KEYS: entry 1 is not NAME:BASE64URL"),
        *("CHANNELS: must be an object", "BODY_LIMIT: ", "LOG_LEVEL: ", "METRICS_LISTEN: "),
        *("MISSPELLED: there is no such setting", "CHANNELS_FILE: /nowhere can't be read: No such file"),
    ):
        assert any(line.startswith(f"HOLDGATE_{name}") for line in found), (name, found)
    assert len(found) == 17
    assert "s3cret" not in str(found)
    assert SECRET not in str(found)


@pytest.mark.parametrize(
    "keys",
    [
        SECRET,
        f"{KEY}",
        f"k1:{KEY},{SECRET}",
        f"K1:{KEY}",
        f"k1:{SECRET}",
        f"k1:!{KEY}",
        f"k1:{KEY[:20]} {KEY[20:]}",
        f"{KEY}:k1",
        f"k1:{KEY},k1:{KEY}",
        f"k1:k2:{KEY}",
    ],
)
def test_a_key_that_can_not_be_read_is_never_shown(keys: str) -> None:
    """Any part of what was written may be the secret, the part before the colon, too."""
    (line,) = problems(ticket_keys=keys)
    assert line.startswith("HOLDGATE_TICKET_KEYS: ")
    for secret in (SECRET, KEY, KEY[:20], SECRET[:12]):
        assert secret not in line


def test_secrets_are_in_no_text(tmp_path: Path) -> None:
    """Neither repr nor an error that quotes a whole setting."""
    room = '{"room": {"kind": "teams-workflows", "url": "' + HOOK + '"}}'
    found = load(ticket_keys=f"k1:{KEY}", redis_url="redis://:s3cret@db:6379/0", channels=room)
    for text in (repr(found), str(found), repr(found.keys), found.model_dump_json()):
        assert "s3cret" not in text
        assert KEY not in text
        assert "kkkk" not in text
    odd = '{"room": {"kind": "teams-workflows", "url": ["' + HOOK + '"]}, "' + HOOK + '": 7}'
    assert "s3cret" not in str(problems(channels=odd)).replace(f"HOLDGATE_CHANNELS.{HOOK}", "")
    text = f"channels: {{room: {{kind: {HOOK}}}}}\n\tbroken {HOOK}"
    assert "s3cret" not in str(problems(config=config(tmp_path, text)))
    assert "s3cret" not in str(problems(redis_url="s3cret"))
    assert "s3cret" not in str(problems(opa_url="http://user:s3cret@opa"))


def test_secrets_come_from_files(tmp_path: Path) -> None:
    """The line break at the end isn't part of them."""
    for name, text in (
        ("keys", f"k1:{KEY}\n"),
        ("redis", "redis://:s3cret@db/0\n"),
        ("rooms", f"room:\n  kind: teams-workflows\n  url: {HOOK}\n"),
    ):
        (tmp_path / name).write_text(text)
    found = load(
        ticket_keys_file=str(tmp_path / "keys"),
        redis_url_file=str(tmp_path / "redis"),
        channels_file=str(tmp_path / "rooms"),
        routes='{"default": ["room"]}',
    )
    assert [key.kid for key in found.keys] == ["k1"]
    assert found.redis_url.get_secret_value() == "redis://:s3cret@db/0"
    room = found.channels["room"]
    assert isinstance(room, WorkflowsChannel)
    assert room.url.get_secret_value() == HOOK


def test_only_secrets_have_files() -> None:
    """Another `*_FILE` is a misspelled setting."""
    assert problems(opa_url_file="/x") == [
        "HOLDGATE_OPA_URL_FILE: there is no such setting; see docs/settings.md"
    ]


def test_a_yaml_file_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    """Over files of secrets, and these over YAML."""
    (tmp_path / "keys").write_text(f"file:{KEY}")
    text = f"opa_timeout: 200ms\nredis_timeout: 1s\nprincipal_from: [policy]\nticket_keys: yaml:{KEY}\nbody_limit: 7\n"
    path = config(tmp_path, text)
    found = load(config=path, opa_timeout="99ms", ticket_keys_file=str(tmp_path / "keys"))
    assert (found.opa_timeout, found.redis_timeout, found.body_limit) == (99, 1000, 7)
    assert (found.principal_from, found.keys[0].kid) == (("policy",), "file")
    assert load(config=path).keys[0].kid == "yaml"
    assert load(config=config(tmp_path, "")).opa_timeout == 150


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[1, 2]", "must hold a mapping"),
        ("just text", "must hold a mapping"),
        (b"\xff\xfe", "is not UTF-8"),
        ("a: [\n", "is not YAML from line 2 on"),
        ("a: !!python/object/apply:os.system ['true']", "is not YAML"),
        ("surprise: 1", "HOLDGATE_SURPRISE: there is no such setting"),
        ("opa_timeout: 150", "HOLDGATE_OPA_TIMEOUT: 150 has no unit"),
        ("opa_timeout: true", "HOLDGATE_OPA_TIMEOUT: True has no unit"),
        ("routes: {a: []}", "HOLDGATE_ROUTES: there must be a route named default"),
        ("routes: {default: [a]}", "HOLDGATE_ROUTES: no channel is named a; there are: none"),
        ("routes: {default: {channels: [a]}}", "HOLDGATE_ROUTES: no channel is named a; there are: none"),
        (
            "routes: {default: {tell_requester: maybe}}",
            "HOLDGATE_ROUTES.default.tell_requester: Input should be",
        ),
        ("routes: {default: {tell: true}}", "HOLDGATE_ROUTES.default.tell: there is no such setting"),
        ("routes: {default: a}", "HOLDGATE_ROUTES.default: Input should be"),
        (
            "channels: {a b: {kind: teams-workflows, url: x}}",
            "HOLDGATE_CHANNELS: the name of a channel must have",
        ),
    ],
)
def test_a_yaml_file_that_can_not_be_obeyed_is_refused(tmp_path: Path, text: str | bytes, says: str) -> None:
    """In one line, and not with a traceback."""
    (line,) = problems(config=config(tmp_path, text))
    assert says in line


def test_a_route_is_a_list_of_channels_or_says_more(tmp_path: Path) -> None:
    """Both forms may stand side by side, in a file and in the environment."""
    text = (
        f"channels: {{room: {{kind: teams-workflows, url: '{HOOK}'}}}}\n"
        "routes: {default: [room], told: {channels: [room], tell_requester: true}, silent: {}}\n"
    )
    found = load(config=config(tmp_path, text))
    assert found.routes == {
        "default": Route(channels=("room",)),
        "told": Route(channels=("room",), tell_requester=True),
        "silent": Route(),
    }
    found = load(routes='{"default": {"tell_requester": true}}')
    assert found.routes == {"default": Route(tell_requester=True)}
    assert load().routes == {"default": Route()}


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The library would pass over it."""
    missing = tmp_path / "none.yaml"
    assert problems(config=str(missing)) == [
        f"HOLDGATE_CONFIG: {missing} can't be read: No such file or directory"
    ]


def test_problems_of_a_file_do_not_hide_the_others() -> None:
    """All at once."""
    found = problems(config="/nowhere", opa_timeout="x", typo="1")
    assert [line.partition(":")[0] for line in found] == [
        "HOLDGATE_TYPO",
        "HOLDGATE_CONFIG",
        "HOLDGATE_OPA_TIMEOUT",
    ]


def test_a_misspelled_variable_is_no_default_in_disguise() -> None:
    """In any case; other programs' variables are none of ours."""
    assert load_settings({"PATH": "/bin", "HOLDGATEX": "1", "HOLDGATE_DEMO": "x"}) == load()
    with pytest.raises(SettingsInvalid, match="holdgate_opa_urll: there is no such setting"):
        load_settings({"holdgate_opa_urll": "http://x"})


@pytest.mark.parametrize("name", ["console_listen", "management_listen", "metrics_listen"])
@pytest.mark.parametrize(
    "address",
    [
        *(
            "0.0.0.0:80",
            "[::]:80",
            "10.0.0.1:80",
            ":80",
            "80",
            "example.com:80",
            "127.0.0.1",
            "127.0.0.1:",
            "unix:x",
        ),
        *(
            "127.0.0.1:x",
            "127.0.0.1:99999",
            "127.0.0.1.evil.example:80",
            "127.0.0.1:80,0.0.0.0:80",
            "127.0.0.1:80 ",
        ),
    ],
)
def test_a_listener_that_others_could_reach_is_refused(name: str, address: str) -> None:
    """Loopback or a unix socket; whoever reaches some of these could be anybody."""
    assert any(line.startswith(f"HOLDGATE_{name.upper()}: ") for line in problems(**{name: address}))


@pytest.mark.parametrize(
    "address", ["127.0.0.1:0", "127.0.0.1:65535", "[::1]:80", "localhost:80", "unix:/run/x.sock"]
)
def test_a_local_listener_is_taken(address: str) -> None:
    """IPv4, IPv6, the name, a socket."""
    assert load(console_listen=address).console_listen == address


@pytest.mark.parametrize(
    "url", ["http://opa:8181", "https://opa.example/prefix", "unix:///run/opa.sock", "http://[::1]:1"]
)
def test_opa_is_reached_by_http_or_a_socket(url: str) -> None:
    """With TLS or without."""
    assert load(opa_url=url).opa_url == url


@pytest.mark.parametrize(
    "url",
    ["", "opa:8181", "unix://opa.sock", "unix://", "http://", "http://opa?x", "http://u@opa", "file:///x"],
)
def test_another_url_of_opa_is_refused(url: str) -> None:
    """A relative socket would be a host name, and credentials would be logged."""
    assert problems(opa_url=url)[0].startswith("HOLDGATE_OPA_URL: must ")


@pytest.mark.parametrize("name", ["opa_timeout", "redis_timeout", "check_timeout", "delivery_lease"])
def test_a_timeout_leaves_some_time(name: str) -> None:
    """Of none, every request would be an outage."""
    assert problems(**{name: "0s"})[0].startswith(f"HOLDGATE_{name.upper()}: ")
    assert load(drain_delay="0s").drain_delay == 0


@pytest.mark.parametrize("name", ["X-Approval-By", "x_approval_ticket", ":path", "a b", "\u00e9"])
def test_a_header_that_can_not_be_bound_is_refused(name: str) -> None:
    """It would bind nothing, or what no first try has."""
    assert problems(bind_headers=name) == [
        f"HOLDGATE_BIND_HEADERS: {name!r} is not the name of a header that a ticket can be bound to"
    ]


@pytest.mark.parametrize(
    "entry", ["alice", ":alice", "iss:", "https://idp:alice", "a:b:c", "iss:a b", "iss:%61"]
)
def test_a_shared_principal_is_spelled_as_it_is_compared(entry: str) -> None:
    """Another spelling would never match, and nobody would know."""
    (line,) = problems(shared_principals=entry)
    assert line.startswith("HOLDGATE_SHARED_PRINCIPALS: ")


def test_a_broken_channel_is_one_problem() -> None:
    """Not two, the other one being that no route finds it."""
    found = problems(channels='{"room": {"kind": "teams-workflows"}}', routes='{"default": ["room"]}')
    assert found == ["HOLDGATE_CHANNELS.room.url: Field required"]


def test_settings_can_not_be_changed() -> None:
    """Every process has read the same ones."""
    with pytest.raises(ValueError, match="frozen"):
        load().opa_timeout = 1  # type: ignore[misc]
