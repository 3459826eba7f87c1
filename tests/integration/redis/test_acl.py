"""The users of deploy/redis: each process can do its work with its own, and nothing in their lists is to spare."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from authz.adapters.redis import storm_book
from authz.adapters.redis.card_book import RedisCardBook
from authz.adapters.redis.change_feed import CHANNEL
from authz.adapters.redis.conversation_store import RedisConversationStore
from authz.adapters.redis.dead_letters import RedisDeadLetters
from authz.adapters.redis.link import Argument, Link
from authz.adapters.redis.outbox import RedisOutbox
from authz.adapters.redis.review_store import RedisReviewStore
from authz.adapters.redis.script import Script
from authz.adapters.redis.session_store import PER_PERSON_MAX, RedisSessionStore
from authz.adapters.redis.settings import RedisSettings
from authz.adapters.redis.store import RedisTicketStore
from authz.adapters.redis.storm_book import RedisStormBook
from authz.domain.errors import SettingsInvalid, StoreUnavailable
from authz.domain.events import EventType
from authz.domain.follow_up import FollowUp
from authz.domain.identity import Identity
from authz.domain.ticket import Choice, State, Ticket
from authz.services.card_ports import Card
from authz.services.conversations import Conversation, ConversationKind, personal_key
from authz.services.ports import Notice, RedeemResult
from authz.services.sessions import Session, SessionLimits
from authz.services.storm import StormSettings, Turn
from authz.services.voting import SignedIn
from tests.integration.redis.conftest import KEYS, advance
from tests.integration.redis.drafts import BODY, MINUTE, NEVER, check, draft, ending, review, vote
from tests.support.redis_server import RedisServer

DEPLOY = Path(__file__).parents[3] / "deploy" / "redis"
NOBODYS = "#" + "0" * 64
PROCESSES = ("check", "console", "notifier")
# For what the test's single server isn't: behind Sentinels, in a cluster, with replicas to wait for.
ELSEWHERE = {"+role", "+cluster|slots", "+asking", "+wait"}
# Without INFO, the start says that Redis doesn't tell what it has to.
DENIED = re.compile("(?i)noperm|permission|can't (run|access)|doesn't tell")
DAY = 24 * 60 * MINUTE


def lines(name: str) -> dict[str, str]:
    """Return the rules of each user of a file by the process that it is for, with the password `word`."""
    found = {}
    for line in (DEPLOY / name).read_text("utf-8").splitlines():
        words = line.split(" ", 2)
        if words[1] != "default":
            found[words[1].removeprefix("holdgate-")] = words[2].replace(NOBODYS, ">word")
    return found


USERS = lines("users.acl")
OLDER_USERS = lines("users-6.2.acl")


def parts(rules: str) -> list[str]:
    """Split rules into words, with a selector as one word."""
    return re.findall(r"\([^)]*\)|\S+", rules)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server with the shipped users, and one of the test's own."""
    place = tmp_path_factory.mktemp("acl")
    rules = (DEPLOY / "users.acl").read_text("utf-8").replace(NOBODYS, ">word")
    (place / "users.acl").write_text(rules + "user admin on >admin ~* &* +@all\n")
    server = RedisServer(place, aclfile=str(place / "users.acl"))
    server.start()
    yield server
    server.stop()


def settings_of(server: RedisServer, user: str, word: str = "word") -> RedisSettings:
    url = server.url.replace("//", f"//{user}:{word}@")
    return RedisSettings(url=url, timeout_ms=5_000, reject_cooldown_ms=1, consumer="one")


@pytest.fixture
def settings(server: RedisServer) -> RedisSettings:
    """The test's own user, for the directory's fixtures that look at what is left."""
    return settings_of(server, "admin", "admin")


@dataclass
class Process:
    """What a process has of Redis."""

    store: RedisTicketStore
    reviews: RedisReviewStore
    outbox: RedisOutbox
    sessions: RedisSessionStore
    book: RedisCardBook
    chats: RedisConversationStore
    letters: RedisDeadLetters
    storms: RedisStormBook


@asynccontextmanager
async def process(settings: RedisSettings) -> AsyncIterator[Process]:
    store, outbox = RedisTicketStore(settings), RedisOutbox(settings)
    try:
        sessions = RedisSessionStore(store, SessionLimits())
        reviews, book = RedisReviewStore(store, settings), RedisCardBook(store, settings)
        chats = RedisConversationStore(store, "bot")
        letters, storms = RedisDeadLetters(store, settings), RedisStormBook(store, settings)
        yield Process(store, reviews, outbox, sessions, book, chats, letters, storms)
    finally:
        await store.aclose()
        await outbox.aclose()


