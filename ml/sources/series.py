"""Studies of DICOM files: their headers, and the series of each that the service would read."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ml.sources.skipping import OnSkip, Skipped, words_of
from preread.dicom.acceptance import choose_series
from preread.dicom.fitness import why_unfit
from preread.dicom.header import InstanceHeader, read_header
from preread.dicom.values import Values
from preread.dicom.volume import DEFAULT_LIMITS, Volume, build_volume
from preread.errors import NotDicom, UnreadableDicom, UnreadableStudy

ReadUid = Callable[[Values, str], str]


def index_studies(
    paths: Iterable[Path], on_skip: OnSkip, uid: ReadUid = Values.uid
) -> dict[str, list[Path]]:
    """Sort files by Study Instance UID; only the paths are kept.

    Parameters
    ----------
    paths
        DICOM files; what is none is passed over.
    on_skip
        Is told of files that are DICOM but broken.
    uid
        How the source's UIDs are read.
    """
    studies: defaultdict[str, list[Path]] = defaultdict(list)
    for path in sorted(paths):
        try:
            with path.open("rb") as stream:
                studies[read_header(stream, DEFAULT_LIMITS, uid).study_instance_uid].append(path)
        except NotDicom:
            continue
        except UnreadableDicom as error:
            on_skip(Skipped(path.name, str(error)))
    return dict(studies)


def read_headers(paths: Iterable[Path], uid: ReadUid = Values.uid) -> dict[InstanceHeader, Path]:
    """Read the headers of one study.

    Raises
    ------
    UnreadableDicom
        If a file is broken: a study of which something is missing is not used.
    """
    headers: dict[InstanceHeader, Path] = {}
    for path in sorted(paths):
        with path.open("rb") as stream:
            headers.setdefault(read_header(stream, DEFAULT_LIMITS, uid), path)
    return headers


def read_chosen(headers: Mapping[InstanceHeader, Path]) -> Volume:
    """Read the series of a study that the service would read.

    Parameters
    ----------
    headers
        Of all instances of the study, with their files.

    Returns
    -------
    Volume
        Rows and columns as in the files.

    Raises
    ------
    UnreadableStudy
        If the service would not assess the study; says why.
    UnreadableVolume
        If the pixels cannot be read.
    """
    choice = choose_series(tuple(headers))
    if choice.selected is None:
        raise UnreadableStudy("; ".join(words_of(reason) for reason in choice.reasons))
    wanted = set(choice.sop_instance_uids)
    volume = build_volume({h: path for h, path in headers.items() if h.sop_instance_uid in wanted})
    refuse_unfit(volume)
    return volume


def refuse_unfit(volume: Volume) -> None:
    """Raise ``UnreadableStudy`` if the service would not assess the volume."""
    unfit = why_unfit(volume)
    if unfit is not None:
        raise UnreadableStudy(words_of(unfit))
