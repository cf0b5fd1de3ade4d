"""One axial slice as a PNG for a person: window, outlines with labels, side markers, notice."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from preread.dicom.caption import Caption, Free
from preread.notice import SHORT_NOTICE
from preread.terms import HemorrhageType

SIDE_PX: Final = 512
BAND_PX: Final = 22
HALF_LEVEL: Final = 127
# Noise hardly shrinks: the next levels take twice the time for a few percent.
PNG_LEVEL: Final = 2
Rgb: TypeAlias = tuple[int, int, int]
OUTLINE_RGB: Final[Rgb] = (255, 64, 64)
TEXT_RGB: Final[Rgb] = (235, 235, 235)
NOTICE_RGB: Final[Rgb] = (255, 200, 80)
BLACK: Final[Rgb] = (0, 0, 0)
SYNTHETIC_LABEL: Final = "SYNTHETIC"
MARKER_PX: Final = 26  # of the picture's width at either side, for R and L
LABEL_FONT_PX: Final = 14
LABEL_ANCHOR: Final = "la"  # the only one of those at the left that takes two lines
LEADER_FROM_PX: Final = 12.0  # nearer than this a label needs no line to its lesion

# Apart in hue and in lightness; the label says the type as well, so color says nothing alone.
KIND_RGB: Final[dict[HemorrhageType, Rgb]] = {
    HemorrhageType.IPH: (255, 64, 64),
    HemorrhageType.SDH: (255, 220, 0),
    HemorrhageType.IVH: (80, 200, 255),
    HemorrhageType.SAH: (255, 140, 230),
    HemorrhageType.EDH: (140, 240, 80),
}


class WindowName(StrEnum):
    """The windows that a slice can be shown in."""

    BRAIN = "brain"
    SUBDURAL = "subdural"
    BONE = "bone"


@dataclass(frozen=True, slots=True)
class DisplayWindow:
    """Window Center and Width in HU (0028,1050) and (0028,1051)."""

    center_hu: float
    width_hu: float


WINDOW: Final = {
    WindowName.BRAIN: DisplayWindow(40.0, 80.0),
    WindowName.SUBDURAL: DisplayWindow(75.0, 215.0),
    WindowName.BONE: DisplayWindow(600.0, 2800.0),
}


@dataclass(frozen=True)
class Plane:
    """One slice in radiological orientation: float32 HU, (R, C), and its pixels' size."""

    hu: NDArray[np.float32]
    pixel_spacing_mm: tuple[float, float]


@dataclass(frozen=True)
class Outline:
    """A border to draw: ``mask`` is (R, C) bool on the plane; ``label`` stands beside it."""

    mask: NDArray[np.bool_]
    rgb: Rgb = OUTLINE_RGB
    label: str | None = None


def draw_slice(
    plane: Plane, outlines: Sequence[Outline], *, window: DisplayWindow, synthetic: bool
) -> bytes:
    """Draw a slice.

    Parameters
    ----------
    plane
        The patient's right on the left, front above.
    outlines
        Any number; the last lies on top. A label covers no outlined pixel.
    window
        In which HU become gray.
    synthetic
        Burn the word SYNTHETIC in: the picture shows no patient.

    Returns
    -------
    bytes
        PNG, RGB, pixels square in millimetres, 512 along the longer side and a band below,
        with R and L markers and the research notice burned in. No patient data, no metadata.
    """
    size = _size(plane)
    gray = Image.fromarray(gray_levels(plane.hu, window))
    picture = gray.resize(size, Image.Resampling.BILINEAR).convert("RGB")
    insides = [_inside(outline.mask, size) for outline in outlines]
    if outlines:
        pixels = np.array(picture)
        for outline, inside in zip(outlines, insides, strict=True):
            pixels[_edge(inside)] = outline.rgb
        picture = Image.fromarray(pixels)
    framed = _framed(picture, synthetic=synthetic)
    _label(framed, size, outlines, insides)
    buffer = io.BytesIO()
    framed.save(buffer, "PNG", compress_level=PNG_LEVEL)
    return buffer.getvalue()


def draw_outlines(plane: Plane, outlines: Sequence[Outline]) -> bytes:
    """Draw outlines and labels alone, to be laid over a slice in any window.

    Returns
    -------
    bytes
        PNG, RGBA, of the size of :func:`draw_slice`, transparent but for what is drawn.
    """
    size = _size(plane)
    insides = [_inside(outline.mask, size) for outline in outlines]
    pixels = np.zeros((size[1] + BAND_PX, size[0], 4), np.uint8)
    for outline, inside in zip(outlines, insides, strict=True):
        pixels[: size[1]][_edge(inside)] = (*outline.rgb, 255)
    picture = Image.fromarray(pixels)
    _label(picture, size, outlines, insides)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=PNG_LEVEL)
    return buffer.getvalue()


