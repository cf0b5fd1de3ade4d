"""What the shipped network says of each study of the demo stays what it was.

A golden file holds what a reader would act on: level, reasons, the types with 5 ml or more, their
sides, first places, volumes and thicknesses, and the midline. Numbers have a tolerance and smaller findings are
left out, because engines and number formats differ by that much. Changing a golden file is right
when the weights, the phantom or a measurement changed on purpose, after a look at the difference:

    rm tests/e2e/golden/demo_*.json; ./run test -m slow tests/e2e/test_demo_pre_reads.py

writes them anew (and fails once to say so).
"""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ml.bundle import DEFAULT_BUNDLE, load_bundle
from ml.place_words import place_name, side_of
from ml.places.reader import load_namer
from ml.predictor import TorchPredictor
from preread.db.engine import open_database
from preread.demo_studies import STUDIES, draw
from preread.resources import Resources
from preread.settings import Settings
from preread.store import Store
from preread.work import claim_next, finish_claim
from tests.builders import send
from worker.reading import ModelReader

GOLDEN = Path(__file__).parent / "golden"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LEAST_ML = 5.0
LEAST_DIRECTED_MM = 1.5
# Of two number formats: a seventh of a volume, a millimetre, a millilitre.
TOLERANCE = {"rel": 0.15, "abs": 1.0}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class SilentDoorbell:
    """Nobody waits: the test asks for its task itself."""

    def ring(self):
        return True

    def waiting(self):
        return 0


@pytest.fixture(scope="module")
def reader(tmp_path_factory, sqlite_template):
    """The worker's reader with the shipped network, on an empty database."""
    folder = tmp_path_factory.mktemp("demo-pre-reads")
    shutil.copy(sqlite_template, folder / "preread.sqlite")
    settings = Settings(
        database_url=f"sqlite:///{folder}/preread.sqlite",
        redis_url=f"unix://{folder}/no-redis.sock",
        store_dir=folder / "store",
    )
    database = open_database(settings.database_url.get_secret_value())
    resources = Resources(
        settings, database, Store(settings.store_dir), SilentDoorbell(), lambda: NOON
    )
    bundle = load_bundle(DEFAULT_BUNDLE)
    yield ModelReader(
        resources, TorchPredictor.load(bundle, device="cpu"), bundle, load_namer(bundle)
    )
    database.close()


def pre_read_of(reader, study, folder):
    """Draw a study of the demo, send it and return its pre-read."""
    draw(study, folder)
    contents = [path.read_bytes() for path in sorted(folder.iterdir())]
    send(reader.resources, *contents, complete=True, order_class=study.order_class)
    claim = claim_next(reader.resources, "test")
    result = reader.read(claim)
    finish_claim(reader.resources, claim, result, worker="test")
    return result.document


def facts_of(document):
    """Return what a reader would act on."""
    measured = document.measurements
    shift_mm = measured.midline_shift_mm
    moved = shift_mm is not None and shift_mm >= LEAST_DIRECTED_MM
    told = [one for one in document.findings if (one.volume_ml or 0.0) >= LEAST_ML]
    return {
        "level": document.assessment.level.value,
        "reasons": [reason.value for reason in document.eligibility.reasons],
        "findings": [
            {
                "type": one.type.value,
                "side": side_of(one.locations),
                "first_place": place_name(one.locations[0]),
                "volume_ml": one.volume_ml,
                "max_thickness_mm": one.max_thickness_mm,
                "max_thickness_mm_reason": one.max_thickness_mm_reason,
            }
            for one in sorted(told, key=lambda one: one.type)
        ],
        "midline_shift_mm": shift_mm,
        "midline_shift_toward": measured.midline_shift_toward if moved else None,
        "midline_shift_mm_reason": measured.midline_shift_mm_reason,
    }


def differences(golden, found, path=""):
    """Yield where two values differ by more than the tolerance."""
    if isinstance(golden, dict) and isinstance(found, dict) and golden.keys() == found.keys():
        for key in golden:
            yield from differences(golden[key], found[key], f"{path}.{key}")
    elif isinstance(golden, list) and isinstance(found, list) and len(golden) == len(found):
        for number, (one, other) in enumerate(zip(golden, found, strict=True)):
            yield from differences(one, other, f"{path}[{number}]")
    elif isinstance(golden, float) and isinstance(found, float):
        if found != pytest.approx(golden, **TOLERANCE):
            yield f"{path}: {found} instead of {golden}"
    elif golden != found:
        yield f"{path}: {found} instead of {golden}"


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.accession_number)
def test_a_study_of_the_demo_is_read_as_it_was(reader, study, tmp_path):
    found = json.loads(json.dumps(facts_of(pre_read_of(reader, study, tmp_path / "files"))))
    path = GOLDEN / f"demo_{study.accession_number}.json"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        pytest.fail(f"{path.name} was missing and is written now; look at it and run again")
    golden = json.loads(path.read_text(encoding="utf-8"))
    assert list(differences(golden, found)) == []
