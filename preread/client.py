"""The packaged client: send studies, wait for pre-reads, follow the worklist.

Examples
--------
::

    with PreReadClient("http://127.0.0.1:8080", key) as client:
        outcome = client.send([Path("study")], order_class=OrderClass.ER)
        for study in outcome.studies:
            print(client.wait_for_pre_read(study.study_id).text.summary)
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

import httpx

from preread.answers import (
    ClaimedStudy,
    PreReadFailed,
    ProblemError,
    RemoteAlert,
    RemoteEvent,
    RemoteStudy,
    SendOutcome,
)
from preread.connection import Connection
from preread.findings import PreRead
from preread.terms import OrderClass
from preread.uploads import Progress, Upload, body_of, plan_uploads

__all__ = ["PreReadClient", "PreReadFailed", "ProblemError"]

_POLL_S: Final = 0.25
_IN_PROGRESS: Final = frozenset({"receiving", "queued", "running"})


class PreReadClient:
    """Talks to one service with one API key.

    Parameters
    ----------
    url, key
        Of the service, for the caller.
    transport, pause
        How requests go out, and how to wait; tests pass their own.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        transport: httpx.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._pause = pause
        self._http = Connection(url, key, transport=transport, pause=pause)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(
        self,
        paths: Iterable[Path],
        *,
        progress: Progress | None = None,
        complete: bool = True,
        site: str | None = None,
        order_class: OrderClass | None = None,
        accession_number: str | None = None,
    ) -> SendOutcome:
        """Send files, folders or ZIPs, one request per study.

        Parameters
        ----------
        paths
            What to send; folders are searched to the bottom.
        progress
            Called with bytes sent and bytes in all, for each request anew.
        complete
            Whether nothing will follow, so that the pre-reads can begin.
        site, order_class, accession_number
            What the service shall note; None leaves it to the key and the DICOM files.

        Raises
        ------
        ProblemError
            If the service refuses; studies sent before stay.
        httpx.TransportError
            If it cannot be reached, after some tries.
        """
        said = {
            "complete": "true" if complete else "false",
            "site": site,
            "order_class": None if order_class is None else order_class.value,
            "accession_number": accession_number,
        }
        query = {name: value for name, value in said.items() if value is not None}
        outcomes = [self.upload(one, query, progress) for one in plan_uploads(paths)]
        return SendOutcome(
            studies=tuple(study for outcome in outcomes for study in outcome.studies),
            files=tuple(file for outcome in outcomes for file in outcome.files),
        )

    def upload(
        self, upload: Upload, query: Mapping[str, str], progress: Progress | None = None
    ) -> SendOutcome:
        """Send one upload; a retry carries the same Idempotency-Key, so it counts once.

        It fails as :meth:`send` does.
        """
        body = body_of(upload, progress)
        headers = {
            "Content-Type": body.content_type,
            "Content-Length": str(body.byte_count),
            "Idempotency-Key": uuid4().hex,
        }
        answer = self._http.request(
            "POST", "/v1/studies", params=query, headers=headers, content=body
        )
        return SendOutcome.model_validate(answer.json())

    def complete(self, study_id: str) -> RemoteStudy:
        """Say that nothing will follow."""
        answer = self._http.request("POST", f"/v1/studies/{study_id}/complete")
        return RemoteStudy.model_validate(answer.json()["study"])

    def study(self, study_id: str) -> RemoteStudy:
        """Return a study and how far the software got with it."""
        answer = self._http.request("GET", f"/v1/studies/{study_id}")
        return RemoteStudy.model_validate(answer.json()["study"])

    def worklist(self, **filters: str) -> Iterator[RemoteStudy]:
        """Yield the waiting studies in reading order; filters as in the API's query."""
        cursor: str | None = None
        while True:
            params = filters if cursor is None else {**filters, "cursor": cursor}
            page = self._http.request("GET", "/v1/worklist", params=params).json()
            for row in page["studies"]:
                yield RemoteStudy.model_validate(row["study"])
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def pre_read(self, study_id: str) -> PreRead:
        """Return the newest pre-read of a study."""
        answer = self._http.request("GET", f"/v1/studies/{study_id}/pre-read")
        return PreRead.model_validate(answer.json())

    def wait_for_pre_read(self, study_id: str, timeout_s: float = 300.0) -> PreRead:
        """Wait until the software is done with a study and return the pre-read.

        Raises
        ------
        PreReadFailed
            If it gave up.
        TimeoutError
            If it took too long.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            study = self.study(study_id)
            if study.ai_state == "failed":
                raise PreReadFailed(study.ai_reason_text or "The pre-read failed.")
            if study.ai_state not in _IN_PROGRESS:
                return self.pre_read(study_id)
            self._pause(_POLL_S)
        message = f"There is no pre-read of study {study_id} after {timeout_s:.0f} s."
        raise TimeoutError(message)

    def key_image(self, study_id: str, number: int, *, overlay: bool = False) -> bytes:
        """Return a key image as PNG."""
        path = f"/v1/studies/{study_id}/key-images/{number}.png"
        return self._http.request("GET", path, params={"overlay": str(overlay).lower()}).content

    def claim_next(self, **filters: str) -> ClaimedStudy | None:
        """Take the study that is to be read next; None if none waits.

        Parameters
        ----------
        filters
            ``site`` and ``modality``.
        """
        said = {**filters, "token": _new_token()}
        answer = self._http.request("POST", "/v1/worklist/next", json=said)
        return None if not answer.content else ClaimedStudy.model_validate(answer.json())

    def claim(self, study_id: str) -> ClaimedStudy:
        """Take a study; it leaves the list while signs of life come."""
        return self._claiming(study_id, "claim", {"token": _new_token()})

    def take_over(self, study_id: str, reason: str) -> ClaimedStudy:
        """Take a study out of a colleague's hands."""
        return self._claiming(study_id, "take-over", {"token": _new_token(), "reason": reason})

    def keep(self, study_id: str, token: str) -> ClaimedStudy:
        """Give a sign of life for a claimed study."""
        return self._claiming(study_id, "heartbeat", {"token": token})

    def release(self, study_id: str, token: str) -> RemoteStudy:
        """Put a claimed study back in its place."""
        return self._step(study_id, "release", {"token": token})

    def hold(self, study_id: str, reason: str, token: str | None = None) -> RemoteStudy:
        """Put a study aside; its clock stops until it is resumed."""
        said = {"reason": reason} if token is None else {"reason": reason, "token": token}
        return self._step(study_id, "hold", said)

    def resume(self, study_id: str) -> RemoteStudy:
        """Put a study on hold back in its place."""
        return self._step(study_id, "resume", {})

    def pin(self, study_id: str, reason: str, minutes: int) -> RemoteStudy:
        """Put a waiting study in front, for up to an hour."""
        return self._step(study_id, "pin", {"reason": reason, "minutes": minutes})

    def assign(self, study_id: str, reader: str | None) -> RemoteStudy:
        """Leave a waiting study to the reader with a key of this ID; None to everybody."""
        return self._step(study_id, "assign", {"reader": reader})

    def cancel(self, study_id: str, reason: str) -> RemoteStudy:
        """Take a study without a final report off the list for good."""
        return self._step(study_id, "cancel", {"reason": reason})

    def reopen(self, study_id: str, reason: str) -> RemoteStudy:
        """Open a finally reported study again."""
        return self._step(study_id, "reopen", {"reason": reason})

    def request_second_read(self, study_id: str, reason: str) -> RemoteStudy:
        """Ask that a second reader looks at a finally reported study."""
        return self._step(study_id, "second-read", {"reason": reason})

    def alerts(self) -> tuple[RemoteAlert, ...]:
        """Return the alerts that nobody has ended yet, oldest first."""
        answer = self._http.request("GET", "/v1/alerts")
        return tuple(RemoteAlert.model_validate(one) for one in answer.json()["alerts"])

    def acknowledge(self, alert_id: int, name: str | None = None) -> RemoteAlert:
        """Say who has heard an alert; without a name it is the label of the key."""
        said = {} if name is None else {"name": name}
        answer = self._http.request("POST", f"/v1/alerts/{alert_id}/acknowledge", json=said)
        return RemoteAlert.model_validate(answer.json())

    def report(
        self, study_id: str, *, final: bool = True, token: str | None = None
    ) -> Mapping[str, Any]:
        """Say that a radiologist reported the study; return its turnaround time.

        ``token`` is of the claim, if the study has one.
        """
        said = {"status": "final" if final else "preliminary"}
        if token is not None:
            said["token"] = token
        turnaround: Mapping[str, Any] = self._post(study_id, "report", said)["turnaround"]
        return turnaround

    def events(self, after: int | None = None) -> Iterator[RemoteEvent]:
        """Yield events as they happen, for ever; a lost connection is taken up again.

        Parameters
        ----------
        after
            Number of the last event that is known; None begins now.
        """
        return self._http.follow("/v1/worklist/events", after)

    def _claiming(self, study_id: str, step: str, said: Mapping[str, Any]) -> ClaimedStudy:
        return ClaimedStudy.model_validate(self._post(study_id, step, said))

    def _step(self, study_id: str, step: str, said: Mapping[str, Any]) -> RemoteStudy:
        return RemoteStudy.model_validate(self._post(study_id, step, said)["study"])

    def _post(self, study_id: str, step: str, said: Mapping[str, Any]) -> Mapping[str, Any]:
        path = f"/v1/studies/{study_id}/{step}"
        answer: Mapping[str, Any] = self._http.request("POST", path, json=said).json()
        return answer


def _new_token() -> str:
    """Return a token for one claim, so that a retry of its request finds the same claim."""
    return uuid4().hex
