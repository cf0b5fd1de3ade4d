"""What a plot is made of: few shapes with a kind each, which the style sheet gives its color.

Nothing here names a color or a style: the content policy of the page allows none inside it, and
so the plots follow the light or dark theme. Lengths are units of the drawing, which is
:data:`WIDTH` wide and is scaled to its place; y grows downward.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from api.plots.scales import Linear, Logarithmic
from preread.proportions import Share

WIDTH: Final = 400
TEXT: Final = 11
"""Height of the letters."""

TABLE_BELOW: Final = "The table below has every figure."

_ROW: Final = 20
_TOP: Final = 22
_LETTER: Final = 6.3
"""Width of a letter of the widest usual font, on average."""

_RIGHT: Final = 22
_TICK_ROOM: Final = 18
_SIZE: Final = 4.5

Scale = Linear | Logarithmic


@dataclass(frozen=True, slots=True)
class Bar:
    """A filled rectangle; ``words`` are shown to a pointer that rests on it."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Stroke:
    """A straight line."""

    x1: float
    y1: float
    x2: float
    y2: float
    kind: str


@dataclass(frozen=True, slots=True)
class Sign:
    """One figure: its shape says which one, as the color alone must not."""

    x: float
    y: float
    kind: str
    words: str = ""

    @property
    def path(self) -> str:
        """The outline, as SVG has it."""
        return _OUTLINE[self.kind](self.x, self.y)


@dataclass(frozen=True, slots=True)
class Words:
    """A piece of text; ``anchor`` is start, middle or end."""

    x: float
    y: float
    text: str
    anchor: str = "start"
    kind: str = "words"


@dataclass(frozen=True, slots=True)
class Plot:
    """A whole plot.

    Attributes
    ----------
    name
        Unique on its page; the beginning of its elements' IDs.
    title, description
        What a person hears who does not see it.
    """

    name: str
    title: str
    description: str
    height: float
    bars: tuple[Bar, ...] = ()
    strokes: tuple[Stroke, ...] = ()
    signs: tuple[Sign, ...] = ()
    words: tuple[Words, ...] = ()

    @property
    def width(self) -> int:
        """Of the drawing."""
        return WIDTH


@dataclass(frozen=True, slots=True)
class Frame:
    """Rows under each other, with their names on the left and an axis below.

    Attributes
    ----------
    left, right, top, bottom
        The edges of where figures are drawn.
    """

    left: float
    right: float
    top: float
    bottom: float
    row_height: float

    def middle(self, row: int) -> float:
        """Return the height of a row's middle."""
        return self.top + (row + 0.5) * self.row_height

    @property
    def height(self) -> float:
        """Of the whole drawing."""
        return self.bottom + _TICK_ROOM


def frame_for(names: Sequence[str], *, legend: bool = False) -> Frame:
    """Return a frame with room for the names of its rows, and for a legend above them."""
    longest = max((len(name) for name in names), default=0)
    top = _TOP if legend else 6
    return Frame(
        left=min(WIDTH / 2, 10 + longest * _LETTER),
        right=WIDTH - _RIGHT,
        top=top,
        bottom=top + len(names) * _ROW,
        row_height=_ROW,
    )


def row_names(frame: Frame, names: Iterable[str]) -> tuple[Words, ...]:
    """Return the names of the rows; one that is too long is cut."""
    most = int((frame.left - 8) / _LETTER)
    return tuple(
        Words(
            frame.left - 8,
            frame.middle(row) + TEXT / 3,
            name if len(name) <= most else f"{name[: most - 1]}…",
            "end",
        )
        for row, name in enumerate(names)
    )


def axis_below(
    frame: Frame, scale: Scale, marks: Sequence[float], say: Callable[[float], str]
) -> tuple[tuple[Stroke, ...], tuple[Words, ...]]:
    """Return the lines and figures of an axis below a frame."""
    strokes, words = [], []
    for value in marks:
        x = scale.at(value)
        strokes.append(Stroke(x, frame.top, x, frame.bottom, "grid"))
        words.append(Words(x, frame.bottom + TEXT + 3, say(value), "middle", "tick"))
    return tuple(strokes), tuple(words)


def legend(
    entries: Sequence[tuple[str, str]], left: float
) -> tuple[tuple[Sign, ...], tuple[Words, ...]]:
    """Return what each kind of sign means, as one line at the top.

    Parameters
    ----------
    entries
        Kind and words.
    left
        Where it begins.
    """
    signs, words, x = [], [], left
    for kind, text in entries:
        signs.append(Sign(x + _SIZE, 9, kind))
        words.append(Words(x + 3 * _SIZE, 9 + TEXT / 3, text))
        x += 5 * _SIZE + len(text) * _LETTER
    return tuple(signs), tuple(words)


def share_rows(
    name: str, title: str, rows: Sequence[tuple[str, Share]], description: str
) -> Plot | None:
    """Return shares as dots on rows, each with its 95 % interval; None without any case.

    A share of nothing has its row and no dot.
    """
    if not any(share.of for _, share in rows):
        return None
    frame = frame_for([label for label, _ in rows])
    scale = Linear(0, 1, frame.left, frame.right)
    grid, tick_words = axis_below(frame, scale, (0, 0.25, 0.5, 0.75, 1), _percent)
    whiskers, dots = [], []
    for row, (label, one) in enumerate(rows):
        if one.share is None or one.low is None or one.high is None:
            continue
        y = frame.middle(row)
        whiskers.append(Stroke(scale.at(one.low), y, scale.at(one.high), y, "range"))
        words = f"{label}: {one.count} of {one.of}, {_percent(one.share)}"
        dots.append(Sign(scale.at(one.share), y, "dot", words))
    return Plot(
        name,
        title,
        description,
        frame.height,
        strokes=(*grid, *whiskers),
        signs=tuple(dots),
        words=(*row_names(frame, [label for label, _ in rows]), *tick_words),
    )


def _percent(share: float) -> str:
    return f"{share * 100:.0f}\N{NO-BREAK SPACE}%"


def _dot(x: float, y: float) -> str:
    r = _SIZE - 0.5
    return f"M{x - r:.1f} {y:.1f}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0z"


def _diamond(x: float, y: float) -> str:
    r = _SIZE
    return f"M{x:.1f} {y - r:.1f}l{r} {r}l{-r} {r}l{-r} {-r}z"


def _triangle(x: float, y: float) -> str:
    r = _SIZE
    return f"M{x:.1f} {y - r:.1f}l{r} {2 * r - 1}h{-2 * r}z"


_OUTLINE: Final[dict[str, Callable[[float, float], str]]] = {
    "dot": _dot,
    "diamond": _diamond,
    "triangle": _triangle,
    "late": _triangle,
}