class Work:
    """Everything that each process does with Redis, on data that `admin` has prepared."""

    def __init__(self, admin: Process, own: Process, link: Link) -> None:
        self.admin, self.own, self.link = admin, own, link
        self.number = 0

    async def held(self) -> Ticket:
        self.number += 1
        return (await self.admin.store.create(draft(f"/{self.number}"), BODY)).ticket

    async def granted(self, uses: int = 1) -> Ticket:
        self.number += 1
        ticket = (await self.admin.store.create(draft(f"/{self.number}", uses=uses), BODY)).ticket
        voted = await self.admin.store.vote(ticket.id, 1, [vote()], State.APPROVED, {})
        assert voted
        return voted.ticket

    async def start(self) -> None:
        await self.own.store.start()

    async def load(self) -> None:
        assert await self.own.store.load((await self.held()).id)

    async def tell(self) -> None:
        """What the scripts do at each change; they go on where it is denied."""
        await self.own.store.link.command("PUBLISH", CHANNEL, "0-a")

    async def last_position(self) -> None:
        await self.held()
        assert await self.own.store.last_position() != "0"

    async def body(self) -> None:
        assert await self.own.store.body((await self.held()).id) == BODY

    async def body_of_the_release_before(self) -> None:
        assert await self.own.store.body(draft("/none").id) is None

    async def listen(self) -> None:
        await self.own.store.link.command("PING")
        async with self.own.store.waiting.subscribed(CHANNEL, 5.0) as news:
            await self.admin.store.link.command("PUBLISH", CHANNEL, "0-a")
            assert await anext(news) == b"0-a"

    # --- the check server ---

    async def hold(self) -> None:
        self.number += 1
        wanted = draft(f"/{self.number}")
        assert (await self.own.store.create(wanted, BODY)).created
        assert not (await self.own.store.create(draft(f"/{self.number}"))).created

    async def hold_when_old_quotas_are_over(self) -> None:
        await self.own.store.create(draft("/first"), BODY)
        await advance(self.link, 30 * DAY)
        assert (await self.own.store.create(draft("/second"), BODY)).created

    async def redeem(self) -> None:
        ticket = await self.granted(uses=2)
        digest = ticket.draft.fingerprint.digest
        results = [await self.own.store.redeem(ticket.id, digest, check(n), 2, NEVER) for n in (1, 1, 2)]
        assert results == [RedeemResult.REDEEMED, RedeemResult.REPLAYED, RedeemResult.REDEEMED]

    async def supersede(self) -> None:
        for ticket in (await self.held(), await self.granted()):
            self.number += 1
            assert await self.own.store.supersede(ticket.id, ticket.rev, draft(f"/{self.number}"), BODY)

    async def break_glass(self) -> None:
        self.number += 1
        used = review(f"/{self.number}")
        for _ in range(2):
            reviewed = await self.own.reviews.break_glass(used, check(self.number), BODY)
            assert reviewed.review.id == used.id

    # --- the console ---

    async def page(self) -> None:
        await self.held()
        assert (await self.own.store.page(None, 5, "")).tickets

    async def watch(self) -> None:
        await self.held()
        assert await self.own.store.events("0", 9, 10)

    async def decide(self) -> None:
        for choice, state in ((Choice.APPROVE, State.APPROVED), (Choice.REJECT, State.REJECTED)):
            assert await self.own.store.vote((await self.held()).id, 1, [vote(choice)], state, {})

    async def withdraw(self) -> None:
        ticket = await self.held()
        assert await self.own.store.vote(ticket.id, 1, [vote()], State.PENDING, {})
        assert await self.own.store.withdraw(ticket.id, 2, "bob")

    async def end(self) -> None:
        assert await self.own.store.end((await self.held()).id, 1, State.CANCELLED, ending())
        assert await self.own.store.end((await self.granted()).id, 2, State.REVOKED, ending())

    async def review(self) -> None:
        self.number += 1
        used = await self.admin.reviews.break_glass(review(f"/{self.number}"), check(self.number), BODY)
        assert await self.own.reviews.reviews(9)
        assert await self.own.reviews.review(used.review.id)
        assert await self.own.reviews.finish_review(used.review.id, ending())

    async def take_a_press(self) -> None:
        assert [await self.own.book.first("ops", "press-1") for _ in range(2)] == [True, False]

    async def adopt_a_card(self) -> None:
        ticket = await self.held()
        await self.own.book.keep(ticket.id, "ops", Card("room", "card-1"))
        await self.own.book.forget(ticket.id, "ops", Card("room", ""))
        assert await self.own.book.cards(ticket.id, "ops") == [Card("room", "card-1")]

    async def sign_in_and_out(self) -> None:
        session = Session(SignedIn(Identity("iss", "bob"), "Bob", "oidc", 1), b"k" * 32)
        names = [bytes([number]) * 32 for number in range(PER_PERSON_MAX + 1)]
        for name in names:
            await self.own.sessions.start(name, session)
        assert await self.own.sessions.find(names[0]) is None
        assert await self.own.sessions.find(names[1]) == session
        await self.own.sessions.end(names[1])
        assert await self.own.sessions.find(names[1]) is None
        [persons] = cast("list[bytes]", await self.link.command("KEYS", "{holdgate:sessions}:of:*"))
        assert await self.link.command("ZCARD", persons) == PER_PERSON_MAX - 1

    # --- console and notifier ---

    async def write_into_conversations(self) -> None:
        for kind, key in (
            (ConversationKind.CHANNEL, "channel"),
            (ConversationKind.PERSONAL, personal_key("tenant", "bob")),
        ):
            met = Conversation(key, "https://service.example/", "a:1", "tenant", kind)
            assert await self.own.chats.keep(met)
            assert await self.own.chats.find(key) == met
            await self.own.chats.forget(key)
        assert await self.own.chats.personal("tenant", "bob") is None

    async def send_again_what_was_given_up(self) -> None:
        await self.held()
        [notice] = await self.admin.outbox.take(1, 0)
        await self.admin.outbox.bury(notice, "never")
        [letter] = (await self.own.letters.page(9, "")).letters
        assert await self.own.letters.replay(letter.entry) == letter
        assert await self.own.letters.answers(notice.ticket_id)

    # --- the notifier ---

    async def change_a_card(self) -> None:
        ticket = await self.held()
        card = Card("room", "card-1")
        await self.own.book.keep(ticket.id, "ops", card)
        assert await self.own.book.cards(ticket.id, "ops") == [card]
        await self.own.book.forget(ticket.id, "ops", card)

    async def look_at_a_review(self) -> None:
        self.number += 1
        used = await self.admin.reviews.break_glass(review(f"/{self.number}"), check(self.number), BODY)
        assert await self.own.reviews.review(used.review.id)

    async def deliver(self) -> None:
        for _ in range(3):
            await self.held()
        outbox = self.own.outbox
        one, two, three = await outbox.take(3, 0)
        await outbox.renew([one.entry])
        await outbox.schedule(one, [FollowUp(EventType.TICKET_REMINDED, 1, 10 * NEVER)])
        await outbox.accepted(one, "teams", "m-1")
        assert await outbox.receipts(one) == {"teams": "m-1"}
        await outbox.delivered(one, {"teams": "m-1"})
        await outbox.retry(two, 0, "later")
        await outbox.bury(three, "never")
        again: list[Notice] = list(await outbox.take(3, 0))
        assert [notice.attempt for notice in again] == [2]
        await outbox.delivered(again[0], {})

    async def weather_a_storm(self) -> None:
        # No ticket gets a card, and the first is so long ago that each has a digest of its own.
        bounds = StormSettings(tickets=0, update_ms=0, post_ms=0, quiet_ms=-1)
        storms = self.own.storms
        for name in ("a", "b"):
            number = await storms.enter("ops", name, bounds, own_card=False)
            assert number
            assert await storms.inside("ops", name)
            assert isinstance(await storms.turn("ops", number, "me", bounds), Turn)
            await storms.told("ops", "me", number, "card")
        number = await storms.leave("ops", "a", in_place=True)
        assert isinstance(await storms.turn("ops", number, "me", bounds), Turn)
        await storms.give_back("ops", "me")
        await storms.forget("ops", "b")

    async def weather_a_storm_that_has_no_end(self) -> None:
        bounds = StormSettings(tickets=0)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(storm_book, "DIGESTED_MAX", 1)
            for name in ("a", "b"):
                await self.own.storms.enter("ops", name, bounds, own_card=False)
        assert not await self.own.storms.inside("ops", "a")

    async def wait_for_a_notice(self) -> None:
        assert await self.own.outbox.take(1, 1) == []

    async def sweep(self) -> None:
        await self.held()
        await self.granted()
        await advance(self.link, 31 * MINUTE)
        assert await self.own.store.expire_due(9) == 2
        await advance(self.link, 8 * DAY)
        await self.own.store.expire_due(9)

    async def sweep_what_is_not_there_any_more(self) -> None:
        for ticket in (await self.held(), await self.granted()):
            await self.link.command("DEL", KEYS.ticket(ticket.id))
        self.number += 1
        done = await self.admin.reviews.break_glass(review("/done"), check(1))
        lost = await self.admin.reviews.break_glass(review("/lost"), check(2))
        await self.link.command("HSET", KEYS.review(done.review.id), "done_at", 1)
        await self.link.command("DEL", KEYS.review(lost.review.id))
        await self.own.store.expire_due(9)
        left = await self.link.command("EXISTS", KEYS.index, KEYS.requesters, KEYS.reviews, KEYS.breakers)
        assert left == 0


