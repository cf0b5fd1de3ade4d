"""Data sets of a phantom, and the volume that they give."""

import io

import numpy as np
import pytest
from pydicom.dataset import Dataset

from preread.dicom.volume import Volume, read_volume
from preread.errors import UnreadableVolume
from preread.reasons import ReasonCode


def quartered(dataset) -> Dataset:
    set_pixels(dataset, dataset.pixel_array[::4, ::4])
    dataset.PixelSpacing = [4 * float(value) for value in dataset.PixelSpacing]
    return dataset


def set_pixels(dataset, stored) -> None:
    dataset.Rows, dataset.Columns = stored.shape
    dataset.PixelData = np.ascontiguousarray(stored).tobytes()
    dataset["PixelData"].VR = "OW"


def volume_of(datasets) -> Volume:
    files = []
    for dataset in datasets:
        buffer = io.BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        files.append(buffer)
    return read_volume(files)


def position(dataset) -> np.ndarray:
    return np.array([float(value) for value in dataset.ImagePositionPatient])


def axes(dataset) -> tuple[np.ndarray, np.ndarray]:
    cosines = np.array([float(value) for value in dataset.ImageOrientationPatient])
    return cosines[:3], cosines[3:]


def refused(datasets) -> ReasonCode:
    with pytest.raises(UnreadableVolume) as raised:
        volume_of(datasets)
    return raised.value.reason
