"""Templates of pages: everything escaped, and a missing value is an error instead of a gap."""

from pathlib import Path

import jinja2
from starlette.templating import Jinja2Templates


def strict_templates(folder: Path) -> Jinja2Templates:
    """Return the templates in a folder; filters and globals are the caller's to add."""
    return Jinja2Templates(
        env=jinja2.Environment(
            loader=jinja2.FileSystemLoader(folder),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
    )
