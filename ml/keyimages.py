"""One slice as a PNG for a person: brain window, side markers, notice, outline if wanted."""

import io
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from ml.windows import BRAIN, apply_window
from preread.dicom.volume import Volume, to_radiological
from preread.notice import SHORT_NOTICE

WINDOW_CENTER_HU: Final = 40.0
WINDOW_WIDTH_HU: Final = 80.0
SIDE_PX: Final = 512
BAND_PX: Final = 22
HALF_LEVEL: Final = 127
OUTLINE_RGB: Final = (255, 64, 64)
TEXT_RGB: Final = (235, 235, 235)
NOTICE_RGB: Final = (255, 200, 80)
SYNTHETIC_LABEL: Final = "SYNTHETIC"


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
    turned = to_radiological(volume)
    gray = np.rint(255 * apply_window(turned.hu[slice_index], BRAIN)).astype(np.uint8)
    size = _size(gray.shape, turned.pixel_spacing_mm)
    picture = Image.fromarray(gray).resize(size, Image.Resampling.BILINEAR).convert("RGB")
    if overlay and mask is not None and mask.any():
        picture = _outlined(picture, mask)
    return _png(_annotated(picture, synthetic=synthetic))


def _size(shape: tuple[int, ...], spacing_mm: tuple[float, float]) -> tuple[int, int]:
    """Return width and height; the longer side is 512."""
    height_mm, width_mm = shape[0] * spacing_mm[0], shape[1] * spacing_mm[1]
    scale = SIDE_PX / max(height_mm, width_mm)
    return max(1, round(width_mm * scale)), max(1, round(height_mm * scale))


def _outlined(picture: Image.Image, mask: NDArray[np.bool_]) -> Image.Image:
    levels = Image.fromarray((mask * np.uint8(255)).astype(np.uint8))
    inside = np.asarray(levels.resize(picture.size, Image.Resampling.BILINEAR)) > HALF_LEVEL
    edge = ndimage.binary_dilation(inside) & ~ndimage.binary_erosion(inside)
    pixels = np.array(picture)
    pixels[edge] = OUTLINE_RGB
    return Image.fromarray(pixels)


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
