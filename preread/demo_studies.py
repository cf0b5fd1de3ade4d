"""The synthetic studies of the demo, and ``python -m preread.demo_studies`` that draws them."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from preread.dicom.phantom import Bleed, make_head
from preread.dicom.phantom_files import SyntheticStudy, write_body_series, write_series
from preread.terms import HemorrhageType, Laterality, OrderClass


@dataclass(frozen=True, slots=True)
class DemoStudy:
    """One synthetic study; ``is_head`` False makes it an abdomen."""

    accession_number: str
    site: str
    order_class: OrderClass
    seed: int
    bleeds: tuple[Bleed, ...] = ()
    is_head: bool = True


STUDIES: Final = (
    DemoStudy("DEMO-01", "north", OrderClass.ROUTINE, seed=11),
    DemoStudy("DEMO-02", "south", OrderClass.ROUTINE, seed=12),
    DemoStudy("DEMO-03", "south", OrderClass.INPATIENT, seed=13, is_head=False),
    DemoStudy("DEMO-04", "north", OrderClass.INPATIENT, seed=14),
    DemoStudy(
        "DEMO-05",
        "north",
        OrderClass.ROUTINE,
        seed=15,
        bleeds=(Bleed(HemorrhageType.SDH, Laterality.RIGHT, 60.0),),
    ),
    DemoStudy(
        "DEMO-06",
        "south",
        OrderClass.INPATIENT,
        seed=16,
        bleeds=(
            Bleed(HemorrhageType.IPH, Laterality.LEFT, 40.0),
            Bleed(HemorrhageType.IVH, Laterality.LEFT, 10.0),
        ),
    ),
    DemoStudy(
        "DEMO-07",
        "north",
        OrderClass.ER,
        seed=17,
        bleeds=(Bleed(HemorrhageType.EDH, Laterality.LEFT, 45.0),),
    ),
    DemoStudy(
        "DEMO-08",
        "south",
        OrderClass.ROUTINE,
        seed=18,
        bleeds=(Bleed(HemorrhageType.SAH, Laterality.BILATERAL, 25.0),),
    ),
    DemoStudy(
        "DEMO-09",
        "south",
        OrderClass.STAT,
        seed=19,
        bleeds=(Bleed(HemorrhageType.IVH, Laterality.BILATERAL, 20.0),),
    ),
)
"""Every type of hemorrhage, one study with two, negatives, no head; the urgent ones last."""


def draw(study: DemoStudy, folder: Path) -> None:
    """Write the DICOM files of a demo study; the folder appears when they are whole."""
    filed = SyntheticStudy(accession_number=study.accession_number)
    unfinished = folder.with_name(f".{folder.name}")
    if study.is_head:
        write_series(make_head(study.seed, study.bleeds), unfinished, filed)
    else:
        write_body_series(study.seed, unfinished, filed)
    unfinished.rename(folder)


def main(arguments: Sequence[str]) -> None:
    """Draw every n-th study into a folder: FOLDER PART/N."""
    folder, share = arguments
    part, parts = map(int, share.split("/"))
    for study in STUDIES[part::parts]:
        target = Path(folder) / study.accession_number
        if not target.exists():
            draw(study, target)


if __name__ == "__main__":
    main(sys.argv[1:])
