"""The networks of a bundle behind the same door, computed by ONNX Runtime instead of torch.

The files are made from a bundle by ``python -m ml.onnx_export`` and are not part of it. They
carry the digest of the weights that they came from, and a folder of them carries a record of
how well they agree with torch; what does not fit, or does not agree, is not loaded.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.bundle import Bundle, Member, sha256_of
from ml.cascade import Cascade, Said, read_in_stages
from ml.geometry import enlarge
from ml.onnx_record import RECORD_FILE, WEIGHTS_KEY, OnnxFormat, read_record
from ml.prediction import Members, Prediction
from preread.errors import InvalidBundle

BATCH_SLICES: Final = 4
MISSING: Final = "onnxruntime is not installed: pip install 'preread[onnx]'"


class OnnxPredictor:
    """Reads slices with ONNX Runtime; several networks are averaged as ``TorchPredictor`` does.

    Parameters
    ----------
    sessions
        One ``onnxruntime.InferenceSession`` per member.
    reduction
        Of the encoder, for what single members said.
    precision
        Name for the provenance of a pre-read.
    cascade
        Which of them read a slice; None: all.
    """

    device: Final = "cpu"

    def __init__(
        self,
        sessions: Sequence[Any],
        reduction: int,
        precision: str,
        cascade: Cascade | None = None,
    ) -> None:
        """Keep the sessions."""
        self._cascade = cascade
        self._sessions = tuple(sessions)
        self._reduction = reduction
        self.precision = precision

    @classmethod
    def load(
        cls,
        bundle: Bundle,
        folder: Path,
        number_format: OnnxFormat = OnnxFormat.FLOAT32,
        threads: int = 1,
    ) -> "OnnxPredictor":
        """Load the files that were exported from a bundle.

        Parameters
        ----------
        bundle
            Checked.
        folder
            Of ``python -m ml.onnx_export``.
        number_format
            Which of the files; int8 only with a record that says that it agrees.
        threads
            Per session.

        Raises
        ------
        InvalidBundle
            If a file is missing, comes from other weights, changed since it was compared
            with torch or did not agree with it, or ONNX Runtime is not installed.
        """
        record = read_record(folder, bundle.manifest.identity)
        engine = record.engines.get(number_format)
        if engine is None or not engine.agrees:
            raise InvalidBundle(
                f"{RECORD_FILE} does not say that {number_format} agrees with torch; it is not used"
            )
        sessions = []
        for member in bundle.manifest.members:
            path = folder / number_format.file_of(member.file)
            if not path.is_file() or sha256_of(path) != engine.sha256.get(path.name):
                raise InvalidBundle(f"{path.name} is missing or not the one that was compared")
            sessions.append(open_session(path, member, threads))
        reduction = bundle.manifest.network.reduction
        return cls(sessions, reduction, f"onnx-{number_format}", bundle.manifest.cascade)

    def predict(self, slices: NDArray[np.float32]) -> Prediction:
        """Read (S, rows, columns) float32 HU, feet to head; memory grows only with the result."""

        def read(members: slice, chosen: NDArray[np.intp]) -> Said:
            return _said(self._sessions[members], slices, chosen)

        said = read_in_stages(read, len(self._sessions), len(slices), self._cascade)
        members = Members(_sigmoid(said.kinds), _sigmoid(said.masks).astype(np.float16))
        return Prediction(
            _sigmoid(said.kinds.mean(axis=0)),
            _sigmoid(enlarge(said.masks.mean(axis=0), self._reduction)),
            said.maps.mean(axis=0),
            members if len(self._sessions) > 1 else None,
        )


def _said(sessions: Sequence[Any], slices: NDArray[np.float32], chosen: NDArray[np.intp]) -> Said:
    """Let some networks read some slices; a file takes a stretch of slices with both neighbors."""
    stretches = np.split(chosen, np.flatnonzero(np.diff(chosen) > 1) + 1)
    parts = []
    for stretch in stretches:
        for first in range(0, len(stretch), BATCH_SLICES):
            few = stretch[first : first + BATCH_SLICES]
            near = np.clip(np.arange(few[0] - 1, few[-1] + 2), 0, len(slices) - 1)
            outputs = [session.run(None, {"slices": slices[near]}) for session in sessions]
            parts.append(Said(*(np.stack(output) for output in zip(*outputs, strict=True))))
    return Said(*(np.concatenate(part, axis=1) for part in zip(*parts, strict=True)))


def open_session(path: Path, member: Member, threads: int = 1) -> Any:  # noqa: ANN401 - untyped library
    """Open one exported file.

    Raises
    ------
    InvalidBundle
        If it was not exported from the member's weights, or there is no ONNX Runtime.
    """
    try:
        runtime = importlib.import_module("onnxruntime")  # an extra, and late: it takes a while
    except ModuleNotFoundError as error:
        raise InvalidBundle(MISSING) from error
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning threads of two workers on one machine take each other's time.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    if session.get_modelmeta().custom_metadata_map.get(WEIGHTS_KEY) != member.sha256:
        raise InvalidBundle(f"{path.name} was not exported from {member.file} of this bundle")
    return session


def _sigmoid(odds: NDArray[np.float32]) -> NDArray[np.float32]:
    probabilities: NDArray[np.float32] = np.divide(1, 1 + np.exp(-odds), dtype=np.float32)
    return probabilities
