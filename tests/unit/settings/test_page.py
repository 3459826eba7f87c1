from __future__ import annotations

import pytest

from authz.settings import Settings
from tools import settings_table

PAGE = settings_table.PAGE.read_text(encoding="utf-8")


def test_the_page_is_made_of_the_code() -> None:
    """Name, form, default and meaning of every setting; `python -m tools.settings_table` writes it."""
    assert settings_table.page() == PAGE


@pytest.mark.parametrize("row", list(settings_table.rows()), ids=lambda row: row.name)
def test_every_setting_says_what_it_means(row: settings_table.Row) -> None:
    """A whole sentence, in a section, and no cell that would break the table."""
    assert row.section
    assert row.meaning.endswith(".")
    assert "|" not in row.meaning + row.form + row.default


def test_no_setting_is_left_out() -> None:
    """The comments are read from the source, the fields from the class; both are the same."""
    assert [row.name for row in settings_table.rows()] == list(Settings.model_fields)


def test_a_changed_default_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: the page follows the class, not itself."""
    monkeypatch.setattr(Settings.model_fields["opa_timeout"], "default", 151)
    assert settings_table.page() != PAGE
