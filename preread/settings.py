"""All settings of the service, read once from the environment by each process's entry point.

``PREREAD_<NAME>`` sets a field; ``PREREAD_<NAME>_FILE`` names a file that holds the value, as
secrets of container platforms do, and wins over the plain variable.
"""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from preread.breaker import EXPECTED_SHARE
from preread.findings import Mode
from preread.terms import OrderClass

PREFIX: Final = "PREREAD_"

Count = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0)]
Bytes = Annotated[int, Field(gt=0)]

MIB: Final = 1024 * 1024


class Engine(StrEnum):
    """What computes the networks; the ONNX ones read files that were exported before."""

    TORCH = "torch"
    ONNX = "onnx"
    ONNX_INT8 = "onnx-int8"


class _FileSource(PydanticBaseSettingsSource):
    """Values from the files that ``PREREAD_<NAME>_FILE`` names."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        del field
        path = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE")
        value = None if path is None else Path(path).read_text(encoding="utf-8").strip()
        return value, field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {
            name: self.get_field_value(field, name)[0]
            for name, field in self.settings_cls.model_fields.items()
        }
        return {name: value for name, value in values.items() if value is not None}


class Settings(BaseSettings):
    """Every setting, with its unit in its name."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    database_url: SecretStr = Field(
        default=SecretStr("sqlite:///var/preread.sqlite"),
        description="SQLAlchemy URL of the database: sqlite:///… or postgresql+psycopg://….",
    )
    redis_url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"),
        description="URL of Redis or Valkey (6.2 or later), the doorbell of the workers.",
    )
    store_dir: Path = Field(
        default=Path("var/store"),
        description="Folder of the received DICOM files and the key images.",
    )
    bind_host: str = Field(default="127.0.0.1", description="Address the API listens on.")
    bind_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=8080, description="Port the API listens on."
    )
    log_level: str = Field(default="INFO", description="Least severe level that is logged.")
    mode: Mode = Field(
        default=Mode.RESEARCH_PREREAD,
        description="research_preread shows places and outlines; triage_only hides them.",
    )
    viewer_url: Annotated[str, Field(pattern=r"^$|^[a-z][a-z0-9+.-]*:")] = Field(
        default="",
        description="Link of the page to a viewer; {study_instance_uid} and {accession_number} "
        "in it are replaced. Empty: no link.",
    )

    default_order_class: OrderClass = Field(
        default=OrderClass.ROUTINE,
        description="Order class of a study that names none, in the request or in the DICOM.",
    )
    max_upload_bytes: Bytes = Field(
        default=2048 * MIB, description="Largest request body, and largest inflated archive."
    )
    max_instance_bytes: Bytes = Field(  # 1024 slices of 16 bits in one Enhanced CT are 512 MiB
        default=1024 * MIB, description="Largest single DICOM file."
    )
    max_instances: Count = Field(default=5000, description="Most files in one upload.")
    max_archive_ratio: Count = Field(
        default=100, description="Largest inflated-to-packed ratio of an archive entry."
    )
    max_inflated_bytes: Bytes = Field(
        default=128 * MIB, description="Largest inflated data set of a deflated DICOM file."
    )
    max_header_elements: Count = Field(
        default=200_000, description="Most data elements read in one DICOM header."
    )
    max_header_depth: Count = Field(
        default=16, description="Deepest nesting of sequences in a DICOM header."
    )
    max_header_items: Count = Field(
        default=50_000, description="Most sequence items in one DICOM header."
    )
    idempotency_retention_hours: Count = Field(
        default=48, description="How long the answer to an Idempotency-Key is kept."
    )

    quiet_period_s: Seconds = Field(
        default=10.0, description="A study is complete when nothing arrived for this long."
    )
    completion_cap_s: Seconds = Field(
        default=120.0, description="A study that still grows is complete after this long."
    )

    breaker_expected_share: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=EXPECTED_SHARE,
        description="Share of a site's studies that the AI is expected to flag; far more trip its "
        "circuit breaker.",
    )

    queue_name: str = Field(default="preread", description="Name of the one RQ queue.")
    redis_timeout_s: Seconds = Field(
        default=0.5, description="How long a request waits for Redis before going on without."
    )
    reconcile_interval_s: Seconds = Field(
        default=1.0, description="Pause between two looks for work that nobody was told of."
    )
    lease_s: Seconds = Field(
        default=12.0, description="A running pre-read without a sign of life is given back then."
    )
    heartbeat_s: Seconds = Field(
        default=3.0, description="Pause between two signs of life of a running pre-read."
    )
    study_time_limit_s: Seconds = Field(
        default=120.0, description="Longest pre-read of one study before its worker is stopped."
    )
    max_attempts: Count = Field(
        default=3, description="How often a pre-read is tried before the study is failed."
    )
    retry_pause_s: Annotated[float, Field(ge=0)] = Field(
        default=1.0, description="Pause before the next attempt, times the attempts so far."
    )
    worker_count: Count = Field(
        default=1, description="Worker processes that one worker supervisor keeps running."
    )
    device: str = Field(
        default="auto", description="auto, cpu or cuda[:n]: where the networks run."
    )
    torch_threads: Count = Field(default=1, description="CPU threads of one worker process.")
    engine: Engine = Field(
        default=Engine.TORCH,
        description="torch, onnx or onnx-int8: what computes the networks; onnx on the CPU only.",
    )
    onnx_dir: Path = Field(
        default=Path("var/onnx"),
        description="Folder that python -m ml.onnx_export wrote; read with an onnx engine.",
    )
    bundle_dir: Path = Field(
        default=Path(__file__).parents[1] / "ml" / "weights" / "ctich-mbv2-06",
        description="Folder with the manifest and the weights of the model.",
    )

    claim_lease_s: Seconds = Field(
        default=600.0,
        description="A claimed study without a sign of life of its reader goes back then.",
    )
    assignment_s: Seconds = Field(
        default=900.0, description="A study assigned to a reader is everybody's again after this."
    )
    alert_nag_s: Seconds = Field(
        default=120.0, description="An alert that nobody acknowledged is repeated once after this."
    )
    alert_escalate_s: Seconds = Field(
        default=360.0, description="An unacknowledged alert goes to the coordinators after this."
    )

    public_url: Annotated[str, Field(pattern=r"^$|^https?://[^\s?#]+$")] = Field(
        default="",
        description="Address under which others reach the service; links in webhooks begin with "
        "it. Empty: they are paths.",
    )
    webhook_allow_http: bool = Field(
        default=False, description="Whether webhooks may go over plain HTTP."
    )
    webhook_allow_private: bool = Field(
        default=False,
        description="Whether webhooks may go to private and local addresses, as those of a RIS "
        "in the same network.",
    )
    webhook_timeout_s: Seconds = Field(
        default=5.0, description="How long one attempt to deliver a message may take in all."
    )
    webhook_attempts: Count = Field(
        default=18, description="How often a message is tried before it is given up."
    )
    webhook_retention_days: Count = Field(
        default=14, description="How long messages are kept that were delivered or given up."
    )

    oidc_issuer: Annotated[str, Field(pattern=r"^$|^https?://[^\s?#]+$")] = Field(
        default="",
        description="Identity provider of the page's sign-in, as its tokens name it. Empty: keys "
        "only. Needs the extra oidc.",
    )
    oidc_client_id: str = Field(default="", description="This service's ID at the provider.")
    oidc_client_secret: SecretStr = Field(
        default=SecretStr(""),
        description="This service's secret at the provider. Empty: a public client, with PKCE.",
    )
    oidc_scopes: str = Field(
        default="openid profile", description="Scopes that the provider is asked for."
    )
    oidc_role_claim: str = Field(
        default="roles", description="Claim of the ID token with a person's roles; a.b for nested."
    )
    oidc_roles: str = Field(
        default="",
        description="Which value gives which role: radiologists=reader, leads=coordinator. Others "
        "are refused.",
    )
    oidc_site_claim: str = Field(
        default="", description="Claim with a person's sites; * is all. Empty: all sites for all."
    )
    oidc_sites: str = Field(
        default="",
        description="Which value of that claim is which site: NH=north, HQ=*. Empty: as they are.",
    )
    oidc_license_claim: str = Field(
        default="", description="Claim with what a reader may read. Empty: no license for anyone."
    )

    session_hours: Count = Field(default=12, description="How long a sign-in on the page lasts.")
    events_poll_s: Seconds = Field(
        default=0.1, description="Pause between two looks for new events to send out."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read explicit values first, then named files, then the environment."""
        del dotenv_settings, file_secret_settings
        return init_settings, _FileSource(settings_cls), env_settings
