"""Django's settings, derived from `mlgov.configuration`."""

import os
import secrets
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import structlog

from mlgov import __version__
from mlgov.configuration import ROOT, load

CONFIGURATION = load()
BASE_DIR = ROOT
MLGOV_VERSION = __version__
MLGOV_DATA_DIR: Path = CONFIGURATION.data_dir.resolve()
MLGOV_BASE_URL = (CONFIGURATION.base_url or f"http://127.0.0.1:{CONFIGURATION.port}").rstrip("/")
MLGOV_DATA_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)


def _kept_secret_key() -> str:
    """The key of this data directory, made on first use."""
    path = MLGOV_DATA_DIR / "secret-key"
    if not path.exists():
        # Written aside and linked: another process must not read a file that is still empty.
        handle, written = tempfile.mkstemp(dir=MLGOV_DATA_DIR, prefix="secret-key-")
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(64))
        try:
            os.link(written, path)
        except FileExistsError:
            pass
        finally:
            Path(written).unlink()
    return path.read_text()


def _database(url: str) -> dict[str, Any]:
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": MLGOV_DATA_DIR / "db.sqlite3",
            "OPTIONS": {
                # A deferred transaction that reads and then writes fails at once with "database
                # is locked"; an immediate one waits its turn.
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
            "TEST": {"NAME": os.environ.get("MLGOV_TEST_SQLITE")},
        }
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": "mlgov.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", "") or unquote(parts.hostname or ""),
        "PORT": parts.port or query.pop("port", ""),
        # Each thread keeps its own. On a new one everything is planned anew, which takes a search
        # several times as long; that it still works is looked at before each request.
        "CONN_MAX_AGE": 3600,
        "CONN_HEALTH_CHECKS": True,
        # A pooler that hands each transaction to another connection may not know what was prepared.
        "PREPARES": query.pop("prepared", "yes") != "no",
        # A server that does not answer is to be noticed while somebody still waits.
        "OPTIONS": {"connect_timeout": "5", **query},
    }


def _email(url: str) -> dict[str, Any]:
    if not url:
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "EMAIL_FILE_PATH": str(MLGOV_DATA_DIR / "mail"),
        }
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname or "localhost",
        "EMAIL_PORT": parts.port or 25,
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": query.get("tls", ["false"])[-1] == "true",
        "EMAIL_USE_SSL": query.get("ssl", ["false"])[-1] == "true",
        "EMAIL_TIMEOUT": 20,
    }


DEBUG = CONFIGURATION.debug
SECRET_KEY = (
    CONFIGURATION.secret_key.get_secret_value() if CONFIGURATION.secret_key else _kept_secret_key()
)
_base_host = urlsplit(MLGOV_BASE_URL)
MLGOV_ORIGIN = f"{_base_host.scheme}://{_base_host.netloc}"
# mlgov may live below a path of a site that others share; `mlgov.wsgi` takes it off requests.
FORCE_SCRIPT_NAME = _base_host.path or None
ALLOWED_HOSTS = [*CONFIGURATION.allowed_hosts, _base_host.hostname or "", "127.0.0.1", "localhost"]
CSRF_TRUSTED_ORIGINS = [MLGOV_ORIGIN]
# The origin of MLflow's pages, whose host name is all that tells requests for them from others.
MLGOV_MLFLOW_PAGES = CONFIGURATION.mlflow_pages_url.strip().rstrip("/").lower()
if MLGOV_MLFLOW_PAGES:
    ALLOWED_HOSTS.append(urlsplit(MLGOV_MLFLOW_PAGES).hostname or "")

INSTALLED_APPS = [
    "mlgov",
    "apps.core",
    "apps.audit",
    "apps.outbox",
    "apps.accounts",
    "apps.access",
    "apps.runs",
    "apps.projects",
    "apps.tracking",
    "apps.registry",
    "apps.stages",
    "apps.builds",
    "apps.evaluations",
    "apps.cards",
    "apps.deployments",
    "apps.reviews",
    "apps.notifications",
    "apps.webhooks",
    "apps.web",
    "apps.api",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "django_htmx",
    "template_partials",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "guardian",
    "simple_history",
]

MIDDLEWARE = [
    "apps.core.middleware.RequestContextMiddleware",
    "apps.core.middleware.RequestLogMiddleware",
    "apps.api.ops.middleware.RequestMetricsMiddleware",
    "apps.core.middleware.WellFormedAddressMiddleware",
    "apps.core.middleware.SecurityHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    # Before whatever belongs to mlgov's own host: its files, sessions and pages.
    "apps.api.mlflow.pages.host.PagesHostMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.web.admission.AdmissionMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "apps.accounts.middleware.SessionRulesMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "apps.web.refusals.RefusalMiddleware",
]

ROOT_URLCONF = "mlgov.urls"
WSGI_APPLICATION = "mlgov.wsgi.application"
# MLflow's client sends its paths without a trailing slash and follows redirects badly.
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.web.context_processors.chrome",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

