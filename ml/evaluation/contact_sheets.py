"""One sheet per type of its key images with outlines and sentences, for a person to judge; they show patients."""

import io
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from ml.assessment import Assessment, FindingReading
from ml.evaluation.gallery import picture_path
from ml.evaluation.results import StudyResult
from ml.evaluation.study import Evaluated
from ml.keyimages import outlines_of, render_slice
from ml.sentence import summary
from preread.dicom.picture import TEXT_RGB
from preread.terms import KINDS, HemorrhageType

TILES: Final = "tiles"
TILE_PX: Final = 384
LINES: Final = 7  # of 300 characters and the study's name
LINE_PX: Final = 15
LETTERS: Final = 58
COLUMNS: Final = 4
MOST: Final = 60


class NoTiles(Exception):
    """The folder holds no pictures of findings."""


def keep_tiles(evaluated: Evaluated, folder: Path) -> None:
    """Write a picture of each outlined finding at its peak; nothing where none is outlined."""
    outcome, assessment = evaluated.outcome, evaluated.assessment
    if not isinstance(outcome, StudyResult) or assessment is None:
        return
    for finding in assessment.findings:
        if finding.slices is not None:
            path = picture_path(folder / finding.kind.value, outcome.identity)
            path.parent.mkdir(parents=True, exist_ok=True)
            _tile(evaluated, assessment, finding, outcome.identity.name).save(path, optimize=True)


def write_sheets(folder: Path, most: int = MOST) -> tuple[Path, ...]:
    """Put the pictures of a run's findings together, one PNG per type.

    Parameters
    ----------
    folder
        The ``--out`` of a run with pictures.
    most
        Pictures on a sheet; the first by file name, which is a digest and so no choice.

    Returns
    -------
    tuple of Path
        The sheets, in the order of the types.

    Raises
    ------
    NoTiles
        If there is none.
    """
    sheets = []
    for kind in KINDS:
        tiles = sorted((folder / TILES / kind.value).glob("*.png"))[:most]
        if tiles:
            sheets.append(folder / f"contact-sheet-{kind.value}.png")
            _sheet(tiles, kind).save(sheets[-1], optimize=True)
    if not sheets:
        message = f"{folder} holds no pictures of findings: run without --no-gallery first"
        raise NoTiles(message)
    return tuple(sheets)


def _tile(
    evaluated: Evaluated, assessment: Assessment, finding: FindingReading, name: str
) -> Image.Image:
    peak = 0 if finding.slices is None else finding.slices.peak
    png = render_slice(evaluated.source, peak, outlines_of(assessment, peak), synthetic=False)
    tile = Image.new("RGB", (TILE_PX, TILE_PX + LINES * LINE_PX + 20))
    with Image.open(io.BytesIO(png)) as picture:
        picture.thumbnail((TILE_PX, TILE_PX), Image.Resampling.LANCZOS)
        tile.paste(picture, ((TILE_PX - picture.width) // 2, 0))
    lines = [f"{name}, slice {peak}", *textwrap.wrap(summary(assessment, {}), LETTERS)]
    _write(tile, lines, TILE_PX + 6)
    return tile


def _sheet(tiles: Sequence[Path], kind: HemorrhageType) -> Image.Image:
    width, height = TILE_PX, TILE_PX + LINES * LINE_PX + 20
    rows = -(-len(tiles) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * width, 30 + rows * height))
    _write(sheet, [f"{kind.value}: {len(tiles)} findings of the model, each at its peak"], 8)
    for number, path in enumerate(tiles):
        with Image.open(path) as tile:
            sheet.paste(tile, (number % COLUMNS * width, 30 + number // COLUMNS * height))
    return sheet


def _write(picture: Image.Image, lines: Sequence[str], top: int) -> None:
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(12)
    for number, line in enumerate(lines):
        draw.text((6, top + number * LINE_PX), line, TEXT_RGB, font)
