"""A thousand waiting studies on one page scroll without jank and stay live."""

import pytest
import sqlalchemy as sa

from preread.db.tables.study import StudyRow
from preread.terms import HemorrhageType, Level
from tests.builders import send_study
from tests.support.seed import pre_read_of

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("many")]

ROWS = 1000
FEW = 50
MOST_TIMES = 3.0
"""A frame of the long list may take so much longer than one of a short list, on any machine."""


@pytest.fixture
def many(served):
    """Copies of one study, each a second later."""
    resources, _ = served
    original = send_study(resources)
    pre_read_of(resources, Level.SUSPECTED, (HemorrhageType.SDH,))
    with resources.unit_of_work() as work:
        row = work.session.get(StudyRow, original)
        said = {column.key: getattr(row, column.key) for column in sa.inspect(StudyRow).columns}
        copies = [
            {
                **said,
                "id": f"00000000-0000-4000-8000-{number:012}",
                "study_instance_uid": f"{row.study_instance_uid}.{number}",
                "key_ms": row.key_ms + 1000 * number,
                "key_image_count": 0,
                "t0_ms": row.t0_ms + 1000 * number,
            }
            for number in range(1, ROWS - 1)
        ]
        work.session.execute(sa.insert(StudyRow), copies)
        work.commit()


def test_a_thousand_rows_scroll_nearly_as_easily_as_fifty(visit, served):
    resources, url = served
    page = visit()
    frame_ms = {}
    for rows in (FEW, ROWS):
        page.goto(f"{url}/?limit={rows}")
        page.wait_for_selector('#live[data-state="live"]')
        assert page.locator(".row").count() == min(rows, ROWS - 1)
        frame_ms[rows] = page.evaluate(SCROLL)
    assert frame_ms[ROWS] < MOST_TIMES * frame_ms[FEW], frame_ms

    at = page.evaluate(TOP_ROW)
    send_study(resources, 2)
    page.wait_for_selector(".row >> text=ACC2", state="attached", timeout=60_000)
    assert page.evaluate(TOP_ROW) == at


TOP_ROW = """() => [...document.querySelectorAll(".row")]
  .find((row) => row.getBoundingClientRect().bottom > 0).dataset.study"""

SCROLL = """() => new Promise((resolve) => {
  const began = performance.now();
  let frames = 0;
  function frame() {
    frames += 1;
    scrollBy(0, frames % 20 < 10 ? 300 : -280);
    if (frames < 60) requestAnimationFrame(frame);
    else resolve((performance.now() - began) / frames);
  }
  requestAnimationFrame(frame);
})"""
