"""Takes the steps of the story against the running stack."""

from __future__ import annotations

from collections.abc import Sequence

import httpx

from authz.entrypoints.demo.expectation import Mismatch
from authz.entrypoints.demo.scene import Scene
from authz.entrypoints.demo.story import Step


async def walk(scene: Scene, steps: Sequence[Step]) -> bool:
    """Take the steps until one goes wrong: each builds on those before. Return whether all went well."""
    for number, step in enumerate(steps, 1):
        scene.screen.step(number, step.title)
        problem = await _problem(scene, step)
        if problem is not None:
            scene.screen.failed(problem)
            left = len(steps) - number
            scene.screen.say(
                f"\nStep {number} of {len(steps)} went wrong; {left} more were not tried.", "bad"
            )
            return False
    scene.screen.say(f"\nAll {len(steps)} steps answered as they should.", "good")
    return True


async def _problem(scene: Scene, step: Step) -> Mismatch | None:
    try:
        await step.take(scene)
    except Mismatch as mismatch:
        return mismatch
    except (httpx.HTTPError, TimeoutError) as error:
        return Mismatch("answer", "one in time", f"{type(error).__name__} {error}".strip())
    return None
