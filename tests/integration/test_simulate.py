"""``./run simulate``: from parameters, from a site's own file, from a log and from the database."""

import json
import xml.etree.ElementTree as ET

import pytest

from preread.claims import claim_study
from preread.db.history import past_studies
from preread.errors import SettingsInvalid
from preread.feedback import Judgment
from preread.judging import give_feedback
from preread.notice import NOTICE
from preread.ranking import MINUTE_MS
from preread.reading import ReadStep
from preread.report import report_study
from preread.simulation.command import main
from preread.simulation.log import Logged, LoggedStudy, from_past, read_log, write_log
from preread.simulation.scenario import SHIPPED, Scenario, read_scenario
from preread.terms import HemorrhageType, Level, OrderClass
from preread.work import claim_next, finish_claim
from tests.builders import caller_for, instance_bytes, result, send, send_study
from tests.support.seed import pre_read_of

QUICK = ["--studies", "300", "--seeds", "2", "--processes", "1"]

LOG = """complete_min,order_class,level,result_min,read_min,hemorrhage
0,ROUTINE,none,3,10,no
0.5,ROUTINE,suspected,4.25,9,yes
1,STAT,not_assessed,,,
2,ER,,,,
"""


def test_the_report_is_a_table_data_and_a_picture(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    assert main([*QUICK, "--scenario", "steady", "--out", str(tmp_path)]) == 0
    text = (tmp_path / "report.md").read_text()
    assert capsys.readouterr().out.strip() == text.strip()
    assert NOTICE in text
    assert "against due time of the order, no AI" in text
    data = json.loads((tmp_path / "report.json").read_text())
    policies = data["scenarios"][0]["policies"]
    assert data["notice"] == NOTICE
    assert policies["proposed"]["past_the_bound"] == 0
    assert policies["fifo"]["waits"]["bleeds"]["mean"]["mean"] > 0
    picture = (tmp_path / "steady.svg").read_text()
    assert len(picture) < 200_000
    assert ET.fromstring(picture).tag.endswith("svg")  # noqa: S314 - drawn a moment ago


def test_the_same_command_gives_the_same_figures(tmp_path):
    reports = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        main([*QUICK, "--policy", "proposed", "--policy", "fifo", "--out", str(folder)])
        reports.append(json.loads((folder / "report.json").read_text())["scenarios"])
    assert reports[0] == reports[1]


def test_a_site_changes_one_number_of_a_shipped_scenario(tmp_path):
    file = tmp_path / "ours.toml"
    file.write_text(
        'base = "surge"\nreaders = 3\n[detector]\nsensitivity = 0.8\n'
        "[targets.order_target_min]\nSTAT = 20\n"
    )
    ours = read_scenario(file)
    assert (ours.name, ours.readers, ours.surge) == ("ours", 3, SHIPPED["surge"].surge)
    assert ours.detector.sensitivity == 0.8
    assert ours.detector.specificity == SHIPPED["surge"].detector.specificity
    assert ours.targets.order_target_min[OrderClass.STAT] == 20
    assert ours.targets.policy().version == "site"
    same = tmp_path / "same.json"
    same.write_text(json.dumps({"base": "surge", "name": "surge", "title": SHIPPED["surge"].title}))
    assert read_scenario(same) == SHIPPED["surge"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("readers = 0", "readers"),
        ("reader = 4", "reader"),
        ('base = "nowhere"', "base is one of"),
        ("readers =", "cannot be read"),
        ("[order_mix]\nSTAT = 0\nER = 0\nINPATIENT = 0\nROUTINE = 0", "order_mix sums to nothing"),
        ("[targets.promotions.none]\ntarget_min = 1\nhead_start_min = -1", "would demote"),
    ],
)
def test_parameters_that_break_their_rule_are_refused_with_the_rule(tmp_path, text, said, capsys):
    file = tmp_path / "ours.toml"
    file.write_text(text)
    assert main(["--what-if", str(file), "--out", str(tmp_path)]) == 1
    assert said in capsys.readouterr().err


