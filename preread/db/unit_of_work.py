"""One transaction: everything or nothing, and nothing unless ``commit()`` was called."""

from types import TracebackType
from typing import Self

from sqlalchemy.orm import Session, sessionmaker

from preread.db.alerts import AlertRepository
from preread.db.breakers import BreakerRepository
from preread.db.events import EventRepository
from preread.db.feedback import FeedbackRepository
from preread.db.keys import KeyRepository
from preread.db.ledger import LedgerRepository
from preread.db.policies import PolicyRepository
from preread.db.sites import SiteRepository
from preread.db.studies import StudyRepository
from preread.db.tally import Tally
from preread.db.targets import TargetsRepository
from preread.db.tasks import TaskRepository
from preread.db.webhooks import WebhookRepository
from preread.db.worklist import WorklistRepository


class UnitOfWork:
    """The repositories of one transaction.

    Examples
    --------
    ::

        with resources.unit_of_work() as work:
            study = work.studies.get(study_id)
            work.commit()
    """

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self.session = sessions()
        self.studies = StudyRepository(self.session)
        self.worklist = WorklistRepository(self.session)
        self.tally = Tally(self.session)
        self.tasks = TaskRepository(self.session)
        self.alerts = AlertRepository(self.session)
        self.sites = SiteRepository(self.session)
        self.targets = TargetsRepository(self.session)
        self.policies = PolicyRepository(self.session)
        self.events = EventRepository(self.session)
        self.keys = KeyRepository(self.session)
        self.feedback = FeedbackRepository(self.session)
        self.breakers = BreakerRepository(self.session)
        self.ledger = LedgerRepository(self.session)
        self.webhooks = WebhookRepository(self.session)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.session.close()  # rolls back what was not committed

    def commit(self) -> None:
        """Write the events and make everything durable."""
        self.events.flush()
        self.session.commit()
