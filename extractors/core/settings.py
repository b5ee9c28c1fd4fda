"""The one place where settings are read: the environment, then a `.env` file in the working directory.

It lies here because every other part may import the extractors' core and the core imports nobody.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from extractors.core import custom_fields
from extractors.core.custom_fields import CustomField
from extractors.core.errors import ConfigurationError


class Settings(BaseSettings):
    """Everything that can be set. Names in the environment are the aliases (`WATERTIGHT_*`, or the CRM's own token name).

    A setting that is there and empty counts as not set: an empty path would be the working directory.
    """

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", populate_by_name=True, frozen=True
    )

    home_dir: Path = Field(Path("data"), alias="WATERTIGHT_HOME")
    timezone: str = Field("UTC", alias="WATERTIGHT_TIMEZONE")
    currency: str = Field("EUR", alias="WATERTIGHT_CURRENCY", pattern="^[A-Z]{3}$")
    constant_rate_date: date | None = Field(None, alias="WATERTIGHT_CONSTANT_RATE_DATE")
    funnel_preset: str = Field("eight_steps", alias="WATERTIGHT_FUNNEL_PRESET", pattern="^[a-z0-9_]+$")
    #: sources to load; empty = every source that is set up
    sources: Annotated[tuple[str, ...], NoDecode] = Field((), alias="WATERTIGHT_SOURCES")

    #: resources (`hubspot.deals`) whose next landing is loaded however unlikely it looks; what was let pass is written down
    accept: Annotated[tuple[str, ...], NoDecode] = Field((), alias="WATERTIGHT_ACCEPT")

    #: minutes a window reaches back behind the cursor, for rows that a CRM shows late
    lookback_minutes: int = Field(60, alias="WATERTIGHT_LOOKBACK_MINUTES", ge=1, le=43_200)
    #: minutes before the source's now at which a window ends, for rows still being written
    settle_minutes: int = Field(5, alias="WATERTIGHT_SETTLE_MINUTES", ge=1, le=1_440)
    #: days between two full comparisons of ids with a CRM
    sweep_days: int = Field(7, alias="WATERTIGHT_SWEEP_DAYS", ge=1, le=365)
    keep_publications: int = Field(7, alias="WATERTIGHT_KEEP_PUBLICATIONS", ge=1, le=10_000)
    #: seconds that one resource's extraction may take, retries included
    extract_budget_seconds: int = Field(3 * 3600, alias="WATERTIGHT_EXTRACT_BUDGET_SECONDS", ge=1, le=86_400)

    #: requests of one extraction that may be under way at once, where the source lets several be asked for independently
    requests_in_flight: int = Field(4, alias="WATERTIGHT_REQUESTS_IN_FLIGHT", ge=1, le=16)

    #: megabytes that DuckDB may hold while it builds core and marts; what is more goes to files beside the one it writes
    memory_mb: int = Field(2000, alias="WATERTIGHT_MEMORY_MB", ge=300, le=1_000_000)
    #: the same while it loads landings and builds staging, which pass rows through and keep none
    ingest_memory_mb: int = Field(200, alias="WATERTIGHT_INGEST_MEMORY_MB", ge=150, le=1_000_000)
    #: threads of a query of the build: one costs least, several may end sooner where a machine has cores to spare
    threads: int = Field(1, alias="WATERTIGHT_THREADS", ge=1, le=256)

    #: fields of the company's own that become columns of staging: source.table.field[:type][ as column], …
    custom_fields: Annotated[tuple[CustomField, ...], NoDecode] = Field((), alias="WATERTIGHT_CUSTOM_FIELDS")

    #: postgresql://user:password@host/database, for `watertight publish --to postgres`; the role that may read there
    postgres_url: SecretStr | None = Field(None, alias="WATERTIGHT_POSTGRES_URL")
    postgres_schema: str = Field("watertight", alias="WATERTIGHT_POSTGRES_SCHEMA", pattern="^[a-z_][a-z0-9_]{0,62}$")
    postgres_reader: str | None = Field(None, alias="WATERTIGHT_POSTGRES_READER")

    #: who is told when a night fails or the data are late; the addresses are secrets, whoever has them can write there
    alert_slack_url: SecretStr | None = Field(None, alias="WATERTIGHT_ALERT_SLACK_URL")
    alert_webhook_url: SecretStr | None = Field(None, alias="WATERTIGHT_ALERT_WEBHOOK_URL")
    alert_email_to: Annotated[tuple[str, ...], NoDecode] = Field((), alias="WATERTIGHT_ALERT_EMAIL_TO")
    alert_email_from: str | None = Field(None, alias="WATERTIGHT_ALERT_EMAIL_FROM")
    #: smtp://user:password@host:587 (with STARTTLS where the server offers it) or smtps://user:password@host
    smtp_url: SecretStr | None = Field(None, alias="WATERTIGHT_SMTP_URL")
    #: hours after which a source's data are late
    late_hours: int = Field(36, alias="WATERTIGHT_LATE_HOURS", ge=1, le=8_760)

    #: key of the hashes by which erased persons are recognised; not set: one that the first erasure makes, erasure.key
    erasure_key: SecretStr | None = Field(None, alias="WATERTIGHT_ERASURE_KEY", min_length=16)
    #: days after which publications but the newest are removed, however few there are; not set: their number alone counts
    keep_publication_days: int | None = Field(None, alias="WATERTIGHT_KEEP_PUBLICATION_DAYS", ge=1, le=36_500)
    #: days after which logs are removed; not set: they stay
    keep_log_days: int | None = Field(None, alias="WATERTIGHT_KEEP_LOG_DAYS", ge=1, le=36_500)
    #: days after which landings are folded into one and removed; not set: they stay
    keep_landing_days: int | None = Field(None, alias="WATERTIGHT_KEEP_LANDING_DAYS", ge=1, le=36_500)

    files_dir: Path | None = Field(None, alias="WATERTIGHT_FILES_DIR")

    hubspot_token: SecretStr | None = Field(None, alias="HUBSPOT_ACCESS_TOKEN")
    #: an OAuth app instead of a token
    hubspot_client_id: str | None = Field(None, alias="HUBSPOT_CLIENT_ID")
    hubspot_client_secret: SecretStr | None = Field(None, alias="HUBSPOT_CLIENT_SECRET")
    hubspot_refresh_token: SecretStr | None = Field(None, alias="HUBSPOT_REFRESH_TOKEN")
    hubspot_url: str = Field("https://api.hubapi.com", alias="WATERTIGHT_HUBSPOT_URL")
    hubspot_version: str = Field("2026-09", alias="WATERTIGHT_HUBSPOT_VERSION", pattern=r"^\d{4}-\d{2}$")

    pipedrive_token: SecretStr | None = Field(None, alias="PIPEDRIVE_API_TOKEN")
    pipedrive_url: str = Field("https://api.pipedrive.com", alias="WATERTIGHT_PIPEDRIVE_URL")
    #: an app's refresh token, client id and secret instead of the token
    pipedrive_refresh_token: SecretStr | None = Field(None, alias="PIPEDRIVE_REFRESH_TOKEN")
    pipedrive_client_id: str | None = Field(None, alias="PIPEDRIVE_CLIENT_ID")
    pipedrive_client_secret: SecretStr | None = Field(None, alias="PIPEDRIVE_CLIENT_SECRET")
    pipedrive_oauth_url: str = Field("https://oauth.pipedrive.com", alias="WATERTIGHT_PIPEDRIVE_OAUTH_URL")
    #: per cent of the company's daily tokens that reading histories leaves to others
    pipedrive_reserve_percent: int = Field(25, alias="WATERTIGHT_PIPEDRIVE_RESERVE_PERCENT", ge=0, le=99)

    #: the org's My Domain address, https://<name>.my.salesforce.com
    salesforce_url: str | None = Field(None, alias="SALESFORCE_URL")
    #: the External Client App's consumer key, and what proves it: a secret, a key to sign with, or a refresh token
    salesforce_client_id: str | None = Field(None, alias="SALESFORCE_CLIENT_ID")
    salesforce_client_secret: SecretStr | None = Field(None, alias="SALESFORCE_CLIENT_SECRET")
    salesforce_refresh_token: SecretStr | None = Field(None, alias="SALESFORCE_REFRESH_TOKEN")
    salesforce_username: str | None = Field(None, alias="SALESFORCE_USERNAME")
    salesforce_private_key_file: Path | None = Field(None, alias="SALESFORCE_PRIVATE_KEY_FILE")
    salesforce_audience: str = Field("https://login.salesforce.com", alias="SALESFORCE_AUDIENCE")
    salesforce_version: str = Field("67.0", alias="SALESFORCE_VERSION", pattern=r"^\d{2,3}\.0$")
    salesforce_lookback_minutes: int = Field(10, alias="SALESFORCE_LOOKBACK_MINUTES", ge=1, le=43_200)
    #: rows from which on a query becomes a Bulk 2.0 job
    salesforce_bulk_rows: int = Field(10_000, alias="SALESFORCE_BULK_ROWS", ge=1)
    #: share of the org's daily calls, all clients together, at which extraction stops
    salesforce_calls_share: float = Field(0.8, alias="SALESFORCE_CALLS_SHARE", gt=0, le=1)
    #: fields that an administrator removed on purpose, as Object.Field
    salesforce_removed_fields: Annotated[tuple[str, ...], NoDecode] = Field((), alias="SALESFORCE_REMOVED_FIELDS")

    tryton_url: str | None = Field(None, alias="TRYTON_URL")
    tryton_database: str = Field("crm", alias="TRYTON_DATABASE")
    tryton_user: str = Field("admin", alias="TRYTON_USER")
    tryton_password: SecretStr | None = Field(None, alias="TRYTON_PASSWORD")

    #: set by the demonstration and the tests: this source keeps simulated time, and waiting for it costs nothing
    simulated_time: bool = Field(False, alias="WATERTIGHT_SIMULATED_TIME")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is no time zone; use a name such as Europe/Berlin")
        return value

    @field_validator("sources", "accept", "alert_email_to", "salesforce_removed_fields", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("custom_fields", mode="before")
    @classmethod
    def _parse_custom_fields(cls, value: Any) -> Any:
        return custom_fields.parse(value) if isinstance(value, str) else value

    def custom_names(self, source: str, table: str) -> tuple[str, ...]:
        """The names of the fields that are listed for a table of a source."""
        return custom_fields.names_of(self.custom_fields, source, table)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def is_demonstration(self) -> bool:
        """True when no real source is set up."""
        return not any(
            (
                self.hubspot_token,
                self.hubspot_refresh_token,
                self.pipedrive_token,
                self.pipedrive_refresh_token,
                self.salesforce_url,
                self.tryton_url,
                self.files_dir,
            )
        )

    @property
    def home(self) -> Path:
        """The folder of this warehouse; the demonstration has one of its own, so that it never meets real data."""
        home = self.home_dir.expanduser().resolve()
        return home / "demo" if self.is_demonstration or self.simulated_time else home

    @property
    def landing_dir(self) -> Path:
        return self.home / "landing"

    @property
    def unfinished_dir(self) -> Path:
        """Answers of extractions that were cut off, for the next try."""
        return self.home / "unfinished"

    @property
    def warehouse_file(self) -> Path:
        return self.home / "warehouse.duckdb"

    @property
    def build_dir(self) -> Path:
        return self.home / "build"

    @property
    def marts_file(self) -> Path:
        return self.build_dir / "marts.duckdb"

    @property
    def detail_file(self) -> Path:
        return self.build_dir / "detail.duckdb"

    @property
    def published_dir(self) -> Path:
        return self.home / "published"

    @property
    def log_dir(self) -> Path:
        return self.home / "logs"


def read_settings(**overrides: Any) -> Settings:
    """Settings from the environment and `.env`; keyword arguments (field names) win. Raises ConfigurationError."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(
            f"Setting {name} cannot be used: {first['msg'].removeprefix('Value error, ')}.",
            "Correct it in the environment or in .env.",
        ) from None
