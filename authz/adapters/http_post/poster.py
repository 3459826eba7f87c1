"""Posts to one secret address, at its pace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import httpx

from authz.adapters.http_post.answer import Answer, failure
from authz.adapters.http_post.pace import Pace
from authz.adapters.http_post.secret_url import SecretUrl, unlogged
from authz.services.ports import DeliveryDelayed


class Poster:
    """One webhook. `timeout_s` bounds each post as a whole, `per_second` how many arrive in any second."""

    def __init__(self, client: httpx.AsyncClient, url: str, *, per_second: int, timeout_s: float) -> None:
        """Prepare to post. Raises ValueError, without the address, when `url` can't be posted to."""
        self._client = client
        self._url = SecretUrl(url)
        self._timeout_s = timeout_s
        self._pace = Pace(per_second)

    async def post(
        self,
        message: bytes,
        headers: Callable[[], Mapping[str, str]],
        accepted: Callable[[Answer], bool],
        advice: str,
    ) -> None:
        """Post, and return when the answer is `accepted`. `headers` are asked for when the turn has come.

        Raises DeliveryDelayed after 408, 425, 429, 5xx and anything short of an answer, and DeliveryRefused, with
        the `advice`, after every other answer.
        """
        async with self._pace.turn() as back_after_s:
            if back_after_s > 0:
                msg = f"the webhook is busy, or asked for a pause: {back_after_s:.1f} s more"
                raise DeliveryDelayed(msg, back_after_s, tried=False)
            answer = await self._answer(message, headers())
            if isinstance(answer, str):
                raise DeliveryDelayed(answer)
            if not accepted(answer):
                error = failure(answer, advice)
                if isinstance(error, DeliveryDelayed):
                    self._pace.pause(error.after_s)
                raise error

    async def _answer(self, message: bytes, headers: Mapping[str, str]) -> Answer | str:
        """Return the answer, its body read no further than its first bytes, or why there is none.

        The error of httpx holds the request and so the URL: it ends here, unchained to what is raised.
        """
        try:
            with unlogged():
                async with (
                    asyncio.timeout(self._timeout_s),
                    self._client.stream(
                        "POST", self._url.reveal(), content=message, headers=headers
                    ) as answer,
                ):
                    return Answer(answer.status_code, answer.headers, await _is_empty(answer))
        except TimeoutError:
            return f"the webhook gave no answer in {self._timeout_s:g} s"
        except httpx.HTTPError as error:
            return f"the webhook gave no answer ({type(error).__name__})"


async def _is_empty(answer: httpx.Response) -> bool:
    """Say whether there is a body. What it says is not for us: it may be a proxy's page of any length."""
    async for chunk in answer.aiter_raw():
        if chunk:
            return False
    return True
