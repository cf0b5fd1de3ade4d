"""HU windows become the color channels of a slice (the «hue» mapping).

A photograph network expects three colors. A CT slice has one value per pixel over
4000 HU, of which blood differs from brain by only 30. So each color of the slice is
one HU window of it, and the two neighbors of the slice follow as two more channels:

======= ============= ============== ==============================================
channel slice         window         what it shows
======= ============= ============== ==============================================
0 red   the slice     BRAIN 0..80    gray and white matter, fresh blood
1 green the slice     BLOOD −20..180 blood along the inner table, apart from bone
2 blue  the slice     BONE −200..1800 skull, air, calcium
3       one below     BRAIN 0..80    the neighbor towards the feet
4       one above     BRAIN 0..80    the neighbor towards the head
======= ============= ============== ==============================================

In a composed color picture brain is dark red, fresh blood yellow, bone white.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Window:
    """A linear HU window.

    Attributes
    ----------
    low_hu
        HU that becomes 0.0.
    high_hu
        HU that becomes 1.0; above ``low_hu``.
    """

    low_hu: float
    high_hu: float

    def __post_init__(self) -> None:
        """Refuse an empty window."""
        if not self.low_hu < self.high_hu:
            message = f"a window needs low < high, not {self.low_hu}..{self.high_hu} HU"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Channel:
    """One input channel of the network.

    Attributes
    ----------
    offset
        Which slice: 0 the slice itself, −1 its neighbor towards the feet, +1 towards the head.
    window
        The HU window.
    """

    offset: int
    window: Window


BRAIN: Final = Window(0.0, 80.0)
BLOOD: Final = Window(-20.0, 180.0)
BONE: Final = Window(-200.0, 1800.0)
CHANNELS: Final = (
    Channel(0, BRAIN),
    Channel(0, BLOOD),
    Channel(0, BONE),
    Channel(-1, BRAIN),
    Channel(1, BRAIN),
)


def stack_neighbors(
    slices: NDArray[np.float32], chosen: NDArray[np.intp] | None = None
) -> NDArray[np.float32]:
    """Put slices between their neighbors.

    Parameters
    ----------
    slices
        (S, R, C), feet to head.
    chosen
        (N,) indices of slices; None takes all. Few at a time keep the memory flat.

    Returns
    -------
    ndarray
        (N, 3, R, C): the slice below, the slice, the slice above. At both ends the slice
        stands in for the neighbor that is missing.

    Examples
    --------
    >>> stack_neighbors(np.arange(3, dtype=np.float32).reshape(3, 1, 1))[:, :, 0, 0].tolist()
    [[0.0, 0.0, 1.0], [0.0, 1.0, 2.0], [1.0, 2.0, 2.0]]
    """
    indices = np.arange(len(slices)) if chosen is None else chosen
    near = indices[:, None] + np.array([-1, 0, 1])
    stacks: NDArray[np.float32] = slices[np.clip(near, 0, len(slices) - 1)]
    return stacks
