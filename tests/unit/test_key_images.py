"""Key images."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ml.keyimages import render_slice
from preread.dicom.picture import OUTLINE_RGB, Outline
from tests.support.heads import Ball, head

HEAD = head(Ball((10, 0, 25), 18))
SLICE = 17
MASK = HEAD.kinds[SLICE] > 0


def picture(volume=HEAD.volume, mask=MASK, *, overlay=True, synthetic=False):
    outlines = [Outline(mask)] if overlay else []
    png = render_slice(volume, SLICE, outlines, synthetic=synthetic)
    assert png.startswith(b"\x89PNG")
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def outline(pixels):
    return (pixels == OUTLINE_RGB).all(axis=2)


def test_the_outline_is_drawn_only_when_asked():
    assert outline(picture()).any()
    assert not outline(picture(overlay=False)).any()


def test_the_patients_left_is_on_the_right_of_the_picture():
    columns = np.nonzero(outline(picture()))[1]
    assert columns.min() > 256


def test_markers_stand_on_both_sides():
    pixels = picture(overlay=False)
    middle = slice(240, 270)
    assert (pixels[middle, :26] > 200).any()
    assert (pixels[middle, -26:] > 200).any()


def test_the_notice_and_the_word_synthetic_are_burned_in():
    plain, synthetic = picture(overlay=False), picture(overlay=False, synthetic=True)
    assert (plain[-20:] > 150).any()
    assert (plain[:30] != synthetic[:30]).any()
    assert (plain[40:] == synthetic[40:]).all()


def test_unequal_spacing_still_gives_a_round_head():
    volume = replace(HEAD.volume, hu=HEAD.volume.hu[:, ::2], pixel_spacing_mm=(2.8, 1.4))
    pixels = picture(volume, MASK[::2])
    assert pixels.shape[:2] == pytest.approx(picture().shape[:2], abs=1)


def test_no_metadata_travels_with_the_picture():
    png = render_slice(HEAD.volume, SLICE, [], synthetic=True)
    assert Image.open(io.BytesIO(png)).info == {}
