"""What an operator may set, typed. Each field is an environment variable with the prefix MLGOV_.

`docs/settings.md` is generated from the descriptions here, so they are written for operators.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent


class Configuration(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="MLGOV_", extra="ignore")

    debug: bool = Field(False, description="Django's debug pages. Never in production.")
    data_dir: Path = Field(
        ROOT / "var", description="Where the embedded default keeps everything that must last."
    )
    secret_key: SecretStr | None = Field(
        None,
        description="Signs sessions and encrypts stored credentials. Left out, one is made and "
        "kept in the data directory (mode 0600), which suits a single machine only.",
    )
    base_url: str = Field(
        "",
        description="How people reach mlgov, with its path if it has one; links in mails begin "
        "with it. Empty: loopback with the port.",
    )
    allowed_hosts: list[str] = Field(
        default=[],
        description="Host names to answer to, as a JSON list. The host of the base URL and "
        "loopback are always allowed.",
    )
    bind: str = Field("127.0.0.1", description="Address that `manage.py serve` listens on.")
    port: int = Field(8000, description="Port that `manage.py serve` listens on.")
    web_workers: int = Field(2, description="gunicorn worker processes.")
    web_threads: int = Field(8, description="Threads in each gunicorn worker.")
    behind_tls: bool = Field(
        False,
        description="Set where a TLS proxy stands in front: secure cookies, HSTS, and trust in "
        "its X-Forwarded-Proto header.",
    )
    trusted_proxies: int = Field(
        0, description="How many proxies in front append to X-Forwarded-For."
    )

    database_url: str = Field(
        "",
        description="postgresql://user:password@host:port/name. Empty: SQLite in the data "
        "directory. Add ?prepared=no behind a pooler that does not keep prepared statements, such "
        "as PgBouncer before 1.21.",
    )
    broker_url: str = Field(
        "",
        description="redis://host:port/0. Empty: a broker of files in the data directory, which "
        "needs no server.",
    )
    cache_url: str = Field(
        "", description="redis://host:port/1 for rate limits. Empty: a database table."
    )

    tracking_url: str = Field(
        "",
        description="The MLflow tracking server behind mlgov: http://host:port, or unix:/path. "
        "Empty: the embedded one that `manage.py serve` starts.",
    )
    tracking_token: SecretStr | None = Field(
        None,
        description="Sent to the tracking server behind mlgov as a bearer token, by the "
        "pass-through and by workers, where that server asks for one.",
    )
    tracking_username: str = Field(
        "", description="The same as basic credentials, with the password below."
    )
    tracking_password: SecretStr | None = Field(None, description="Belongs to the user name above.")
    mlflow_pages_url: str = Field(
        "",
        description="Where MLflow's own pages are shown, read-only: an address with a host name "
        "of its own that leads to mlgov, too, such as https://mlflow.example.com, or "
        "http://mlflow.localhost:8000 on one machine. Empty: they are not.",
    )
    report_scripts: bool = Field(
        True,
        description="Whether people may run the scripts of an HTML report on its page, in a frame "
        "apart from mlgov that can load nothing and send nothing. Off: reports are only looked at.",
    )
    file_roots: list[Path] = Field(
        default=[],
        description="Folders of this machine, as a JSON list, below which administrators may name "
        "stores of models, e.g. a mounted network folder. Empty: mlgov registers no local files.",
    )
    local_sources: bool = Field(
        False,
        description="Let administrators name tracking servers and stores on this machine itself "
        "(loopback). Addresses in private networks are always allowed, and link-local ones, where "
        "clouds keep their machines' credentials, never.",
    )
    webhook_hosts: list[str] = Field(
        default=[],
        description="Hosts that webhooks may be sent to, as a JSON list: names in full, which may "
        "be in a private network and may be reached by plain http, and patterns such as "
        "*.example.com for public addresses by https. Empty: no webhooks.",
    )
    artifacts_storage: Literal["local", "s3"] = Field(
        "local", description="Where registered artifacts are kept: the data directory, or S3."
    )
    s3_bucket: str = Field("", description="Bucket for artifacts; needs the extra `s3`.")
    s3_endpoint_url: str = Field(
        "", description="For S3-compatible stores other than AWS, e.g. https://minio:9000."
    )
    s3_region: str = Field("us-east-1", description="Region of the bucket for artifacts.")
    s3_access_key_id: str = Field("", description="Who mlgov is to the bucket for artifacts.")
    s3_secret_access_key: SecretStr | None = Field(
        None,
        description="Belongs to the access key. Both have to be set for S3: mlgov never asks the "
        "machine, a profile or AWS_ variables for credentials.",
    )
    upload_limit_mb: int = Field(
        20_000, description="Largest artifact upload through the pass-through, in megabytes."
    )
    model_limit_mb: int = Field(
        50_000, description="Largest model that can be registered: all its files, in megabytes."
    )

    default_target: Literal["auto", "docker", "process"] = Field(
        "auto",
        description="Where the first environments deploy to. `auto`: Docker where an engine "
        "answers when the environments are created, else processes.",
    )
    docker_url: str = Field(
        "", description="Docker Engine, e.g. unix:///var/run/docker.sock. Empty: the usual place."
    )
    registry: str = Field(
        "127.0.0.1:5000", description="Container registry of the first environments, host:port."
    )
    endpoint_network: str = Field(
        "",
        description="Docker network that model containers join when web runs in a container too. "
        "Empty: they get no network at all and answer on a unix socket.",
    )
    uv: str = Field("", description="Path of uv. Empty: looked for on PATH.")

    email_url: str = Field(
        "",
        description="smtp://user:password@host:587?tls=true. Empty: mails are written to the data "
        "directory, one file each.",
    )
    email_from: str = Field("mlgov <mlgov@localhost>", description="Sender of mails.")

    mfa: Literal["optional", "administrators", "everybody"] = Field(
        "optional",
        description="Who needs a second factor (authenticator app or security key) to go on after "
        "signing in with a password.",
    )
    session_hours: int = Field(
        12, ge=1, description="Hours after which a session ends, however busy it is."
    )
    session_idle_minutes: int = Field(
        120, ge=1, description="Minutes without activity after which a session ends."
    )
    token_days: int = Field(
        90, ge=1, description="How long an access token works that is made without naming an end."
    )
    token_days_max: int = Field(
        366,
        ge=0,
        description="Longest time for which an access token can be made. 0: no limit, and one made "
        "without naming an end works until it is revoked.",
    )
    access_review_days: int = Field(
        90,
        ge=0,
        description="Days after which owners are asked to review and sign anew who has access to "
        "their project. 0: never.",
    )
    masked_columns: list[str] = Field(
        [
            *("email", "phone", "mobile", "ssn", "social_security", "iban", "passport", "dob"),
            *("first_name", "last_name", "full_name", "surname", "birthday", "birth_date"),
            *("date_of_birth", "address", "street", "password", "secret", "credit_card"),
        ],
        description="Words in names of columns whose values are hidden in the input example of a "
        "model card.",
    )

    rate_limits: bool = Field(
        True, description="Count requests. Off, none of the limits of the next lines holds."
    )
    rate_read: int = Field(
        6_000, ge=0, description="Reading requests of one person within a minute. 0: no limit."
    )
    rate_write: int = Field(1_200, ge=0, description="The same for writing ones.")
    rate_expensive: int = Field(
        60, ge=0, description="The same for exports, tests of connections and the like."
    )
    rate_predict: int = Field(
        30_000, ge=0, description="Predictions for one API key, or one person, within a minute."
    )
    rate_tracking: int = Field(
        30_000,
        ge=0,
        description="Calls of one person within a minute that are passed on to the tracking "
        "server, such as metrics of a training.",
    )
    rate_sign_in: int = Field(
        120, ge=0, description="Requests for pages of signing in within a minute, by one address."
    )
    rate_anonymous: int = Field(
        600,
        ge=0,
        description="All other requests of one address within a minute without a right credential.",
    )

    log_level: str = Field("INFO", description="Level of the log.")
    log_format: Literal["json", "console"] = Field("json", description="Shape of log lines.")
    lease_seconds: int = Field(
        60, description="Silence after which a running piece of work counts as lost, in seconds."
    )
    outbox_attempts: int = Field(
        8, description="Deliveries tried before an outbox message waits for a person."
    )
    audit_triggers: bool = Field(
        True, description="Database triggers that refuse changes to the audit trail and history."
    )
    metrics_public: bool = Field(
        False, description="Answer /metrics without a token, for a scraper on a private network."
    )


def load() -> Configuration:
    return Configuration()
