"""``./run simulate``: what an order of the worklist does to those who wait, for people and programs."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from preread.errors import PreReadError, SettingsInvalid
from preread.notice import NOTICE
from preread.printing import say
from preread.simulation.experiment import Drawn, Experiment, Source, run_experiment
from preread.simulation.goals import breaker_goals, goals_text, waiting_goals
from preread.simulation.log import Logged, LoggedStudy, from_past, read_log, write_log
from preread.simulation.policies import REFERENCE, WORDS, Name
from preread.simulation.report import report_data, report_text
from preread.simulation.scenario import (
    DEFAULT_SCENARIO,
    SHIPPED,
    Scenario,
    answering_after,
    read_scenario,
)
from preread.simulation.validation import CASES, compare, comparison_text

OUT: Final = Path("var") / "simulation"
STUDIES: Final = 40_000
SEEDS: Final = 6
TABLE_FILE, DATA_FILE = "report.md", "report.json"


def main(words: Sequence[str] | None = None) -> int:
    """Simulate readers, arrivals, order classes and an AI that errs, under several worklists."""
    given = list(sys.argv[1:] if words is None else words)
    arguments = _parser().parse_args(given)
    command = " ".join(["./run simulate", *given])
    try:
        if arguments.validate:
            return _validate(arguments)
        if arguments.export is not None:
            return _export(arguments)
        return _simulate(arguments, command)
    except PreReadError as error:
        _tell(f"simulate: {error}")
    except KeyboardInterrupt:
        _tell("simulate: stopped")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run simulate", description=main.__doc__)
    asked = parser.add_argument_group("what to simulate")
    asked.add_argument(
        "--scenario",
        action="append",
        choices=[*SHIPPED, "all"],
        help=f"a shipped reading group; may be repeated; {DEFAULT_SCENARIO}",
    )
    asked.add_argument(
        "--what-if", type=Path, metavar="FILE", help="a site's own parameters, TOML or JSON"
    )
    asked.add_argument("--log", type=Path, metavar="CSV", help="studies that a site really had")
    asked.add_argument(
        "--database", action="store_true", help="the studies of this service's own database"
    )
    asked.add_argument("--site", help="with --database: of this site only")
    asked.add_argument(
        "--policy",
        action="append",
        type=Name,
        choices=list(Name),
        help=f"may be repeated; all. {', '.join(f'{n.value}: {w}' for n, w in WORDS.items())}",
    )
    asked.add_argument(
        "--delay-min",
        type=float,
        help="minutes from completeness to the AI's result, instead of the scenario's",
    )
    size = parser.add_argument_group("how much")
    size.add_argument("--studies", type=_count, default=STUDIES, help=f"of one run; {STUDIES}")
    size.add_argument("--seeds", type=_count, default=SEEDS, help=f"runs of each policy; {SEEDS}")
    size.add_argument(
        "--processes", type=_count, default=os.cpu_count() or 1, help="runs at a time; all cores"
    )
    other = parser.add_argument_group("what else")
    other.add_argument("--out", type=Path, default=OUT, help=f"folder of the report; {OUT}")
    other.add_argument(
        "--check", action="store_true", help="hold the shipped policy to its goals; 1 if it fails"
    )
    other.add_argument(
        "--validate", action="store_true", help="compare the simulator with exact waits; 1 if off"
    )
    other.add_argument(
        "--export", type=Path, metavar="CSV", help="with --database: write its studies as a log"
    )
    return parser


def _simulate(arguments: argparse.Namespace, command: str) -> int:
    wanted: Sequence[Name] = arguments.policy or list(Name)
    names = [
        n for n in Name if n in wanted or (arguments.check and n in {REFERENCE, Name.PROPOSED})
    ]
    experiments = [_run(source, names, arguments) for source in _sources(arguments)]
    text = report_text(experiments, command)
    reached = True
    if arguments.check:
        goals = [*waiting_goals(experiments[0]), *breaker_goals()]
        reached = all(goal.reached for goal in goals)
        text += f"\n## Goals, on {experiments[0].scenario.name}\n\n{goals_text(goals)}\n"
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / TABLE_FILE).write_text(text, encoding="utf-8")
    data = json.dumps(report_data(experiments, command), indent=1, allow_nan=False)
    (arguments.out / DATA_FILE).write_text(f"{data}\n", encoding="utf-8")
    say(text)
    pictures = _draw(experiments, arguments.out)
    _tell(f"In {arguments.out}: {', '.join([TABLE_FILE, DATA_FILE, *pictures])}")
    return 0 if reached else 1


def _sources(arguments: argparse.Namespace) -> list[Source]:
    given: list[str] = arguments.scenario or []
    if "all" in given:
        given = list(SHIPPED)
    scenarios = [SHIPPED[name] for name in dict.fromkeys(given)]
    if arguments.what_if is not None:
        scenarios.append(read_scenario(arguments.what_if))
    scenarios = scenarios or [SHIPPED[DEFAULT_SCENARIO]]
    if arguments.delay_min is not None:
        scenarios = [answering_after(scenario, arguments.delay_min) for scenario in scenarios]
    if arguments.database:
        where = f"of the database{'' if arguments.site is None else f', site {arguments.site}'}"
        return _logged(scenarios, _past(arguments.site), where)
    if arguments.log is not None:
        return _logged(scenarios, read_log(arguments.log), f"of {arguments.log.name}")
    return [Drawn(scenario, arguments.studies) for scenario in scenarios]


def _logged(
    scenarios: Sequence[Scenario], log: tuple[LoggedStudy, ...], where: str
) -> list[Source]:
    origin = f"{where}; what a log does not know is drawn"
    return [Logged(scenario, log, origin) for scenario in scenarios]


def _past(site: str | None) -> tuple[LoggedStudy, ...]:
    # Only here is a database needed; a simulation from parameters opens none.
    from preread.db.engine import open_database  # noqa: PLC0415
    from preread.db.history import past_studies  # noqa: PLC0415
    from preread.settings import Settings  # noqa: PLC0415
    from preread.standalone import local_settings  # noqa: PLC0415

    url = local_settings(Settings()).database_url.get_secret_value()
    with closing(open_database(url)) as database, database.reading() as session:
        return from_past(past_studies(session, site=site))


def _run(source: Source, names: Sequence[Name], arguments: argparse.Namespace) -> Experiment:
    def tell(done: int, of: int) -> None:
        if sys.stderr.isatty():
            end = "\n" if done == of else ""
            sys.stderr.write(f"\r{source.scenario.name}: {done} of {of} seeds{end}")
            sys.stderr.flush()

    seeds = range(arguments.seeds)
    return run_experiment(source, names, seeds, processes=arguments.processes, tell=tell)


def _draw(experiments: Sequence[Experiment], folder: Path) -> list[str]:
    try:
        # Nothing but the picture needs matplotlib, which a running service does without.
        from preread.simulation.plots import draw_experiment  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        _tell("No picture: that needs matplotlib, pip install 'preread[evaluation]'.")
        return []
    names = []
    for experiment in experiments:
        names.append(f"{experiment.scenario.name}.svg")
        (folder / names[-1]).write_text(draw_experiment(experiment), encoding="utf-8")
    return names


def _validate(arguments: argparse.Namespace) -> int:
    comparisons = [
        comparison
        for queue, discipline in CASES
        for comparison in compare(
            queue, discipline, studies=arguments.studies, seeds=range(arguments.seeds)
        )
    ]
    say(comparison_text(comparisons))
    return 0 if all(comparison.agrees for comparison in comparisons) else 1


def _export(arguments: argparse.Namespace) -> int:
    if not arguments.database:
        message = "--export writes the studies of --database"
        raise SettingsInvalid(message)
    log = _past(arguments.site)
    write_log(arguments.export, log)
    _tell(f"{len(log)} studies in {arguments.export}. {NOTICE}")
    return 0


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        message = "at least 1"
        raise argparse.ArgumentTypeError(message)
    return value


def _tell(text: str) -> None:
    """Tell the person; standard output is for the report alone."""
    sys.stderr.write(f"{text}\n")
