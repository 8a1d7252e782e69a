"""Django settings, from the environment.

PAYROLL_ENV         development (default) or production. Production is given every secret and refuses defaults
PAYROLL_STATE_DIR   where the embedded database, objects and bank live; default: .state beside manage.py
DATABASE_URL        the application's role; unset means the embedded Postgres
DATABASE_OWNER_URL  the role that migrates and owns the tables; default: DATABASE_URL. Never through a pooler
PAYROLL_POOLER      on behind RDS Proxy or pgbouncer by transaction; for PAYROLL_POOL_* see deploy/sessions.py
PAYROLL_SECRET_KEY, PAYROLL_FIELD_KEYS (id:base64,id:base64), PAYROLL_INDEX_KEY, PAYROLL_ALLOWED_HOSTS
PAYROLL_DOORBELL    django_q (default), celery or polling: what wakes the workers
PAYROLL_BROKER_URL  for celery: sqs:// (AWS_REGION, AWS_ENDPOINT_URL and credentials as AWS has them) or redis://…
PAYROLL_QUEUE_PREFIX  what the names of the queues begin with; default: payroll
PAYROLL_GATEWAY     sandbox (default on the embedded database), ach or http: where payments go. http is given
PAYROLL_GATEWAY_URL (https://… in production), PAYROLL_GATEWAY_TOKEN, PAYROLL_GATEWAY_WEBHOOK_SECRET (or two: new,old)
PAYROLL_CAP_RUN, _DAY, _EMPLOYER, _FACTOR, PAYROLL_RECOVERY_PERCENT  what may leave, what is taken back (deploy/caps.py)
PAYROLL_TAX_ROUTING, PAYROLL_TAX_ACCOUNT  where federal tax is deposited by ACH credit (deploy/treasury.py)
PAYROLL_PRENOTES    off (default) or new-accounts: asked first, paid by check meanwhile (deploy/prenotes.py)
PAYROLL_STORAGE     folder (default) or s3://bucket/prefix: manifests and payment files; PAYROLL_STORAGE_KMS_KEY
PAYROLL_SUBSCRIBERS who is told what happens, comma separated (payroll/subscribers); default: console#payment.*
PAYROLL_TOPIC_ARN   one more of them: an SNS topic. PAYROLL_WEBHOOK_SECRET signs what goes to https:// subscribers
EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD, EMAIL_USE_TLS, DEFAULT_FROM_EMAIL: for mailto:
PAYROLL_DOWNSTREAM_<STEP>, PAYROLL_RESPONSE_QUEUE: who does a step, and answers where (deploy/downstreams.py)
PAYROLL_REDRIVE_AFTER_S, _PER_LETTER, _PER_TICK, _FAILED_MAX: dead letters that are tried again by themselves
PAYROLL_API_CALLS_PER_MINUTE  of one key; default: 600
PAYROLL_AUTO_APPROVE  for the demo and tests only: validated employers approve themselves
"""

import os
import re
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from deploy import caps, downstreams, postgres, prenotes, secrets, sessions, treasury
from payroll.subscribers import addresses

S3_ADDRESS = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._-]+)*/?\Z")
BASE_DIR = Path(__file__).resolve().parent.parent
ENVIRONMENT = os.environ.get("PAYROLL_ENV") or "development"
PRODUCTION = ENVIRONMENT == "production"
STATE_DIR = Path(os.environ.get("PAYROLL_STATE_DIR") or BASE_DIR / ".state").absolute()
EMBEDDED = not os.environ.get("DATABASE_URL")


def flag(name: str) -> bool:
    """An on/off environment variable."""
    return os.environ.get(name, "").lower() in {"1", "true", "yes", "on"}


def required(name: str) -> str:
    """An environment variable that production cannot do without."""
    value = os.environ.get(name, "")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set, and PAYROLL_ENV=production does not run on defaults")
    return value


def field_keys(text: str) -> dict[str, str]:
    """Keys by their id, the current one first."""
    pairs = [pair.partition(":") for pair in text.split(",")]
    if not all(key_id and key for key_id, _, key in pairs):
        raise ImproperlyConfigured(
            "PAYROLL_FIELD_KEYS must look like id:base64,id:base64, the current key first"
        )
    return {key_id: key for key_id, _, key in pairs}


def one_of(name: str, value: str, allowed: set[str]) -> str:
    """A setting that has few values, so that a misspelt one is not taken for another."""
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} is {value!r}; it is one of {', '.join(sorted(allowed))}")
    return value


