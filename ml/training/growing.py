"""A .npy file that grows: nobody knows how many slices a source has before it is read."""

from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.lib.format import dtype_to_descr, write_array_header_1_0
from numpy.typing import DTypeLike, NDArray


class GrowingArray:
    """Appends to a .npy file; its header is right once the array is closed.

    numpy leaves room in the header for the length to grow, so that rewriting it moves nothing.

    Parameters
    ----------
    path
        File to write.
    dtype
        Of the array.
    shape
        Of one element along the first axis.
    """

    def __init__(self, path: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> None:
        """Open the file."""
        self._dtype = np.dtype(dtype)
        self._shape = shape
        self._count = 0
        self._file = path.open("wb")
        self._write_header()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def append(self, values: NDArray[np.generic]) -> None:
        """Write values of shape (n, …) behind what is there."""
        if values.shape[1:] != self._shape or values.dtype != self._dtype:
            message = f"{values.dtype} of {values.shape[1:]} among {self._dtype} of {self._shape}"
            raise ValueError(message)
        self._file.write(np.ascontiguousarray(values).tobytes())
        self._count += len(values)

    def close(self) -> None:
        """Write the length into the header."""
        self._file.seek(0)
        self._write_header()
        self._file.close()

    def _write_header(self) -> None:
        header = {
            "descr": dtype_to_descr(self._dtype),
            "fortran_order": False,
            "shape": (self._count, *self._shape),
        }
        write_array_header_1_0(self._file, header)
