"""Makes HTML from the templates: everything escaped, every missing value an error."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from authz.domain.duration import format_duration
from authz.domain.timestamps import rfc3339
from authz.entrypoints.console.relative_time import relative
from authz.entrypoints.console.visible_text import cut, lines, prose, wire

_HERE = Path(__file__).parent
STATIC = _HERE / "static"

_environment = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    auto_reload=False,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters |= {
    "wire": wire,
    "wire_cut": lambda text, limit: cut(wire, text, limit),
    "prose": prose,
    "prose_cut": lambda text, limit: cut(prose, text, limit),
    "lines": lines,
    "rfc3339": rfc3339,
    "relative": relative,
    "duration": format_duration,
}


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whom a page is for. `switch` is where they may become somebody else, None outside a demo."""

    name: str
    sign_out_token: str
    switch: str | None


def page(template: str, viewer: Viewer | None, context: dict[str, object], *, status: int = 200) -> Response:
    """Render one template, for `viewer` or for nobody in particular."""
    return HTMLResponse(_environment.get_template(template).render(viewer=viewer, **context), status)


def error_page(status: int, title: str, sentence: str, *, entrance: str | None = None) -> Response:
    """Render a page that says what happened and what to do next: sign in, where `entrance` leads there."""
    context: dict[str, object] = {
        "status": status,
        "title": title,
        "sentence": sentence,
        "entrance": entrance,
    }
    return page("error.html", None, context, status=status)