def broker(url: str, doorbell: str) -> str:
    """The broker's URL, which only celery needs.

    sqs://key:secret@host:port says for SQS what AWS_ENDPOINT_URL_SQS and AWS_ACCESS_KEY_ID say, and is turned into
    them: an endpoint and credentials are then looked for in one place by everything that talks to SQS.
    """
    if doorbell != "celery":
        return url
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        parts, port = urlsplit(""), ""
    if parts.scheme not in {"sqs", "redis", "rediss"}:
        raise ImproperlyConfigured(
            "PAYROLL_DOORBELL=celery needs PAYROLL_BROKER_URL: sqs:// with the credentials of the environment, "
            "or redis://host:port/0"
        )
    if parts.scheme != "sqs":
        return url
    if parts.hostname:
        here = parts.hostname == "localhost" or parts.hostname.startswith("127.")
        os.environ.setdefault(
            "AWS_ENDPOINT_URL_SQS", f"{'http' if here else 'https'}://{parts.hostname}{port}"
        )
    if parts.username:
        os.environ.setdefault("AWS_ACCESS_KEY_ID", unquote(parts.username))
        os.environ.setdefault("AWS_SECRET_ACCESS_KEY", unquote(parts.password or ""))
    return "sqs://"


one_of("PAYROLL_ENV", ENVIRONMENT, {"development", "production"})
if PRODUCTION and EMBEDDED:
    required("DATABASE_URL")

# Secrets

_kept = {} if PRODUCTION else secrets.load_or_create(STATE_DIR)
SECRET_KEY = required("PAYROLL_SECRET_KEY") if PRODUCTION else _kept["secret_key"]
PAYROLL_FIELD_KEYS: dict[str, str] = (
    field_keys(required("PAYROLL_FIELD_KEYS")) if PRODUCTION else {"k1": _kept["field_key"]}
)
PAYROLL_INDEX_KEY = required("PAYROLL_INDEX_KEY") if PRODUCTION else _kept["index_key"]
# The two people of the demo; they exist on the embedded database only.
DEMO_PASSWORDS = (
    {"maker": _kept["maker_password"], "checker": _kept["checker_password"]}
    if EMBEDDED and not PRODUCTION
    else {}
)

# Databases: `default` is the application's role, `owner` migrates.


def database(url: str) -> dict[str, object]:
    """Django's description of a postgresql:// URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    keeping = sessions.kept()
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise ImproperlyConfigured(
            "DATABASE_URL must look like postgresql://user:password@host:port/name; "
            "unset it to use the embedded Postgres"
        )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(port or ""),
        **keeping,
        "DISABLE_SERVER_SIDE_CURSORS": True,  # a cursor that outlives its transaction pins a pooled connection
        "OPTIONS": {
            "connect_timeout": 10,
            "application_name": "payroll",
            "server_side_binding": True,  # values beside the text: RDS Proxy pins for a text above 16 KB
            **dict(parse_qsl(parts.query)),
            **keeping.get("OPTIONS", {}),
        },
    }


def database_urls() -> tuple[str, str]:
    """The URLs of the application's role and of the owner."""
    if not EMBEDDED:
        return os.environ["DATABASE_URL"], os.environ.get("DATABASE_OWNER_URL") or os.environ["DATABASE_URL"]
    cluster = postgres.read(STATE_DIR)
    if cluster is None:  # before the first start: nothing connects yet
        return ("postgresql://payroll_app@127.0.0.1/payroll", "postgresql://payroll_owner@127.0.0.1/payroll")
    # The embedded server is loopback without TLS; PGSSLMODE in the environment must not ask for any.
    return f"{cluster.app_url}?sslmode=disable", f"{cluster.owner_url}?sslmode=disable"


DATABASES = dict(zip(("default", "owner"), map(database, database_urls()), strict=True))
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Work

