"""The DICOM files of a folder that holds other files too, such as a license."""

from pathlib import Path

from preread.dicom.header import read_header
from preread.errors import NotDicom


def dicom_files(folder: Path) -> list[Path]:
    """Return them in the order of their names."""
    found = []
    for path in sorted(folder.iterdir()):
        with path.open("rb") as stream:
            try:
                read_header(stream)
            except NotDicom:
                continue
        found.append(path)
    return found
