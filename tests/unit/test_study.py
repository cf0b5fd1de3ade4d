import pytest

from preread.errors import IllegalStep
from preread.study import ReadState, ReadStep, allowed_read_steps, take_read_step


def test_a_final_report_ends_the_reading():
    assert take_read_step(ReadState.UNREAD, ReadStep.FINAL_REPORT) is ReadState.FINAL
    assert allowed_read_steps(ReadState.FINAL) == ()


@pytest.mark.parametrize(
    ("state", "step", "allowed"),
    [
        (ReadState.FINAL, ReadStep.FINAL_REPORT, ()),
        (ReadState.FINAL, ReadStep.PRELIMINARY_REPORT, ()),
        (ReadState.PRELIMINARY, ReadStep.PRELIMINARY_REPORT, ("final_report",)),
    ],
)
def test_an_illegal_step_names_the_legal_ones(state, step, allowed):
    with pytest.raises(IllegalStep) as caught:
        take_read_step(state, step)
    assert caught.value.allowed == allowed
