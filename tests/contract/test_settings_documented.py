"""docs/settings.md is a copy of the settings class; when this fails, the page is behind."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from preread.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")


def shown_default(field):
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, Path) and value.is_absolute():
        value = value.relative_to(ROOT)
    return str(value)


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_every_setting_is_on_the_page_with_its_default_and_meaning(name):
    field = Settings.model_fields[name]
    row = f"| `{PREFIX}{name.upper()}` | `{shown_default(field)}` | {field.description} |"
    assert row in PAGE


def test_the_page_names_no_setting_that_does_not_exist():
    named = set(re.findall(rf"^\| `{PREFIX}([A-Z_]+)`", PAGE, re.MULTILINE))
    assert named == {name.upper() for name in Settings.model_fields}