def test_a_log_gives_its_own_arrivals_and_what_it_knows(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text(LOG)
    log = read_log(file)
    assert log[1] == LoggedStudy(
        30_000, OrderClass.ROUTINE, Level.SUSPECTED, 255_000, 9 * MINUTE_MS, bleeds=True
    )
    first, second = (Logged(Scenario(), log, "").trace(seed) for seed in (0, 1))
    assert first.complete_ms == second.complete_ms == (0, 30_000, 60_000, 120_000)
    assert first.read_ms[:2] == second.read_ms[:2] == (10 * MINUTE_MS, 9 * MINUTE_MS)
    assert first.read_ms[2:] != second.read_ms[2:]
    assert first.level == (Level.NONE, Level.SUSPECTED, None, None)
    assert first.bleeds[:2] == (False, True)
    again = tmp_path / "again.csv"
    write_log(again, log)
    assert read_log(again) == log
    assert main([*QUICK, "--log", str(file), "--out", str(tmp_path)]) == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("-1,ER,,,,", "negative"),
        ("0,URGENT,,,,", "URGENT"),
        ("5,ER,none,4,,", "not before"),
        ("5,ER,none,,,", "not before"),
        ("nan,ER,,,,", "line 2"),
        ("0,ER,,,,perhaps", "line 2"),
    ],
)
def test_a_line_of_a_log_that_breaks_its_rule_is_named(tmp_path, line, said):
    file = tmp_path / "log.csv"
    file.write_text(f"{LOG.splitlines()[0]}\n{line}\n")
    with pytest.raises(SettingsInvalid, match=said):
        read_log(file)


def test_the_service_s_own_studies_become_a_log_without_identifiers(
    resources, database, clock, tmp_path, monkeypatch
):
    send_study(resources, 1, site="north", order_class=OrderClass.ROUTINE)
    clock.forward(60)
    claim = claim_next(resources, "w")
    finish_claim(resources, claim, result(claim, Level.SUSPECTED), worker="w")
    send_study(resources, 2, site="south", order_class=OrderClass.ER)
    phantom = instance_bytes(3, SeriesDescription="SYNTHETIC phantom")
    send(resources, phantom, site="south", complete=True)
    with database.reading() as session:
        everything = from_past(past_studies(session))
        south = from_past(past_studies(session, site="south"))
    assert everything == (
        LoggedStudy(0, OrderClass.ROUTINE, Level.SUSPECTED, MINUTE_MS),
        LoggedStudy(MINUTE_MS, OrderClass.ER),
    )
    assert south == (LoggedStudy(0, OrderClass.ER),)
    url = resources.settings.database_url.get_secret_value()
    monkeypatch.setenv("PREREAD_DATABASE_URL", url)
    file = tmp_path / "log.csv"
    assert main(["--database", "--export", str(file)]) == 0
    assert read_log(file) == everything
    assert "1.2.826" not in file.read_text()


def test_the_log_knows_how_long_a_claimed_study_was_read_and_what_its_readers_saw(
    resources, database, clock
):
    judged = []
    for number in (1, 2, 3):
        judged.append(send_study(resources, number))
        clock.forward(1)
    for _ in judged:
        pre_read_of(resources, Level.SUSPECTED, [HemorrhageType.SDH], images=0)
    by, other = caller_for(resources), caller_for(resources)
    for study_id, seconds in zip(judged[:2], (540, 60), strict=True):
        lease = claim_study(resources, study_id, by=by)
        clock.forward(seconds)
        step = ReadStep.PRELIMINARY_REPORT
        report_study(resources, study_id, step, by=by, token=lease.token)
    clock.forward(3600)  # signing is not reading
    for study_id in judged[:2]:
        report_study(resources, study_id, ReadStep.FINAL_REPORT, by=by)
    report_study(resources, judged[2], ReadStep.FINAL_REPORT, by=by)  # read without a claim
    for study_id, reader, types in (
        (judged[0], by, [HemorrhageType.SDH]),
        (judged[0], by, []),  # changed their mind
        (judged[1], by, [HemorrhageType.SDH]),
        (judged[1], other, []),  # contradicts
        (judged[2], other, [HemorrhageType.SDH]),
    ):
        said = Judgment(revision=1, score=0, types=tuple(types), places=(), volume=None, cause=None)
        give_feedback(resources, study_id, said, reader=reader.key_id, sites=None)
    with database.reading() as session:
        log = from_past(past_studies(session))
    assert [study.read_ms for study in log] == [9 * MINUTE_MS, MINUTE_MS, None]
    assert [study.bleeds for study in log] == [False, None, True]


def test_an_empty_database_is_said_to_be_empty(database):
    with database.reading() as session, pytest.raises(SettingsInvalid, match="no completed study"):
        from_past(past_studies(session))
