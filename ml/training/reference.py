"""The reference patients of a bundle: measures of the training images, fitted and written down."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np

from ml.bundle import MANIFEST_FILE
from ml.model_slices import interior_of
from ml.novelty import Reference, fit_reference
from ml.quality import Measures, measure
from ml.slabs import TARGET_MM
from ml.training.predict import studies_of
from ml.training.prepared import open_prepared

SOURCE: Final = "CT-ICH v1.0.0, rebuilt from 8-bit pictures, spacing assumed"


def measure_prepared(prepared: Path, spacing_mm: float, most: int) -> dict[str, Measures]:
    """Measure patients of a prepared set, evenly spread over it.

    Parameters
    ----------
    prepared
        Folder; is only read.
    spacing_mm
        Of its grid.
    most
        Number of patients.

    Returns
    -------
    dict
        By the set's own name of the study.
    """
    source = open_prepared(prepared)
    patients = list(studies_of(source))
    chosen = np.unique(np.linspace(0, len(patients) - 1, min(most, len(patients))).round())
    measured = {}
    for patient, rows in (patients[int(index)] for index in chosen):
        hu = source.hu[rows].astype(np.float32)
        interior = interior_of(hu, spacing_mm)
        measured[patient] = measure(hu, interior, np.full(len(hu), TARGET_MM))
    return measured


def reference_of(prepared: Path, spacing_mm: float, most: int) -> Reference:
    """Fit the reference on patients of a prepared set."""
    return fit_reference(list(measure_prepared(prepared, spacing_mm, most).values()), SOURCE)


def write_reference(reference: Reference, bundle: Path) -> None:
    """Put the reference into the manifest of a bundle; everything else stays."""
    path = bundle / MANIFEST_FILE
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["reference"] = asdict(reference)
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
