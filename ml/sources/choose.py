"""One door to every labeled source: by name, or by how the folder is laid out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ml.labeled import LabeledStudy
from ml.sources import cq500, ctich, folder, nifti, rsna
from ml.sources.skipping import OnSkip, log_skip
from preread.errors import InvalidSource

AUTO: Final = "auto"


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of labeled source.

    Attributes
    ----------
    read
        Reads a folder of it.
    recognizes
        Whether a folder is laid out as it.
    layout
        What that means, for a person.
    """

    read: Callable[[Path, OnSkip], Iterator[LabeledStudy]]
    recognizes: Callable[[Path], bool]
    layout: str


def _holds(name: str) -> Callable[[Path], bool]:
    return lambda path: (path / name).is_file()


SOURCES: Final = {
    "ct-ich": Source(ctich.read_ctich, _holds(ctich.LABEL_FILE), ctich.LABEL_FILE),
    "rsna": Source(rsna.read_rsna, _holds(rsna.LABEL_FILE), rsna.LABEL_FILE),
    "cq500": Source(cq500.read_cq500, _holds(cq500.LABEL_FILE), cq500.LABEL_FILE),
    "nifti": Source(
        nifti.read_nifti,
        lambda path: nifti.find_pair(path) is not None,
        " or ".join(f"{images}/ and {masks}/" for images, masks in nifti.PAIRS),
    ),
    "folder": Source(folder.read_folder, _holds(folder.LABEL_FILE), folder.LABEL_FILE),
}
"""By the name that the command line takes."""


def read_labeled(
    path: Path, source: str = AUTO, on_skip: OnSkip = log_skip
) -> Iterator[LabeledStudy]:
    """Read a folder of labeled studies.

    Parameters
    ----------
    path
        The folder.
    source
        A name of ``SOURCES``, or ``auto``: recognized by the layout.
    on_skip
        Is told of every study that is left out; by default a warning is logged.

    Yields
    ------
    LabeledStudy
        One at a time, as read.

    Raises
    ------
    InvalidSource
        At once, if the folder is not there, is laid out as no source or as several, or the
        source's name is unknown; while reading, if its labels are unusable.
    """
    if not path.is_dir():
        message = f"{path} is no folder"
        raise InvalidSource(message)
    name = recognize(path) if source == AUTO else source
    if name not in SOURCES:
        message = f"«{name}» is no source; there are {', '.join(SOURCES)}"
        raise InvalidSource(message)
    return SOURCES[name].read(path, on_skip)


def recognize(path: Path) -> str:
    """Return the name of the one source that a folder is laid out as.

    Raises
    ------
    InvalidSource
        If it is laid out as none, or as several.
    """
    found = [name for name, source in SOURCES.items() if source.recognizes(path)]
    if len(found) == 1:
        return found[0]
    if found:
        message = f"{path} looks like {' and like '.join(found)}: say which"
        raise InvalidSource(message)
    layouts = "; ".join(f"{name}: {source.layout}" for name, source in SOURCES.items())
    message = f"{path} is laid out as no source that is known ({layouts})"
    raise InvalidSource(message)
