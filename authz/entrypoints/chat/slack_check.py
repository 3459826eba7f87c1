"""Whether an app's token is good, and of the workspace that the settings name: asked once, at the start."""

from __future__ import annotations

import structlog

from authz.adapters.slack.web import ApiFailed, SlackWeb

log = structlog.get_logger("holdgate.slack")


async def check_workspace(web: SlackWeb, team: str) -> None:
    """Log what an operator has to correct. Nothing waits for it: Slack may be away just now."""
    try:
        answer = await web.call("auth.test", {})
    except ApiFailed as failed:
        log.error(  # noqa: TRY400 - its code says all
            "slack.not_checked", error=failed.code, advice="see docs/slack.md, When nothing comes"
        )
        return
    found = answer.get("team_id")
    if found != team:
        log.error(
            "slack.other_workspace",
            team=team,
            of_the_token=found,
            advice="write the workspace of the token as `team`: until then nobody's press counts",
        )