EVERYBODYS = (Work.start, Work.load, Work.last_position, Work.tell)
Job = Callable[[Work], Awaitable[None]]
WORK: dict[str, tuple[Job, ...]] = {
    "check": (
        *EVERYBODYS,
        Work.listen,
        Work.hold,
        Work.hold_when_old_quotas_are_over,
        Work.redeem,
        Work.supersede,
        Work.end,
        Work.break_glass,
    ),
    "console": (
        *EVERYBODYS,
        Work.listen,
        Work.body,
        Work.body_of_the_release_before,
        Work.page,
        Work.watch,
        Work.decide,
        Work.withdraw,
        Work.end,
        Work.review,
        Work.sign_in_and_out,
        Work.send_again_what_was_given_up,
        Work.take_a_press,
        Work.adopt_a_card,
        Work.write_into_conversations,
    ),
    "notifier": (
        *EVERYBODYS,
        Work.body,
        Work.body_of_the_release_before,
        Work.look_at_a_review,
        Work.deliver,
        Work.weather_a_storm,
        Work.weather_a_storm_that_has_no_end,
        Work.change_a_card,
        Work.write_into_conversations,
        Work.wait_for_a_notice,
        Work.sweep,
        Work.sweep_what_is_not_there_any_more,
    ),
}


async def set_user(link: Link, name: str, rules: list[str]) -> None:
    await link.command("ACL", "SETUSER", name, "reset", *rules)


