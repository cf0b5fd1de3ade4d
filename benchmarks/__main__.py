"""The command line: ``python -m benchmarks all|ingest|queue|…``."""

import argparse
import importlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import Report
from benchmarks.machine import describe_machine, load_average
from benchmarks.plan import Plan
from benchmarks.table import table
from preread.logs import configure_logs
from preread.settings import Settings

COMMANDS: Final = ("ingest", "queue", "study", "engines", "worklist", "policy", "ranking")
LONG: Final = ("million", "listeners", "answer")
"""Minutes each; not part of ``all``."""

_ONE_THREAD: Final = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_ROUNDS: Final = 7


def main(words: Sequence[str]) -> int:
    """Run what was asked for, print tables and write JSON."""
    asked = _parser().parse_args(words)
    # Read once, when the libraries are loaded; a worker child runs the same way.
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    configure_logs("WARNING", sys.stderr)
    with tempfile.TemporaryDirectory(prefix="preread-bench-") as folder:
        machine = describe_machine(Path(folder))
        print(_machine_line(machine))
        found = []
        for name in COMMANDS if asked.command == "all" else (asked.command,):
            place = Path(folder) / name
            place.mkdir()
            before = load_average()
            report = _benchmark(name)(Plan(asked.rounds, asked.quick, place, asked.bundle))
            print(table(report))
            print(f"load average before {before[0]:.2f}, after {load_average()[0]:.2f}\n")
            loads = {"load_before": before, "load_after": load_average()}
            found.append({**report.as_json(), **loads})
    if asked.json is not None:
        content = {"machine": machine, "quick": asked.quick, "benchmarks": found}
        asked.json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("command", choices=("all", *COMMANDS, *LONG))
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="measurements per variant")
    parser.add_argument("--json", type=Path, help="file for every sample")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: only see that it runs")
    bundle = Settings().bundle_dir
    parser.add_argument("--bundle", type=Path, default=bundle, help="folder of the model")
    return parser


def _benchmark(name: str) -> Callable[[Plan], Report]:
    """Return a benchmark; imported late, since only one of them needs torch."""
    measure: Callable[[Plan], Report] = importlib.import_module(f"benchmarks.{name}").measure
    return measure


def _machine_line(machine: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"{machine['cores']} cores of {machine['cpu']} "
        f"(family/model {machine['cpu_family_model']}; {' '.join(machine['cpu_flags'])}), "
        f"{machine['memory_gib']} GiB, {machine['system']}, {machine['file_system']}, "
        f"Python {machine['python']}, SQLite {machine['sqlite']}\n{versions}\n"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
