"""``python -m ml.onnx_export``: the networks of a bundle as ONNX files, compared with torch.

Writes one file per member and number format, and ``engines.json`` with what the comparison
found; a worker with ``PREREAD_ENGINE=onnx`` or ``onnx-int8`` reads that folder. The files are
made where they are used and are not committed: they are the bundle once more, three times as
large, and int8 ranges belong to a release of the runtime.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from ml.bundle import DEFAULT_BUNDLE, Bundle, Manifest, load_bundle, sha256_of
from ml.engine_agreement import EngineAgreement, compare_engines
from ml.model_slices import field_of_slices, to_model
from ml.onnx_graph import export_graph
from ml.onnx_int8 import quantize
from ml.onnx_predictor import OnnxPredictor, open_session
from ml.onnx_record import ComparedEngine, ComparedStudy, OnnxFormat, OnnxRecord, write_record
from ml.prediction import Predictor
from ml.predictor import TorchPredictor, load_network
from ml.training.prepared import open_prepared
from preread.dicom.phantom import Bleed, make_head
from preread.dicom.phantom_files import encode_series
from preread.dicom.volume import Volume, read_volume, to_radiological
from preread.terms import HemorrhageType, Laterality

# Heads of which the ranges of int8 are taken, and others on which engines are compared; all
# of seeds that neither training (from 100 000 on) nor the demo uses.
CALIBRATION_HEADS: Final[dict[int, tuple[Bleed, ...]]] = {
    9101: (),
    9102: (Bleed(HemorrhageType.IPH, Laterality.LEFT, 30.0),),
    9103: (Bleed(HemorrhageType.SDH, Laterality.RIGHT, 40.0),),
    9104: (
        Bleed(HemorrhageType.EDH, Laterality.LEFT, 20.0),
        Bleed(HemorrhageType.SAH, Laterality.RIGHT, 10.0),
    ),
    9105: (Bleed(HemorrhageType.IVH, Laterality.BILATERAL, 20.0),),
    9106: (
        Bleed(HemorrhageType.SDH, Laterality.LEFT, 70.0),
        Bleed(HemorrhageType.IPH, Laterality.LEFT, 15.0),
    ),
    9107: (),
    9108: (Bleed(HemorrhageType.SAH, Laterality.LEFT, 25.0),),
}
COMPARED_HEADS: Final[dict[int, tuple[Bleed, ...]]] = {
    9201: (),
    9202: (Bleed(HemorrhageType.IPH, Laterality.RIGHT, 35.0),),
    9203: (Bleed(HemorrhageType.SDH, Laterality.LEFT, 60.0),),
}
# Slices of a prepared set that join the calibration: a head's worth.
PREPARED_SLICES: Final = 32


def main(words: Sequence[str]) -> int:
    """Export, compare, say how it went; 1 if a number format may not be used."""
    asked = _parser().parse_args(words)
    torch.set_num_threads(1)
    bundle = load_bundle(asked.bundle)
    asked.out.mkdir(parents=True, exist_ok=True)
    formats = [OnnxFormat.FLOAT32, *([OnnxFormat.INT8] if asked.int8 else [])]
    for format_ in formats:
        write_files(bundle, asked.out, format_, asked.prepared)
    record = compare(bundle, asked.out, formats)
    write_record(asked.out, record)
    for name, engine in record.engines.items():
        sys.stdout.write(f"{name}: {'agrees' if engine.agrees else 'REFUSED'}\n")
        for study in engine.studies:
            sys.stdout.write(f"  {study.model_dump_json()}\n")
    return 0 if all(engine.agrees for engine in record.engines.values()) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml.onnx_export", description=main.__doc__)
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE, help="folder of the model")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--int8", action="store_true", help="int8 as well")
    parser.add_argument(
        "--prepared",
        type=Path,
        nargs="*",
        default=[],
        help="prepared sets whose slices calibrate int8 beside synthetic heads",
    )
    return parser


def write_files(
    bundle: Bundle, folder: Path, format_: OnnxFormat, prepared: Sequence[Path] = ()
) -> None:
    """Write one file per member; int8 is made from the float32 files, which must be there."""
    volumes: list[NDArray[np.float32]] = []
    if format_ is OnnxFormat.INT8:
        heads = [*calibration_slices(bundle), *chain(*(_stretches(path) for path in prepared))]
        volumes = [field_of_head(volume, bundle.manifest) for volume in heads]
    for member, path in zip(bundle.manifest.members, bundle.weights_paths, strict=True):
        target = folder / format_.file_of(member.file)
        if format_ is OnnxFormat.FLOAT32:
            export_graph(load_network(path, bundle.manifest.network), target, member.sha256)
        else:
            quantize(folder / OnnxFormat.FLOAT32.file_of(member.file), target, volumes)


def compare(bundle: Bundle, folder: Path, formats: Sequence[OnnxFormat]) -> OnnxRecord:
    """Compare exported files with torch in float32 on synthetic heads."""
    spec = bundle.manifest.network
    networks = [load_network(path, spec) for path in bundle.weights_paths]
    reference = TorchPredictor(networks, cascade=bundle.manifest.cascade)
    engines: dict[str, Predictor] = {
        format_: _unchecked(bundle, folder, format_) for format_ in formats
    }
    studies: dict[OnnxFormat, list[ComparedStudy]] = {format_: [] for format_ in formats}
    for seed, bleeds in COMPARED_HEADS.items():
        found = compare_engines(head_volume(seed, bleeds), bundle, reference, engines)
        for name, agreement in found.items():
            studies[OnnxFormat(name)].append(_compared(f"synthetic head {seed}", agreement))
    return OnnxRecord(
        bundle=bundle.manifest.identity,
        engines={
            format_: ComparedEngine(
                sha256=_digests(bundle, folder, format_), studies=tuple(studies[format_])
            )
            for format_ in formats
        },
    )


def head_volume(seed: int, bleeds: Sequence[Bleed]) -> Volume:
    """Return a synthetic head, through its DICOM files."""
    files = encode_series(make_head(seed, bleeds))
    return to_radiological(read_volume([BytesIO(content) for content in files]))


def calibration_slices(bundle: Bundle) -> Iterator[NDArray[np.float32]]:
    """Yield (S, size, size) float32 HU of each head that int8 takes its ranges from."""
    for seed, bleeds in CALIBRATION_HEADS.items():
        yield to_model(head_volume(seed, bleeds), bundle.manifest).hu


def field_of_head(hu: NDArray[np.float32], manifest: Manifest) -> NDArray[np.float32]:
    """Return what of (S, size, size) HU of one head the networks read."""
    return field_of_slices(hu, manifest.network, manifest.field).cut(hu)


def _stretches(folder: Path) -> Iterator[NDArray[np.float32]]:
    """Yield stretches of slices from all over a prepared set, each with its true neighbors."""
    hu = open_prepared(folder).hu
    for first in np.linspace(0, max(0, len(hu) - PREPARED_SLICES), 4).astype(int):
        yield hu[first : first + PREPARED_SLICES // 4].astype(np.float32)


def _unchecked(bundle: Bundle, folder: Path, format_: OnnxFormat) -> OnnxPredictor:
    """Open files that no record speaks for yet."""
    sessions = [
        open_session(folder / format_.file_of(member.file), member)
        for member in bundle.manifest.members
    ]
    manifest = bundle.manifest
    return OnnxPredictor(sessions, manifest.network.reduction, f"onnx-{format_}", manifest.cascade)


def _digests(bundle: Bundle, folder: Path, format_: OnnxFormat) -> dict[str, str]:
    names = [format_.file_of(member.file) for member in bundle.manifest.members]
    return {name: sha256_of(folder / name) for name in names}


def _compared(name: str, agreement: EngineAgreement) -> ComparedStudy:
    return ComparedStudy(
        name=name,
        slice_difference=round(agreement.slice_difference, 4),
        dice=None if agreement.dice is None else round(agreement.dice, 4),
        reference_level=agreement.reference_level,
        level=agreement.level,
        agrees=agreement.agrees,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
