"""The outcomes of an evaluation on disk, one line of JSON each, so that a second start goes on."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from ml.evaluation.results import Identity, Outcome

_OUTCOME: Final[TypeAdapter[Outcome]] = TypeAdapter(Outcome)


@dataclass(frozen=True)
class Journal:
    """The file of outcomes.

    Attributes
    ----------
    path
        Lines end with a newline; a last line without one was cut by a kill and does not count.
    """

    path: Path

    def read(self) -> dict[Identity, Outcome]:
        """Return what was written whole, by identity; lines of an older format are left out."""
        if not self.path.exists():
            return {}
        whole, _, _ = self.path.read_text(encoding="utf-8").rpartition("\n")
        outcomes: dict[Identity, Outcome] = {}
        for line in whole.splitlines():
            try:
                outcome = _OUTCOME.validate_json(line)
            except ValidationError:
                continue
            outcomes[outcome.identity] = outcome
        return outcomes

    def restart(self, outcomes: Iterable[Outcome]) -> None:
        """Write the file anew with these, without what was cut."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        fresh.write_text("".join(_line(one) for one in outcomes), encoding="utf-8")
        fresh.replace(self.path)

    def add(self, outcome: Outcome) -> None:
        """Append one."""
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(_line(outcome))


def _line(outcome: Outcome) -> str:
    return f"{outcome.model_dump_json()}\n"
