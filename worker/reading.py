"""From the stored files of one study to its pre-read: the steps, in order.

Nothing is decided here: the series is chosen by ``preread.dicom.acceptance``, the blood is
found by ``ml``, the words are written by :mod:`worker.document`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from ml.assessment import Assessment
from ml.bundle import Bundle
from ml.gates import why_refused
from ml.keyimages import outlines_of, render_slice
from ml.pipeline import read_bleeds
from ml.places.blood import ANALYTIC, PlaceNamer
from ml.prediction import Predictor
from preread import __version__
from preread.dicom.acceptance import choose_series
from preread.dicom.fitness import why_unfit
from preread.dicom.header import HeaderLimits, read_header
from preread.dicom.slice_record import encode_record
from preread.dicom.volume import Volume, read_volume, to_radiological
from preread.errors import UnreadableVolume
from preread.findings import Model, Timing
from preread.reasons import ReasonCode
from preread.receive import header_limits
from preread.resources import Resources
from preread.work import Claim, KeyImageFiles, Result
from worker.document import Known, Reading, write_document
from worker.slices import record_slices
from worker.statements import summaries


@dataclass(frozen=True, slots=True)
class CloseReading:
    """A result with what it was made from; without volume and assessment if not assessed.

    Attributes
    ----------
    volume
        In radiological orientation.
    assessment
        Its masks lie on the grid of ``volume``.
    """

    result: Result
    volume: Volume | None = None
    assessment: Assessment | None = None


@dataclass(frozen=True, slots=True)
class ModelReader:
    """Reads studies from the store with one warm model."""

    resources: Resources
    predictor: Predictor
    bundle: Bundle
    namer: PlaceNamer = ANALYTIC

    @property
    def device(self) -> str:
        """Where the networks run."""
        return self.predictor.device

    def read(self, claim: Claim) -> Result:
        """Return the pre-read of the claimed study, with its key images stored.

        A study that cannot be assessed gets a pre-read too, which says why.
        """
        return self.read_closely(claim).result

    def read_closely(self, claim: Claim) -> CloseReading:
        """Return the same together with the volume and the assessment behind it."""
        started_at = time.perf_counter()
        known = self._look_at(claim)
        if known.choice.selected is None:
            return self._not_assessed(known, known.choice.reasons, started_at)
        try:
            read = self._volume(known)
        except UnreadableVolume as error:
            return self._not_assessed(known, (error.reason,), started_at)
        unfit = why_unfit(read)
        if unfit is not None:
            return self._not_assessed(known, (unfit,), started_at, read)
        volume = to_radiological(read)
        loaded_at = time.perf_counter()
        assessment = read_bleeds(
            volume,
            self.predictor,
            self.bundle,
            patient_age_years=claim.study.patient_age_years,
            namer=self.namer,
        )
        refused = why_refused(assessment.warnings)
        if refused is not None:  # whatever the network says of it
            return self._not_assessed(known, (refused,), started_at, read)
        synthetic = any(header.synthetic for header in known.headers)
        images = self._key_images(volume, assessment, synthetic=synthetic)
        document = write_document(
            Reading(
                pre_read_id=str(uuid4()),
                created_at=self.resources.clock(),
                mode=self.resources.settings.mode,
                known=known,
                reasons=(),
                volume=volume,
                assessment=assessment,
                model=_provenance(self.bundle, self.predictor),
                timing=_timing(claim, started_at, loaded_at, assessment),
                slice_record_sha256=self._keep_slices(known, read, assessment),
            )
        )
        return CloseReading(Result(document, images, summaries(assessment)), volume, assessment)

    def _look_at(self, claim: Claim) -> Known:
        headers = []
        for instance in claim.instances:
            with self.resources.store.open(instance.sha256) as stream:
                headers.append(read_header(stream, self._limits))
        return Known(claim, tuple(headers), choose_series(headers))

    def _volume(self, known: Known) -> Volume:
        wanted = set(known.choice.sop_instance_uids)
        files = [
            self.resources.store.path(instance.sha256)
            for instance in known.claim.instances
            if instance.sop_instance_uid in wanted
        ]
        return read_volume(files, self._limits)

    @property
    def _limits(self) -> HeaderLimits:
        return header_limits(self.resources.settings)

    def _keep_slices(self, known: Known, read: Volume, assessment: Assessment | None) -> str:
        record = record_slices(read, assessment, known.claim.instances, known.headers)
        return self.resources.store.keep_bytes(encode_record(record))

    def _key_images(
        self, volume: Volume, assessment: Assessment, *, synthetic: bool
    ) -> tuple[KeyImageFiles, ...]:
        def keep(number: int, *, overlay: bool) -> str:
            outlines = outlines_of(assessment, number) if overlay else ()
            return self.resources.store.keep_bytes(
                render_slice(volume, number, outlines, synthetic=synthetic)
            )

        return tuple(
            KeyImageFiles(
                plain_sha256=keep(key.slice, overlay=False),
                overlay_sha256=keep(key.slice, overlay=True) if key.has_outline else None,
            )
            for key in assessment.key_slices
        )

    def _not_assessed(
        self,
        known: Known,
        reasons: Sequence[ReasonCode],
        started_at: float,
        read: Volume | None = None,
    ) -> CloseReading:
        document = write_document(
            Reading(
                pre_read_id=str(uuid4()),
                created_at=self.resources.clock(),
                mode=self.resources.settings.mode,
                known=known,
                reasons=tuple(reasons),
                volume=None,
                assessment=None,
                model=None,
                timing=_timing(known.claim, started_at, time.perf_counter(), None),
                slice_record_sha256=None if read is None else self._keep_slices(known, read, None),
            )
        )
        return CloseReading(Result(document, (), ()))


def _provenance(bundle: Bundle, predictor: Predictor) -> Model:
    manifest = bundle.manifest
    return Model(
        name=manifest.name,
        version=manifest.version,
        weights_sha256=manifest.identity,
        code_version=__version__,
        calibration_id=manifest.rules.calibration.id,
        device=predictor.device,
        precision=predictor.precision,
        # One thread in a fixed order gives the same bits again; CUDA kernels may not.
        deterministic=predictor.device == "cpu",
        demonstrator=manifest.demonstrator,
        trained_on=manifest.trained_on,
    )


def _timing(
    claim: Claim, started_at: float, loaded_at: float, assessment: Assessment | None
) -> Timing:
    """Return the milliseconds of each stage; times of ``perf_counter`` in seconds."""
    spent = None if assessment is None else assessment.timing
    return Timing(
        queue=round(1000 * (claim.started_at - claim.queued_at).total_seconds()),
        load=round(1000 * (loaded_at - started_at)),
        classify_and_segment=0 if spent is None else round(spent.prepare_ms + spent.predict_ms),
        measure=0 if spent is None else round(spent.measure_ms),
        total=round(1000 * (time.perf_counter() - started_at)),
    )