async def denial(server: RedisServer, link: Link, name: str, job: Job) -> str:
    """Do one piece of work as a user; return what Redis said of what that user may not do, "" where it may."""
    await link.command("FLUSHALL")
    await link.command("SCRIPT", "FLUSH")
    async with (
        process(settings_of(server, "admin", "admin")) as admin,
        process(settings_of(server, name)) as own,
    ):
        try:
            await job(Work(admin, own, link))
        except (StoreUnavailable, SettingsInvalid) as error:
            if not DENIED.search(str(error)):
                raise
            return f"{job.__name__}: {error}"
    return ""


async def denied(server: RedisServer, link: Link, name: str, role: str) -> list[str]:
    """Do all the work of a process as a user; return what Redis said of what that user may not do."""
    said = [await denial(server, link, name, job) for job in WORK[role]]
    return [one for one in said if one]


@pytest.fixture
async def clean(link: Link) -> AsyncIterator[None]:
    """Whatever a denied script left halfway is none of the directory's business."""
    yield
    await link.command("FLUSHALL")


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("role", PROCESSES)
async def test_each_process_does_all_its_work_as_its_user(server: RedisServer, link: Link, role: str) -> None:
    assert await denied(server, link, f"holdgate-{role}", role) == []


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("role", PROCESSES)
async def test_the_same_works_with_the_users_of_an_older_redis(
    server: RedisServer, link: Link, role: str
) -> None:
    await set_user(link, "older", parts(OLDER_USERS[role]))
    assert await denied(server, link, "older", role) == []


@pytest.mark.parametrize("role", PROCESSES)
def test_both_files_give_the_same_commands_and_keys(role: str) -> None:
    flat = re.sub(r"[()]", " ", USERS[role]).split()
    assert set(flat) == set(OLDER_USERS[role].split())


