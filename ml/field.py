"""Where the networks look: the field around the inside of the skull, on the slices that have one.

A third of a slice is air, and a fifth of the slices of a head CT hold no inside of the skull. No
bleed is outlined there, so networks that were taught on such fields need not read it.
"""

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from ml.evidence import LEAST_PROBABILITY
from ml.intracranial import Interior
from ml.prediction import Members, Prediction, Predictor
from ml.spec import NetworkSpec

# The encoder halves its maps five times; the map of types is halved three times.
ENCODER_CELL: Final = 32
MAP_CELL: Final = 8
# An exported graph takes no field of one cell (``ml.onnx_graph``); nor would a head fit into it.
LEAST_CELLS: Final = 2
# Slices read beyond the lowest and the highest that has an inside of the skull.
SLICES_BEYOND: Final = 1
# What is said of a type on a slice that nobody read: as little as is ever said of one.
UNREAD: Final = LEAST_PROBABILITY

_Number = TypeVar("_Number", np.float16, np.float32)


class FieldRule(BaseModel):
    """How much is read around the inside of the skull.

    ``margin_mm`` lie on each side of it at least: skull and scalp, as the networks saw them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    margin_mm: float = Field(ge=0)


@dataclass(frozen=True, slots=True)
class ReadField:
    """A part of (S, size, size) slices on the model's grid.

    Attributes
    ----------
    slabs, rows, columns
        Each within the grid. Rows and columns are as many as the encoder takes, and begin where
        a cell of the map of types does.
    """

    slabs: slice
    rows: slice
    columns: slice

    def cut(self, hu: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the part, contiguous, of (S, size, size) slices."""
        return np.ascontiguousarray(hu[self.slabs, self.rows, self.columns])


def field_of(interior: Interior, spec: NetworkSpec, rule: FieldRule | None) -> ReadField:
    """Return what networks read of a head.

    Parameters
    ----------
    interior
        The inside of the skull; where nothing was found everything is read.
    spec
        Of the networks.
    rule
        None for networks that read whole slices, and all of them.
    """
    shown = np.flatnonzero(interior.inside.any(axis=(1, 2)))
    if rule is None or not len(shown):
        return ReadField(slice(0, len(interior.inside)), slice(0, spec.size), slice(0, spec.size))
    used = np.asarray(interior.inside.any(axis=0))
    return ReadField(
        slabs=slice(
            max(0, int(shown[0]) - SLICES_BEYOND),
            min(len(interior.inside), int(shown[-1]) + 1 + SLICES_BEYOND),
        ),
        rows=_around(np.asarray(used.any(axis=1)), interior.spacing_mm, spec, rule),
        columns=_around(np.asarray(used.any(axis=0)), interior.spacing_mm, spec, rule),
    )


def read_field(predictor: Predictor, hu: NDArray[np.float32], field: ReadField) -> Prediction:
    """Let networks read a field.

    Parameters
    ----------
    predictor
        The networks.
    hu
        (S, size, size) float32 HU on the model's grid.
    field
        Of ``hu``.

    Returns
    -------
    Prediction
        Of all of ``hu``: outside of the field no blood, and no slice that bleeds.
    """
    said = predictor.predict(field.cut(hu))
    members = said.members
    return Prediction(
        _among(said.kind_probabilities, len(hu), field, UNREAD),
        _on_grid(said.mask_probabilities, hu.shape, field, 0.0),
        _on_grid(said.kind_maps, hu.shape, field, 1 / said.kind_maps.shape[1]),
        None
        if members is None
        else Members(
            np.stack([_among(one, len(hu), field, UNREAD) for one in members.kind_probabilities]),
            np.stack([_on_grid(one, hu.shape, field, 0.0) for one in members.mask_probabilities]),
        ),
    )


def _around(
    used: NDArray[np.bool_], spacing_mm: float, spec: NetworkSpec, rule: FieldRule
) -> slice:
    """Return the stretch of an axis around what is used; ``used`` is as coarse as its spacing."""
    step = spec.spacing_mm / spacing_mm
    where = np.flatnonzero(used)
    margin = rule.margin_mm / spec.spacing_mm
    low, high = where[0] / step - margin, (where[-1] + 1) / step + margin
    cell, start = ENCODER_CELL * spec.reduction, MAP_CELL * spec.reduction
    cells = max(LEAST_CELLS, int(np.ceil((high - low) / cell)))
    length = min(spec.size, cells * cell)
    first = round(((low + high) - length) / 2 / start) * start
    first = min(max(first, 0), spec.size - length)
    return slice(first, first + length)


def _among(
    said: NDArray[np.float32], slices: int, field: ReadField, unread: float
) -> NDArray[np.float32]:
    """Return (slices, K) of the (N, K) that were said of the field's slabs."""
    everything = np.full((slices, *said.shape[1:]), unread, said.dtype)
    everything[field.slabs] = said
    return everything


def _on_grid(
    planes: NDArray[_Number], shape: tuple[int, ...], field: ReadField, outside: float
) -> NDArray[_Number]:
    """Return (S, …, H, W) of the (N, …, h, w) of a field, at the scale of these planes."""
    step = (field.rows.stop - field.rows.start) // planes.shape[-2]
    everything = np.full(
        (shape[0], *planes.shape[1:-2], shape[1] // step, shape[2] // step), outside, planes.dtype
    )
    rows, columns = (
        slice(part.start // step, part.stop // step) for part in (field.rows, field.columns)
    )
    everything[field.slabs, ..., rows, columns] = planes
    return everything
