"""One slice as a PNG for a person: window, side markers, notice, outline if wanted."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from ml.windows import BRAIN, Window, apply_window
from preread.dicom.volume import Volume, to_radiological
from preread.notice import SHORT_NOTICE

WINDOW_CENTER_HU: Final = 40.0
WINDOW_WIDTH_HU: Final = 80.0
SIDE_PX: Final = 512
BAND_PX: Final = 22
HALF_LEVEL: Final = 127
Rgb: TypeAlias = tuple[int, int, int]
OUTLINE_RGB: Final[Rgb] = (255, 64, 64)
TEXT_RGB: Final = (235, 235, 235)
NOTICE_RGB: Final = (255, 200, 80)
SYNTHETIC_LABEL: Final = "SYNTHETIC"


@dataclass(frozen=True)
class Outline:
    """A border to draw: ``mask`` is (R, C) bool on the grid of ``to_radiological(volume)``."""

    mask: NDArray[np.bool_]
    rgb: Rgb = OUTLINE_RGB


def render_key_image(
    volume: Volume,
    slice_index: int,
    mask: NDArray[np.bool_] | None,
    *,
    overlay: bool,
    synthetic: bool,
) -> bytes:
    """Render a slice.

    Parameters
    ----------
    volume
        Any orientation; the picture is in radiological convention, the patient's right on
        the left.
    slice_index
        From 0, feet to head.
    mask
        (R, C) bool of this slice on the grid of ``to_radiological(volume)``, or None.
    overlay
        Draw the outline of ``mask``.
    synthetic
        Burn the word SYNTHETIC in: the picture shows no patient.

    Returns
    -------
    bytes
        PNG, RGB, pixels square in millimetres, with R and L markers and the research
        notice burned in. No patient data, no metadata.
    """
    outlines = [Outline(mask)] if overlay and mask is not None else []
    return render_slice(volume, slice_index, outlines, synthetic=synthetic)


def render_slice(
    volume: Volume,
    slice_index: int,
    outlines: Sequence[Outline],
    *,
    synthetic: bool,
    window: Window = BRAIN,
) -> bytes:
    """Render a slice like a key image, with any number of outlines; the last lies on top."""
    turned = to_radiological(volume)
    gray = np.rint(255 * apply_window(turned.hu[slice_index], window)).astype(np.uint8)
    size = _size(gray.shape, turned.pixel_spacing_mm)
    picture = Image.fromarray(gray).resize(size, Image.Resampling.BILINEAR).convert("RGB")
    for outline in outlines:
        picture = _outlined(picture, outline)
    return _png(_annotated(picture, synthetic=synthetic))


def render_outline(volume: Volume, outline: Outline) -> bytes:
    """Render an outline alone, to be laid over any rendering of its slice.

    Returns
    -------
    bytes
        PNG, RGBA, of the size of :func:`render_slice`, transparent but for the outline.
    """
    size = _size(outline.mask.shape, to_radiological(volume).pixel_spacing_mm)
    pixels = np.zeros((size[1] + BAND_PX, size[0], 4), np.uint8)
    pixels[: size[1]][_edge(outline, size)] = (*outline.rgb, 255)
    return _png(Image.fromarray(pixels))


def _size(shape: tuple[int, ...], spacing_mm: tuple[float, float]) -> tuple[int, int]:
    """Return width and height; the longer side is 512."""
    height_mm, width_mm = shape[0] * spacing_mm[0], shape[1] * spacing_mm[1]
    scale = SIDE_PX / max(height_mm, width_mm)
    return max(1, round(width_mm * scale)), max(1, round(height_mm * scale))


def _outlined(picture: Image.Image, outline: Outline) -> Image.Image:
    pixels = np.array(picture)
    pixels[_edge(outline, picture.size)] = outline.rgb
    return Image.fromarray(pixels)


def _edge(outline: Outline, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return where the outline runs in a picture of this width and height."""
    levels = Image.fromarray((outline.mask * np.uint8(255)).astype(np.uint8))
    inside = np.asarray(levels.resize(size, Image.Resampling.BILINEAR)) > HALF_LEVEL
    edge: NDArray[np.bool_] = ndimage.binary_dilation(inside) & ~ndimage.binary_erosion(inside)
    return edge


def _annotated(picture: Image.Image, *, synthetic: bool) -> Image.Image:
    width, height = picture.size
    framed = Image.new("RGB", (width, height + BAND_PX))
    framed.paste(picture, (0, 0))
    draw = ImageDraw.Draw(framed)
    large, small = ImageFont.load_default(20), ImageFont.load_default(13)
    middle = height // 2
    draw.text((8, middle), "R", TEXT_RGB, large, anchor="lm")
    draw.text((width - 8, middle), "L", TEXT_RGB, large, anchor="rm")
    draw.text((width // 2, height + BAND_PX // 2), SHORT_NOTICE, NOTICE_RGB, small, anchor="mm")
    if synthetic:
        draw.text((width // 2, 6), SYNTHETIC_LABEL, NOTICE_RGB, large, anchor="ma")
    return framed


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