def lesser(rules: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the rules with one command, key or channel taken out, in each place where there is one."""
    words = parts(rules)
    for place, word in enumerate(words):
        if word.startswith("("):
            inner = word[1:-1].split()
            for each in inner:
                rest = [one for one in inner if one != each]
                useful = any(one.startswith("+") for one in rest) and any(one.startswith("~") for one in rest)
                smaller = [f"({' '.join(rest)})"] if useful else []
                yield f"{each} of {word}", [*words[:place], *smaller, *words[place + 1 :]]
        elif word[0] in "+~&" and word not in ELSEWHERE:
            yield word, [*words[:place], *words[place + 1 :]]


@pytest.mark.timeout(300)  # all the work of a process, once for each of its commands and keys
@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("role", PROCESSES)
async def test_no_command_and_no_key_is_to_spare(server: RedisServer, link: Link, role: str) -> None:
    """The control of the tests above, and what makes the lists the least."""
    spare, jobs = [], list(WORK[role])
    for what, rules in lesser(USERS[role]):
        await set_user(link, "lesser", rules)
        for job in jobs:
            if await denial(server, link, "lesser", job):
                # What needs one command often needs the next one, too.
                jobs = [job, *(other for other in jobs if other is not job)]
                break
        else:
            spare.append(what)
    assert spare == []


@pytest.mark.parametrize("role", PROCESSES)
async def test_what_other_set_ups_need_is_allowed(link: Link, role: str) -> None:
    calls = (("ROLE",), ("CLUSTER", "SLOTS"), ("ASKING",), ("WAIT", 1, 1))
    for call in calls:
        assert await link.command("ACL", "DRYRUN", f"holdgate-{role}", *call) == b"OK"


TICKET = KEYS.ticket("0-a")
NOBODY_MAY: tuple[tuple[Argument, ...], ...] = (
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("KEYS", "*"),
    ("SCAN", 0),
    ("CONFIG", "SET", "appendonly", "no"),
    ("CONFIG", "GET", "requirepass"),
    ("ACL", "LIST"),
    ("ACL", "SETUSER", "holdgate-check", "+@all"),
    ("SCRIPT", "FLUSH"),
    ("FUNCTION", "LOAD", "x"),
    ("MONITOR",),
    ("REPLICAOF", "NO", "ONE"),
    ("DEBUG", "SLEEP", "1"),
    ("SHUTDOWN",),
    ("SUBSCRIBE", "x"),
    ("PUBLISH", "x", "y"),
    ("SET", "elsewhere", "x"),
    ("SET", KEYS.audit, "x"),
    ("SET", TICKET, "x"),
    ("DEL", KEYS.audit),
    ("XTRIM", KEYS.audit, "MAXLEN", 0),
    ("XDEL", KEYS.audit, "1-1"),
    ("RENAME", KEYS.audit, KEYS.dead),
    ("HSET", KEYS.meta, "partitions", 2),
    ("PERSIST", TICKET),
)
ONLY: dict[str, tuple[tuple[Argument, ...], ...]] = {
    "check": (
        ("SET", KEYS.same("a"), "x"),
        ("HINCRBY", KEYS.size("all"), "a", 1),
        ("SET", KEYS.once("a"), "x"),
    ),
    "console": (("HDEL", TICKET, "vote:0"), ("ZADD", KEYS.approved, 1, "a")),
    "notifier": (
        ("XREADGROUP", "GROUP", "notifier", "x", "STREAMS", KEYS.outbox, ">"),
        ("XACK", KEYS.outbox, "notifier", "1-1"),
        ("XDEL", KEYS.outbox, "1-1"),
        ("DEL", TICKET),
        ("XADD", KEYS.dead, "*", "a", "b"),
        ("ZADD", KEYS.retry, 1, "a"),
    ),
}


@pytest.mark.parametrize("role", PROCESSES)
async def test_a_user_can_not_do_what_its_process_does_not(link: Link, role: str) -> None:
    others = [call for other, calls in ONLY.items() if other != role for call in calls]
    for call in (*NOBODY_MAY, *others):
        said = await link.command("ACL", "DRYRUN", f"holdgate-{role}", *call)
        assert said != b"OK", call
    for call in ONLY[role]:
        assert await link.command("ACL", "DRYRUN", f"holdgate-{role}", *call) == b"OK", call


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("role", PROCESSES)
async def test_a_script_can_do_no_more_than_its_user(server: RedisServer, link: Link, role: str) -> None:
    """Everybody may run scripts; what they run is judged command by command."""
    await link.command("XADD", KEYS.audit, "*", "a", "b")
    own = Link(settings_of(server, f"holdgate-{role}").url, 1, 5_000)
    with pytest.raises(StoreUnavailable, match=DENIED):
        await own.run(Script.of("return redis.call('DEL', KEYS[1])"), [KEYS.audit], [])
    assert await link.command("XLEN", KEYS.audit) == 1
    await own.aclose()


async def test_nobody_gets_in_with_the_files_as_they_are(link: Link) -> None:
    """The digest in them is of no password that anybody knows, and there is no user for nobody in particular."""
    for name in ("users.acl", "users-6.2.acl"):
        users = (DEPLOY / name).read_text("utf-8").splitlines()
        assert users[0] == "user default off"
        assert [line.split()[1:4] for line in users[1:]] == [
            [f"holdgate-{role}", "on", NOBODYS] for role in PROCESSES
        ]
    with pytest.raises(StoreUnavailable, match=r"(?i)wrongpass|invalid username"):
        await link.command("AUTH", "default", "")
