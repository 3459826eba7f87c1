"""`holdgate tickets`."""

from __future__ import annotations

from authz.entrypoints.cli.lazy_group import LazyCommand, LazyGroup

_HERE = "authz.entrypoints.cli.tickets"

tickets = LazyGroup(
    "tickets",
    help=(
        "Look at held requests and decide them, over the management API.\n\n"
        "Exit codes: 0 done, 1 refused, 2 wrong usage, 3 no such ticket, 4 no answer, 130 interrupted."
    ),
    lazy={
        "list": LazyCommand(f"{_HERE}.list_command:list_tickets", "List tickets, newest first."),
        "show": LazyCommand(f"{_HERE}.show_command:show", "Show one ticket, with all that it is bound to."),
        "approve": LazyCommand(f"{_HERE}.vote_commands:approve", "Approve a ticket after looking at it."),
        "reject": LazyCommand(f"{_HERE}.vote_commands:reject", "Reject a ticket, saying why."),
        "watch": LazyCommand(f"{_HERE}.watch_command:watch", "Print what happens to tickets as it happens."),
    },
)