EVENTS_DOORBELL = one_of(
    "PAYROLL_DOORBELL", os.environ.get("PAYROLL_DOORBELL") or "django_q", {"django_q", "celery", "polling"}
)
EVENTS_BROKER_URL = broker(os.environ.get("PAYROLL_BROKER_URL", ""), EVENTS_DOORBELL)
# Read when Celery is imported: SIGTERM then ends a worker softly, instead of waiting for whatever it is doing.
os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")
EVENTS_CELERY: dict[str, object] = {}  # changes to events.doorbells.celery.CONFIG; a check refuses most
EVENTS_QUEUE_PREFIX = os.environ.get("PAYROLL_QUEUE_PREFIX") or "payroll"
EVENTS_LEASE_S = float(os.environ.get("PAYROLL_LEASE_S", "15"))  # a heartbeat comes every third of it
EVENTS_SWEEP_S = float(os.environ.get("PAYROLL_SWEEP_S", "5"))
EVENTS_STALL_S = float(
    os.environ.get("PAYROLL_STALL_S", "10")
)  # due work that nobody takes: restart the workers
# What has to happen again and again: a function, and the seconds between. The supervisor or Celery beat runs them.
EVENTS_TICKS = {
    "sweep": ("events.ticks.sweep", EVENTS_SWEEP_S),
    "fold": ("events.ticks.fold", 3.0),
    "calendar": ("payroll.tick.today", 60.0),
    "redrive": ("events.redrive.scheduled", 30.0),
    "late": ("payroll.late.compare.compare", 30.0),
    "publish": ("events.outbox.publish", 2.0),
    "tokens": ("events.tokens.expire", 2.0),
    "forget": ("ops.api.forget.old", 60.0),
    "health": ("ops.health.watch", 60.0),
    "reconcile": ("ops.reconciled.daily", 600.0),
}
EVENTS_TICKS_OF_A_SCHEDULE = {"calendar", "health", "reconcile"}  # not run by those who only follow one run
# Dead letters that may heal by themselves are tried again: after so long, then ever later
EVENTS_REDRIVE_AFTER_S = float(os.environ.get("PAYROLL_REDRIVE_AFTER_S", "300"))
EVENTS_REDRIVE_PER_LETTER = int(os.environ.get("PAYROLL_REDRIVE_PER_LETTER", "2"))  # times a piece of work
EVENTS_REDRIVE_NEVER = {"move-money"}  # steps of which only a person may say that they are to be tried again
EVENTS_REDRIVE_PER_TICK = int(os.environ.get("PAYROLL_REDRIVE_PER_TICK", "50"))
EVENTS_REDRIVE_FAILED_MAX = int(os.environ.get("PAYROLL_REDRIVE_FAILED_MAX", "5"))  # in a row, of one fault
EVENTS_POLL_S = 0.2
_downstreams = downstreams.configured(os.environ, production=PRODUCTION)
EVENTS_DOWNSTREAM: dict[str, str] = _downstreams[0]
EVENTS_DOWNSTREAM_LIMITS: dict[str, downstreams.Limits] = _downstreams[1]
EVENTS_DOWNSTREAM_SECRET = os.environ.get("PAYROLL_DOWNSTREAM_SECRET", "")
EVENTS_DOWNSTREAM_REQUEST_TASKS = downstreams.request_tasks(os.environ)
EVENTS_RESPONSE_QUEUE = os.environ.get("PAYROLL_RESPONSE_QUEUE") or f"{EVENTS_QUEUE_PREFIX}-task-tokens"
EVENTS_DATABASE_REVIVE = "deploy.embedded.revive"

Q_CLUSTER = {
    "name": "payroll",
    "orm": "default",
    "workers": 2,
    "timeout": 300,
    "retry": 900,  # at least three times the timeout: the lease runs from the prefetch
    "max_attempts": 3,
    "ack_failures": True,  # a ring that failed is forgotten: the sweeper rings again
    "bulk": 1,
    "queue_limit": 4,
    "poll": 0.05,
    "save_limit": -1,  # no result rows: they would be pickles, and nobody reads them
    "scheduler": False,
    "catch_up": False,
    "recycle": 500,
    "label": "django-q2",
}

# AWS: credentials and AWS_ENDPOINT_URL are read by boto itself

AWS_REGION = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"

# Payroll

PAYROLL_BATCH = int(os.environ.get("PAYROLL_BATCH", "500"))  # employees of one batch
PAYROLL_OBJECTS = STATE_DIR / "objects"  # where `folder` keeps them
PAYROLL_STORAGE = os.environ.get("PAYROLL_STORAGE") or "folder"
if PAYROLL_STORAGE != "folder" and not S3_ADDRESS.match(PAYROLL_STORAGE):
    raise ImproperlyConfigured(
        f"PAYROLL_STORAGE is {PAYROLL_STORAGE!r}; it is folder, or s3://bucket, or s3://bucket/prefix"
    )
