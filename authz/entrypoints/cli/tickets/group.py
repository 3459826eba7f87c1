"""`holdgate tickets`."""

from __future__ import annotations

from authz.entrypoints.cli.lazy_group import LazyCommand, LazyGroup

_HERE = "authz.entrypoints.cli.tickets"

tickets = LazyGroup(
    "tickets",
    help=(
        "Look at held requests and decide them, over the management API.\n\n"
        "Exit codes: 0 done, 1 refused, 2 wrong usage, 3 no such ticket or review, 4 no answer, 130 interrupted."
    ),
    lazy={
        "list": LazyCommand(f"{_HERE}.list_command:list_tickets", "List tickets, newest first."),
        "show": LazyCommand(f"{_HERE}.show_command:show", "Show one ticket, with all that it is bound to."),
        "approve": LazyCommand(f"{_HERE}.vote_commands:approve", "Approve a ticket after looking at it."),
        "reject": LazyCommand(f"{_HERE}.vote_commands:reject", "Reject a ticket, saying why."),
        "withdraw": LazyCommand(f"{_HERE}.take_back_commands:withdraw", "Take your own vote back."),
        "cancel": LazyCommand(f"{_HERE}.take_back_commands:cancel", "Take your own request back."),
        "revoke": LazyCommand(
            f"{_HERE}.take_back_commands:revoke", "Take an approval back before it is used up."
        ),
        "reviews": LazyCommand(
            f"{_HERE}.review_commands:reviews", "List uses of break-glass that wait for a review."
        ),
        "review": LazyCommand(
            f"{_HERE}.review_commands:review", "Look at a use of break-glass, or finish its review."
        ),
        "watch": LazyCommand(f"{_HERE}.watch_command:watch", "Print what happens to tickets as it happens."),
    },
)
