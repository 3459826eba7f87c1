"""How Teams sets a card: sizes, distances and colours of its light and its dark theme, as a HostConfig."""

from __future__ import annotations

from typing import Any, Literal

Theme = Literal["light", "dark"]

PAGE: dict[Theme, str] = {"light": "#f5f5f5", "dark": "#141414"}
"""The colour around a card."""

CARD: dict[Theme, str] = {"light": "#ffffff", "dark": "#292929"}

_BOXES: dict[Theme, dict[str, str]] = {
    "light": {
        "emphasis": "#f0f0f0",
        "good": "#e7f2da",
        "attention": "#fcf4f6",
        "warning": "#fbf6d9",
        "accent": "#e8ebfa",
    },
    "dark": {
        "emphasis": "#1f1f1f",
        "good": "#0d2a0d",
        "attention": "#3b1519",
        "warning": "#463100",
        "accent": "#2b2b40",
    },
}
_TEXT: dict[Theme, dict[str, tuple[str, str]]] = {
    "light": {
        "default": ("#242424", "#616161"),
        "dark": ("#242424", "#616161"),
        "light": ("#ffffff", "#d6d6d6"),
        "accent": ("#5b5fc7", "#5b5fc7"),
        "good": ("#237b4b", "#237b4b"),
        "warning": ("#835c00", "#835c00"),
        "attention": ("#c4314b", "#c4314b"),
    },
    "dark": {
        "default": ("#ffffff", "#adadad"),
        "dark": ("#242424", "#616161"),
        "light": ("#ffffff", "#d6d6d6"),
        "accent": ("#9299f7", "#9299f7"),
        "good": ("#92c353", "#92c353"),
        "warning": ("#f8d22a", "#f8d22a"),
        "attention": ("#f9526b", "#f9526b"),
    },
}


def host_config(theme: Theme) -> dict[str, Any]:
    """Return the HostConfig of one theme."""
    colours = {name: {"default": plain, "subtle": subtle} for name, (plain, subtle) in _TEXT[theme].items()}
    styles = {"default": {"backgroundColor": CARD[theme], "foregroundColors": colours}}
    styles |= {
        name: {"backgroundColor": background, "foregroundColors": colours}
        for name, background in _BOXES[theme].items()
    }
    return {
        "fontFamily": "Segoe UI, system-ui, sans-serif",
        "fontTypes": {
            "default": {"fontFamily": "Segoe UI, system-ui, sans-serif"},
            "monospace": {"fontFamily": "Consolas, monospace"},
        },
        "fontSizes": {"small": 12, "default": 14, "medium": 14, "large": 18, "extraLarge": 24},
        "fontWeights": {"lighter": 400, "default": 400, "bolder": 600},
        "lineHeights": {"small": 16, "default": 20, "medium": 20, "large": 24, "extraLarge": 32},
        "spacing": {"small": 8, "default": 12, "medium": 16, "large": 20, "extraLarge": 24, "padding": 16},
        "separator": {"lineThickness": 1, "lineColor": "#e1e1e1" if theme == "light" else "#3d3d3d"},
        "containerStyles": styles,
        "factSet": {
            "title": {"weight": "bolder", "wrap": True, "maxWidth": 150},
            "value": {"wrap": True},
            "spacing": 16,
        },
        "actions": {
            "maxActions": 6,
            "buttonSpacing": 8,
            "actionsOrientation": "horizontal",
            "actionAlignment": "left",
            "spacing": "default",
            "showCard": {"actionMode": "inline", "inlineTopMargin": 16},
        },
        "supportsInteractivity": True,
    }