def gray_levels(hu: NDArray[np.float32], window: DisplayWindow) -> NDArray[np.uint8]:
    """Return 0..255, linear over the window (PS3.3 C.11.2.1.3.2).

    Examples
    --------
    >>> gray_levels(np.array([-5, 0, 40, 80], np.float32), WINDOW[WindowName.BRAIN]).tolist()
    [0, 0, 128, 255]
    """
    low = np.float32(window.center_hu - window.width_hu / 2)
    scaled = (hu - low) * np.float32(255.0 / window.width_hu)
    levels: NDArray[np.uint8] = np.rint(np.clip(scaled, 0.0, 255.0)).astype(np.uint8)
    return levels


def _size(plane: Plane) -> tuple[int, int]:
    """Return width and height; the longer side is 512."""
    rows, columns = plane.hu.shape
    height_mm = rows * plane.pixel_spacing_mm[0]
    width_mm = columns * plane.pixel_spacing_mm[1]
    scale = SIDE_PX / max(height_mm, width_mm)
    return max(1, round(width_mm * scale)), max(1, round(height_mm * scale))


def _inside(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    levels = Image.fromarray(mask.astype(np.uint8) * np.uint8(255))
    inside: NDArray[np.bool_] = (
        np.asarray(levels.resize(size, Image.Resampling.BILINEAR)) > HALF_LEVEL
    )
    return inside


def _edge(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a border two pixels wide: one on either side."""
    padded = np.pad(inside, 1)
    steps = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    grown, shrunk = inside.copy(), inside.copy()
    for step in steps:
        grown |= step
        shrunk &= step
    edge: NDArray[np.bool_] = grown & ~shrunk
    return edge


def _framed(picture: Image.Image, *, synthetic: bool) -> Image.Image:
    width, height = picture.size
    framed = Image.new("RGB", (width, height + BAND_PX))
    framed.paste(picture, (0, 0))
    draw = ImageDraw.Draw(framed)
    large, small = _font(20), _font(13)
    middle = height // 2
    draw.text((8, middle), "R", TEXT_RGB, large, anchor="lm")
    draw.text((width - 8, middle), "L", TEXT_RGB, large, anchor="rm")
    draw.text((width // 2, height + BAND_PX // 2), SHORT_NOTICE, NOTICE_RGB, small, anchor="mm")
    if synthetic:
        draw.text((width // 2, 6), SYNTHETIC_LABEL, NOTICE_RGB, large, anchor="ma")
    return framed


def _label(
    framed: Image.Image,
    size: tuple[int, int],
    outlines: Sequence[Outline],
    insides: Sequence[NDArray[np.bool_]],
) -> None:
    """Write the labels, each as near to its lesion as there is room."""
    wanted = [
        (outline, inside)
        for outline, inside in zip(outlines, insides, strict=True)
        if outline.label and inside.any()
    ]
    if not wanted:
        return
    width, height = size
    free = Free(np.logical_or.reduce(list(insides)))
    for columns in (slice(0, MARKER_PX), slice(width - MARKER_PX, width)):
        free.take(slice(height // 2 - 16, height // 2 + 16), columns)
    free.take(slice(0, 28), slice(width // 2 - 70, width // 2 + 70))
    draw, font = ImageDraw.Draw(framed), _font(LABEL_FONT_PX)
    for outline, inside in wanted:
        left, top, right, bottom = draw.textbbox(
            (0, 0), outline.label or "", font=font, anchor=LABEL_ANCHOR, stroke_width=2
        )
        caption = free.nearest(inside, (round(right - left), round(bottom - top)))
        if caption is not None:
            _write(draw, caption, outline, (caption.left - left, caption.top - top))


def _write(
    draw: ImageDraw.ImageDraw, caption: Caption, outline: Outline, at: tuple[float, float]
) -> None:
    if caption.distance_px > LEADER_FROM_PX:
        draw.line([caption.edge_xy, caption.lesion_xy], fill=outline.rgb, width=1)
    draw.text(
        at,
        outline.label or "",
        outline.rgb,
        _font(LABEL_FONT_PX),
        anchor=LABEL_ANCHOR,
        stroke_width=2,
        stroke_fill=BLACK,
    )


@lru_cache
def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size_px)
