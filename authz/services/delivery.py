"""Takes notices from the outbox and posts them to the channels of their routes, at least once each.

A notice stays in the outbox under a lease until every channel of its route has it; which of them has it is
written down at once, so only a crash between a channel's answer and that note makes anybody see a card twice.
That is harmless: a decision is a compare-and-set, and a card says what is true when it is posted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil

from authz.domain.errors import RecordUnreadable, StoreUnavailable
from authz.services.backoff import Backoff
from authz.services.errands import Errand, Errands
from authz.services.ports import (
    ChannelFailed,
    DeliveryDelayed,
    DeliveryObserver,
    DeliveryRefused,
    Notice,
    Outbox,
)
from authz.services.shares import Shares, one_each
from authz.services.turns import Busy, Turns


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """The bounds. `lease_s` is the outbox's own, `post_s` is for one channel, `drain_s` for a stop.

    Of the `in_hand` notices at once each channel has its share. A notice whose channel has no place for it, or whose
    ticket has another notice in hand, waits up to `wait_s` in hand, and then is given back.

    After `attempts` failures a notice is buried. One that was taken twice as often and never settled is
    buried as well: whatever happens to its workers would go on happening.
    """

    in_hand: int = 32
    attempts: int = 10
    lease_s: float = 30.0
    post_s: float = 60.0
    wait_s: float = 0.5
    block_ms: int = 1000
    drain_s: float = 10.0
    backoff: Backoff = field(default_factory=lambda: Backoff(base_s=1.0, max_s=300.0))
    store_backoff: Backoff = field(default_factory=lambda: Backoff(base_s=0.1, max_s=2.0))


class Delivery:
    """One worker. Several, in several processes, share one outbox."""

    def __init__(
        self, outbox: Outbox, errands: Errands, observer: DeliveryObserver, settings: DeliverySettings
    ) -> None:
        self._outbox = outbox
        self._errands = errands
        self._observer = observer
        self._settings = settings
        self._in_hand: dict[asyncio.Task[None], Notice] = {}
        self._of_ticket = Turns(one_each, settings.wait_s)
        self._of_channel = Turns(Shares(errands.channels, settings.in_hand).admits, settings.wait_s)

    @property
    def in_hand(self) -> int:
        """How many notices are being delivered now, at most `limit`."""
        return len(self._in_hand)

    @property
    def limit(self) -> int:
        """How many notices may be in hand at once."""
        return self._settings.in_hand

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set; then take nothing more, and finish what is in hand within `drain_s`.

        What isn't finished by then is let go: its lease runs out and another worker takes it.
        """
        stopping = asyncio.create_task(stop.wait())
        renewing = asyncio.create_task(self._renew())
        try:
            await self._take(stopping)
            if self._in_hand:
                await asyncio.wait(self._in_hand, timeout=self._settings.drain_s)
        finally:
            left = [stopping, renewing, *self._in_hand]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _take(self, stopping: asyncio.Task[bool]) -> None:
        failures = 0
        while not stopping.done():
            room = self._settings.in_hand - len(self._in_hand)
            if room <= 0:
                await asyncio.wait({stopping, *self._in_hand}, return_when=asyncio.FIRST_COMPLETED)
                continue
            try:
                notices = await self._outbox.take(room, self._settings.block_ms)
            except (StoreUnavailable, RecordUnreadable) as error:
                failures += 1
                self._observer.store_failed("taking notices", error)
                await asyncio.wait({stopping}, timeout=self._settings.store_backoff.delay(failures))
                continue
            failures = 0
            held = {notice.entry for notice in self._in_hand.values()}
            for notice in notices:
                if notice.entry not in held:  # else a lease of ours ran out, and taking it again renewed it
                    self._start(notice)

    def _start(self, notice: Notice) -> None:
        task = asyncio.create_task(self._deliver(notice))
        self._in_hand[task] = notice
        task.add_done_callback(self._in_hand.pop)

    async def _renew(self) -> None:
        """Keep the leases of what is in hand. A failure costs at worst a second card, so it is only told."""
        while True:
            await asyncio.sleep(self._settings.lease_s / 3)
            entries = [notice.entry for notice in self._in_hand.values()]
            if not entries:
                continue
            try:
                await self._outbox.renew(entries)
            except StoreUnavailable as error:
                self._observer.store_failed("renewing leases", error)

    async def _deliver(self, notice: Notice) -> None:
        """Settle it, but after an earlier notice of the same ticket that is in hand."""
        try:
            try:
                async with self._of_ticket.turn(notice.ticket_id):
                    await self._settle(notice)
            except Busy as busy:
                await self._give_back(notice, busy)
        except StoreUnavailable as error:
            # Nothing is lost: the lease runs out, and the notice is taken again.
            self._observer.store_failed(f"settling {notice.type.value}", error)
        except Exception as error:  # noqa: BLE001 a notice that can't be handled must not stop the others
            self._observer.crashed(notice, error)

    async def _settle(self, notice: Notice) -> None:
        if notice.attempt > 2 * self._settings.attempts:
            await self._bury(notice, f"taken {notice.attempt - 1} times and never settled")
            return
        try:
            errands = await self._errands.of(notice)
        except RecordUnreadable as error:
            await self._bury(notice, f"what it is about can't be read: {error}")
            return
        if errands is None:
            await self._bury(notice, "what it is about is not there any more")
            return
        asked = bool(errands) and (notice.again or notice.attempt > 1)
        receipts = dict(await self._outbox.receipts(notice)) if asked else {}
        missing = [errand for errand in errands if errand.name not in receipts]
        run = self._run if len(missing) == 1 else self._run_and_note
        results = await asyncio.gather(*(run(notice, errand) for errand in missing))
        failed: dict[str, ChannelFailed] = {}
        for errand, result in zip(missing, results, strict=True):
            if isinstance(result, str):
                receipts[errand.name] = result
            elif errand.needed or not isinstance(result, DeliveryRefused):
                failed[errand.name] = result
        if failed:
            await self._try_later_or_bury(notice, failed)
        else:
            await self._outbox.delivered(notice, receipts)

    async def _run(self, notice: Notice, errand: Errand) -> str | ChannelFailed:
        """Do one errand; return its receipt or what went wrong. One channel's trouble is no other's."""
        loop = asyncio.get_running_loop()
        failure: ChannelFailed
        try:
            async with self._of_channel.turn(errand.channel):
                begun = loop.time()
                async with asyncio.timeout(self._settings.post_s):
                    receipt = await errand.do()
        except ChannelFailed as error:
            failure = error
        except TimeoutError:
            failure = DeliveryDelayed(f"no answer in {self._settings.post_s:g} s")
        except Exception as error:  # noqa: BLE001 a channel's bug must not stop the other channels' cards
            # Only its type: the text may hold an address.
            failure = DeliveryDelayed(f"the channel failed with {type(error).__name__}")
        else:
            if receipt:
                self._observer.posted(notice, errand.name, loop.time() - begun)
            return receipt
        self._observer.failed(notice, errand.name, failure)
        return failure

    async def _run_and_note(self, notice: Notice, errand: Errand) -> str | ChannelFailed:
        """Do it, and write down at once that it is done: the others may keep the notice for long."""
        result = await self._run(notice, errand)
        if isinstance(result, str):
            try:
                await self._outbox.accepted(notice, errand.name, result)
            except StoreUnavailable as error:
                self._observer.store_failed("noting an accepted card", error)
        return result

    async def _try_later_or_bury(self, notice: Notice, failed: Mapping[str, ChannelFailed]) -> None:
        why = "; ".join(f"{name}: {error}" for name, error in sorted(failed.items()))
        delayed = [error for error in failed.values() if isinstance(error, DeliveryDelayed)]
        tried = len(delayed) < len(failed) or any(error.tried for error in delayed)
        if not delayed or (tried and notice.attempt >= self._settings.attempts):
            await self._bury(notice, why)
            return
        asked_for = max(error.after_s for error in delayed)
        after_s = self._settings.backoff.delay(notice.attempt, asked_for)
        await self._outbox.retry(notice, ceil(after_s * 1000), why, counted=tried)

    async def _give_back(self, notice: Notice, busy: Busy) -> None:
        self._observer.failed(notice, "", busy)
        after_s = self._settings.backoff.delay(1, busy.after_s)
        await self._outbox.retry(notice, ceil(after_s * 1000), str(busy), counted=False)

    async def _bury(self, notice: Notice, why: str) -> None:
        await self._outbox.bury(notice, why)
        self._observer.buried(notice, why)
