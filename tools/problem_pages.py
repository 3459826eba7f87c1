"""Makes docs/problems.md and docs/problems/*.md of the types and their advice: `python -m tools.problem_pages`.

A test holds the pages to what this makes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from authz.domain.problem_page import problem_page
from authz.domain.problems import Problem

DOCS: Final = Path(__file__).resolve().parent.parent / "docs"

_INTRODUCTION: Final = """\
# Problems

What Holdgate itself answers, it answers as problem details ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)), \
`application/problem+json` with `type`, `title`, `status` and `detail`. What your policy denies is answered as the \
policy says, and isn't a problem of Holdgate's.

The `type` is the same in every installation, so a program may compare it. It is a URN, because nothing is fetched \
from it and nobody's domain should stand in it; its last part is the name of a page here, and of \
`/.holdgate/problems/NAME` on every gated host, where the same text can be read without signing in. The header \
`link` with `rel="help"` leads there. gRPC callers get the status and, in `google.rpc.ErrorInfo`, the reason named \
below, in the domain `holdgate`.

Nothing secret is in an answer: no value of a request, no name of a voter but of the one who rejected or took an \
approval back, nothing of an error's own text.

The pages are made by `python -m tools.problem_pages`.
"""


def pages() -> dict[Path, str]:
    """Return every page by its path."""
    each = {DOCS / "problems" / f"{problem.value.slug}.md": problem_page(problem) for problem in Problem}
    return {DOCS / "problems.md": "\n".join([_INTRODUCTION, *map(_section, Problem)]), **each}


def _section(problem: Problem) -> str:
    kind = problem.value
    return (
        f"## `{kind.slug}`\n\n"
        f"`{kind.uri}`, **{kind.status}** {kind.title}; gRPC `{kind.grpc_status.name}`, reason `{kind.reason}`\n\n"
        f"> {kind.detail}\n\n"
        f"[What to do](problems/{kind.slug}.md)\n"
    )


def write() -> None:
    """Write the pages, and remove those of problems that there aren't any more."""
    made = pages()
    for stale in set((DOCS / "problems").glob("*.md")) - made.keys():
        stale.unlink()
    for path, text in made.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