PAYROLL_STORAGE_KMS_KEY = os.environ.get("PAYROLL_STORAGE_KMS_KEY", "")
PAYROLL_GATEWAY = one_of(
    "PAYROLL_GATEWAY",
    os.environ.get("PAYROLL_GATEWAY") or ("sandbox" if EMBEDDED else "ach"),
    {"ach", "http"} if PRODUCTION else {"ach", "http", "sandbox"},  # production never pays at a sandbox
)
PAYROLL_PRENOTES = prenotes.configured(os.environ, PAYROLL_GATEWAY)
PAYROLL_CAPS = caps.configured(os.environ)
PAYROLL_RECOVERY_BP = caps.recovery_bp(os.environ)
PAYROLL_GATEWAY_URL = os.environ.get("PAYROLL_GATEWAY_URL", "")
PAYROLL_GATEWAY_TOKEN = os.environ.get("PAYROLL_GATEWAY_TOKEN", "")
PAYROLL_GATEWAY_WEBHOOK_SECRET = os.environ.get("PAYROLL_GATEWAY_WEBHOOK_SECRET", "")
if PAYROLL_GATEWAY == "http":
    if not PAYROLL_GATEWAY_URL.startswith(("https://",) if PRODUCTION else ("https://", "http://")):
        raise ImproperlyConfigured(
            "PAYROLL_GATEWAY is http: PAYROLL_GATEWAY_URL is the bank's https:// address (http:// outside production)"
        )
    if not PAYROLL_GATEWAY_TOKEN:
        "PAYROLL_GATEWAY is http: PAYROLL_GATEWAY_TOKEN is what the bank knows us by"
PAYROLL_ODFI_ROUTING = required("PAYROLL_ODFI_ROUTING") if PRODUCTION else "121000358"
PAYROLL_ODFI_NAME = required("PAYROLL_ODFI_NAME") if PRODUCTION else "SANDBOX BANK"
PAYROLL_TAX_ROUTING, PAYROLL_TAX_ACCOUNT = treasury.configured(os.environ)
PAYROLL_AUTO_APPROVE = flag("PAYROLL_AUTO_APPROVE")
if PRODUCTION and PAYROLL_AUTO_APPROVE:
    raise ImproperlyConfigured(
        "PAYROLL_AUTO_APPROVE is for demos and tests: in production a second person approves"
    )

# Who is told

PAYROLL_WEBHOOK_SECRET = os.environ.get("PAYROLL_WEBHOOK_SECRET", "")
_topic = os.environ.get("PAYROLL_TOPIC_ARN", "")
_told = [os.environ.get("PAYROLL_SUBSCRIBERS") or "console#payment.*", *([f"sns:{_topic}"] if _topic else [])]
try:
    PAYROLL_SUBSCRIBERS = addresses.parse(
        ",".join(_told),
        signed=bool(PAYROLL_WEBHOOK_SECRET),
        production=PRODUCTION,
    )
except ValueError as misspelt:
    raise ImproperlyConfigured(str(misspelt)) from None
EMAIL_BACKEND = (
    f"django.core.mail.backends.{'smtp' if os.environ.get('EMAIL_HOST') else 'console'}.EmailBackend"
)
EMAIL_HOST = os.environ.get("EMAIL_HOST") or "localhost"
EMAIL_PORT = int(os.environ.get("EMAIL_PORT") or "25")
EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = flag("EMAIL_USE_TLS")
EMAIL_TIMEOUT = 5
DEFAULT_FROM_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL") or "payroll@localhost"

# Web

DEBUG = False
ALLOWED_HOSTS = (
    required("PAYROLL_ALLOWED_HOSTS").split(",") if PRODUCTION else ["127.0.0.1", "localhost", "testserver"]
)
ROOT_URLCONF = "deploy.urls"
WSGI_APPLICATION = "deploy.wsgi.application"
INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_q",
    "events",
    "payroll",
    "ops",
    "deploy",
]
MIDDLEWARE = [
    "ops.api.edge.Edge",  # outermost: whatever goes wrong in the API leaves as a problem document
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
PAYROLL_API_CALLS_PER_MINUTE = int(os.environ.get("PAYROLL_API_CALLS_PER_MINUTE", "600"))  # of one key
PAYROLL_API_UNKNOWN_TOKENS_PER_MINUTE = 30  # from one address
PAYROLL_API_BODY_BYTES = 256 * 1024
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
STATIC_URL = "static/"
# Collected for production; elsewhere the files are found where they lie.
STATIC_ROOT = BASE_DIR / "staticfiles" if PRODUCTION else BASE_DIR / "ops" / "static"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
SESSION_COOKIE_AGE = 8 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
if PRODUCTION:
    SECURE_SSL_REDIRECT = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

UNFOLD = {
    "SITE_TITLE": "Payroll",
    "SITE_HEADER": "Payroll",
    "SITE_SYMBOL": "payments",
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_HISTORY": False,
    "ENVIRONMENT": "ops.admin.navigation.environment",
    "DASHBOARD_CALLBACK": "ops.admin.dashboard.context",
    "SIDEBAR": {"navigation": "ops.admin.navigation.sidebar"},
    "STYLES": ["ops.admin.navigation.stylesheet"],
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": os.environ.get("PAYROLL_LOG_LEVEL", "WARNING")},
    "loggers": {"payroll.subscribers.console": {"level": "INFO"}},  # what PAYROLL_SUBSCRIBERS asks for
}
