"""A thousand waiting studies on one page scroll without jank and stay live."""

import pytest
import sqlalchemy as sa

from preread.db.tables import StudyRow
from preread.terms import HemorrhageType, Level
from tests.builders import send_study
from tests.support.seed import pre_read_of

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROWS = 1000
JANK_MS = 200
"""A frame that takes longer is seen; a whole refresh of the list may take two of them."""


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
                "t0_ms": row.t0_ms + 1000 * number,
            }
            for number in range(1, ROWS)
        ]
        work.session.execute(sa.insert(StudyRow), copies)
        work.commit()


def test_a_thousand_rows_scroll_without_jank(visit, many, served):
    del many
    page = visit()
    page.goto(f"{served[1]}/?limit={ROWS}")
    page.wait_for_selector('#live[data-state="live"]')
    assert page.locator(".row").count() == ROWS
    frames = page.evaluate(SCROLL)
    assert sorted(frames)[int(len(frames) * 0.95)] < JANK_MS / 2, frames
    assert max(frames) < JANK_MS, frames


SCROLL = """() => new Promise((resolve) => {
  const frames = [];
  let last = performance.now();
  const end = document.documentElement.scrollHeight;
  function frame(now) {
    frames.push(now - last);
    last = now;
    scrollBy(0, 700);
    if (scrollY + innerHeight < end - 1000 && frames.length < 300) requestAnimationFrame(frame);
    else resolve(frames.slice(1));
  }
  requestAnimationFrame(frame);
})"""
