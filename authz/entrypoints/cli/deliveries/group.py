"""`holdgate deliveries`."""

from __future__ import annotations

from authz.entrypoints.cli.lazy_group import LazyCommand, LazyGroup

_HERE = "authz.entrypoints.cli.deliveries"

deliveries = LazyGroup(
    "deliveries",
    help=(
        "Look at what nobody was told of, and tell it again.\n\n"
        "Exit codes: 0 done, 1 refused, 2 wrong usage, 3 no such dead letter, 4 no answer, 130 interrupted."
    ),
    lazy={
        "list": LazyCommand(f"{_HERE}.list_command:list_letters", "List dead letters, newest first."),
        "replay": LazyCommand(f"{_HERE}.replay_command:replay", "Send dead letters again."),
        "show": LazyCommand(f"{_HERE}.show_command:show", "Show what each channel answered for a ticket."),
    },
)
