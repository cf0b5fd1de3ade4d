"""``python -m api.openapi [--write]``: the OpenAPI document, printed or written to docs/."""

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from api.main import create_app
from preread.settings import Settings

DOCUMENT: Final = Path(__file__).parents[1] / "docs" / "openapi.json"


def render() -> str:
    """Return the document as it is committed."""
    # Defaults only, whatever the environment says: the contract is the same everywhere.
    app = create_app(Settings.model_construct())
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Print or write the document."""
    parser = argparse.ArgumentParser(prog="python -m api.openapi", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/openapi.json")
    if parser.parse_args().write:
        DOCUMENT.write_text(render(), encoding="utf-8")
    else:
        sys.stdout.write(render())


if __name__ == "__main__":
    main()