DATABASES = {"default": _database(CONFIGURATION.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES: dict[str, dict[str, Any]] = {
    "default": (
        {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": CONFIGURATION.cache_url,
        }
        if CONFIGURATION.cache_url
        else {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "mlgov_cache",
            # Of more than this, rows are thrown out by name: counts of requests, too.
            "OPTIONS": {"MAX_ENTRIES": 20_000},
        }
    )
}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["apps.accounts.backends.PeopleBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "web:inbox"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
ACCOUNT_ADAPTER = "apps.accounts.adapter.ClosedAccountAdapter"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[mlgov] "
ACCOUNT_EMAIL_NOTIFICATIONS = True
MLGOV_MFA = CONFIGURATION.mfa
MFA_ADAPTER = "apps.accounts.adapter.MFAAdapter"
MFA_FORMS = {
    "add_webauthn": "apps.accounts.security_keys.Adding",
    "authenticate_webauthn": "apps.accounts.security_keys.SigningIn",
    "reauthenticate_webauthn": "apps.accounts.security_keys.Confirming",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "mlgov"
MFA_RECOVERY_CODES_SHOW_ONCE = True
SOCIALACCOUNT_ADAPTER = "apps.accounts.sign_on.SignOnAdapter"
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True}}
# A link, not a form: our policy lets no form lead to another site, not even by a redirect.
SOCIALACCOUNT_LOGIN_ON_GET = True
# Addresses are entered by administrators or come from a sign-on.
MFA_ALLOW_UNVERIFIED_EMAIL = True
# Browsers offer security keys on plain http for loopback only, so this opens nothing else.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = _base_host.scheme == "http"

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = f"{_base_host.path}/"
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = CONFIGURATION.session_hours * 3600
MLGOV_SESSION_IDLE = CONFIGURATION.session_idle_minutes * 60
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = CONFIGURATION.behind_tls
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if CONFIGURATION.behind_tls:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    # Probes and scrapers ask the server itself, not the proxy.
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
# Named as in Django 6, so that our middleware can go when 6.2 is the floor.
SECURE_CSP = {
    "default-src": ["'self'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "font-src": ["'self'"],
    "connect-src": ["'self'"],
    "object-src": ["'none'"],
    "base-uri": ["'none'"],
    # Whoever signs in on the way to MLflow's pages is led there by the form.
    "form-action": ["'self'", *([MLGOV_MLFLOW_PAGES] if MLGOV_MLFLOW_PAGES else [])],
    "frame-ancestors": ["'none'"],
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = f"{_base_host.path}/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
_ARTIFACTS: dict[str, Any] = (
    {
        "BACKEND": "apps.registry.s3.S3ArtifactStorage",
        "OPTIONS": {
            "bucket_name": CONFIGURATION.s3_bucket,
            "endpoint_url": CONFIGURATION.s3_endpoint_url or None,
            "region_name": CONFIGURATION.s3_region,
            "access_key": CONFIGURATION.s3_access_key_id,
            "secret_key": (
                CONFIGURATION.s3_secret_access_key.get_secret_value()
                if CONFIGURATION.s3_secret_access_key
                else ""
            ),
        },
    }
    if CONFIGURATION.artifacts_storage == "s3"
    else {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": MLGOV_DATA_DIR / "artifacts"},
    }
)
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": MLGOV_DATA_DIR / "uploads"},
    },
    "artifacts": _ARTIFACTS,
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if not DEBUG
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
# The one-command start needs no collectstatic: files are served from where they lie, and the
# manifest is used as soon as somebody collected one.
if not (STATIC_ROOT / "staticfiles.json").exists():
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    WHITENOISE_USE_FINDERS = True

globals().update(_email(CONFIGURATION.email_url))
DEFAULT_FROM_EMAIL = SERVER_EMAIL = CONFIGURATION.email_from

# --- Celery: the broker only rings the bell, the database holds what has to be done -----------
_BROKER_DIR = MLGOV_DATA_DIR / "broker"
CELERY_BROKER_URL = CONFIGURATION.broker_url or "filesystem://localhost//"
if not CONFIGURATION.broker_url:
    for _name in ("messages", "control", "processed"):
        (_BROKER_DIR / _name).mkdir(parents=True, exist_ok=True, mode=0o700)
    CELERY_BROKER_TRANSPORT = "mlgov.broker:Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
        "data_folder_in": str(_BROKER_DIR / "messages"),
        "data_folder_out": str(_BROKER_DIR / "messages"),
        "control_folder": str(_BROKER_DIR / "control"),
        "store_processed": True,
        "processed_folder": str(_BROKER_DIR / "processed"),
        "polling_interval": 0.2,
    }
else:
    # Whoever rings the bell waits for the broker: briefly, because the sweep delivers as well.
    CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600, "socket_connect_timeout": 3}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 10
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "default"
# Only the workers for deployments reach a container engine.
CELERY_TASK_ROUTES = {"deployments.reconcile": {"queue": "deployments"}}
CELERY_TASK_SERIALIZER = "json"
CELERY_TIMEZONE = "UTC"

# What the supervisor starts where no other tracking server is named.
MLGOV_TRACKING_URL = CONFIGURATION.tracking_url or f"unix:{MLGOV_DATA_DIR}/sockets/mlflow.sock"
MLGOV_TRACKING_TOKEN = CONFIGURATION.tracking_token
MLGOV_TRACKING_USERNAME = CONFIGURATION.tracking_username
MLGOV_TRACKING_PASSWORD = CONFIGURATION.tracking_password
MLGOV_FILE_ROOTS = CONFIGURATION.file_roots
MLGOV_LOCAL_SOURCES = CONFIGURATION.local_sources
MLGOV_WEBHOOK_HOSTS = CONFIGURATION.webhook_hosts
MLGOV_UPLOAD_LIMIT = CONFIGURATION.upload_limit_mb * 1024 * 1024
MLGOV_MODEL_LIMIT = CONFIGURATION.model_limit_mb * 1024 * 1024
MLGOV_LEASE_SECONDS = CONFIGURATION.lease_seconds
MLGOV_OUTBOX_ATTEMPTS = CONFIGURATION.outbox_attempts
MLGOV_RATES = (
    {
        "read": CONFIGURATION.rate_read,
        "write": CONFIGURATION.rate_write,
        "expensive": CONFIGURATION.rate_expensive,
        "predict": CONFIGURATION.rate_predict,
        "tracking": CONFIGURATION.rate_tracking,
        "sign_in": CONFIGURATION.rate_sign_in,
        "anonymous": CONFIGURATION.rate_anonymous,
    }
    if CONFIGURATION.rate_limits
    else {}
)
MLGOV_TOKEN_DAYS = CONFIGURATION.token_days
MLGOV_TOKEN_DAYS_MAX = CONFIGURATION.token_days_max
MLGOV_MASKED_COLUMNS = CONFIGURATION.masked_columns
MLGOV_ACCESS_REVIEW_DAYS = CONFIGURATION.access_review_days
AUDIT_TRIGGERS = CONFIGURATION.audit_triggers

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.api.authentication.AccessTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["apps.api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "apps.api.pagination.Pages",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "apps.api.errors.answer",
    "DEFAULT_THROTTLE_CLASSES": ["apps.api.throttling.CountedByDoor"],
    "PAGE_SIZE": 50,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "mlgov",
    "DESCRIPTION": "Pull requests for machine-learning models.",
    "VERSION": __version__,
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "apps.api.v1.schema.with_refusals",
    ],
    # Fields called `state` and `kind` of several things: each list of values gets its own name.
    "ENUM_NAME_OVERRIDES": {
        "AttributeKind": "apps.accounts.models.AttributeKind",
        "VersionState": "apps.registry.states.VersionState",
        "ReviewState": "apps.reviews.states.ReviewState",
        "RunState": "apps.runs.states.RunState",
        "StepState": "apps.runs.models.StepState",
        "DeploymentState": "apps.deployments.states.DeploymentState",
        "ReplicaState": "apps.deployments.models.ReplicaState",
        "ReviewerState": ["approved", "changes", "stale", "waiting"],
        "VerdictKind": "apps.reviews.states.VerdictKind",
        "RolloutKind": "apps.deployments.models.RolloutKind",
        "EvaluationKind": "apps.evaluations.models.Kind",
        "LabelKind": "apps.registry.models.LabelKind",
        "Role": "apps.projects.roles.Role",
    },
}

ANONYMOUS_USER_NAME = None
GUARDIAN_MONKEY_PATCH_USER = False
SIMPLE_HISTORY_REVERT_DISABLED = True
SIMPLE_HISTORY_DATE_INDEX = "composite"

# guardian's backend is not in AUTHENTICATION_BACKENDS on purpose: our policies decide, and has_perm
# must not become a second way to be allowed something.
SILENCED_SYSTEM_CHECKS = ["guardian.W001"]

DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    wrapper_class=structlog.stdlib.BoundLogger,
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
# For the lines of libraries, which know nothing of structlog.
_FOREIGN = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
            "foreign_pre_chain": _FOREIGN,
        },
        "console": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processor": structlog.dev.ConsoleRenderer(colors=False),
            "foreign_pre_chain": _FOREIGN,
        },
    },
    "handlers": {
        "default": {
            "class": "logging.StreamHandler",
            "formatter": CONFIGURATION.log_format,
        }
    },
    "root": {"handlers": ["default"], "level": CONFIGURATION.log_level},
    "loggers": {
        "django.server": {"handlers": ["default"], "propagate": False},
        # Django says every 4xx once more; our own line says it with the person and the time.
        "django.request": {"level": "ERROR"},
        # Ours is the line with the name, the time and the request id.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
        "docker": {"level": "WARNING"},
        "fontTools": {"level": "WARNING"},
        "weasyprint": {"level": "WARNING"},
    },
}
