"""The settings, each read from the environment; with none set, a fresh clone runs on embedded servers.

PORTAL_PRODUCTION=1 makes portal/checks.py refuse what is only fit for a trial.
"""

from pathlib import Path

import django_stubs_ext

from portal import addresses, embedded, env, keyfiles, logging

# Fields and forms take type parameters in the stubs; this lets `TextField[str, str]` pass at run time.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

# Data that this installation makes for itself: embedded servers, generated keys, logs.
PORTAL_VAR = env.path("PORTAL_VAR", BASE_DIR / "var")
PORTAL_PRODUCTION = env.flag("PORTAL_PRODUCTION")
PORTAL_HTTPS = env.flag("PORTAL_HTTPS", default=PORTAL_PRODUCTION)

DEBUG = env.flag("PORTAL_DEBUG")
SECRET_KEY = env.secret("PORTAL_SECRET_KEY") or ("" if PORTAL_PRODUCTION else keyfiles.secret_key(PORTAL_VAR))
SECRET_KEY_FALLBACKS = env.secret("PORTAL_SECRET_KEY_FALLBACKS").split()

# Keys of the encrypted columns, newest first, separated by commas or blanks: 32 bytes each, URL-safe base64.
PORTAL_FIELD_KEYS = env.secret("PORTAL_FIELD_KEYS").replace(",", " ").split() or (
    [] if PORTAL_PRODUCTION else keyfiles.field_keys(PORTAL_VAR)
)

LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]  # always allowed: health checks come from there
ALLOWED_HOSTS = env.listing("PORTAL_ALLOWED_HOSTS") + LOOPBACK
CSRF_TRUSTED_ORIGINS = env.listing("PORTAL_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django_htmx",
    "lifecycle.apps.LifecycleConfig",
    "builders.apps.BuildersConfig",
    "portal.apps.PortalConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "portal.csp.ContentSecurityPolicy",
    "portal.staticfiles.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    # Last, for its error pages need all of the above. Refuses each view that does not say who may use it.
    "portal.http.AccessMiddleware",
]

ROOT_URLCONF = "portal.urls"
ASGI_APPLICATION = "portal.asgi.application"

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
                "portal.context.page",
            ],
        },
    },
]

# --- Database, broker, cache

_database_url = env.secret("DATABASE_URL")
DATABASES = {
    "default": addresses.database(_database_url, env.secret("DATABASE_PASSWORD"))
    if _database_url
    else embedded.database(PORTAL_VAR)
}
_redis_url = env.secret("REDIS_URL")
REDIS_URL = addresses.redis(_redis_url, env.secret("REDIS_PASSWORD")) if _redis_url else embedded.redis_url(PORTAL_VAR)
PORTAL_EMBEDDED_DATABASE = not _database_url
PORTAL_EMBEDDED_REDIS = not _redis_url


def PORTAL_ATTACH_SERVERS() -> None:  # noqa: N802 - Django reads settings in capitals only
    """For processes that speak to Redis before the database, whose back end does this by itself."""
    if PORTAL_EMBEDDED_DATABASE or PORTAL_EMBEDDED_REDIS:
        embedded.attach(PORTAL_VAR)


CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}

# --- People

LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/accounts/login/"
SESSION_ENGINE = "portal.sessions"
SESSION_COOKIE_AGE = env.integer("PORTAL_SESSION_HOURS", 10, minimum=1) * 3600
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "portal.views.errors.csrf_failure"
CSRF_COOKIE_HTTPONLY = True  # forms and htmx carry the token; no script reads the cookie
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# Wrong passwords before an account has to wait, and how long.
PORTAL_LOGIN_ATTEMPTS = env.integer("PORTAL_LOGIN_ATTEMPTS", 5, minimum=1)
PORTAL_LOGIN_WAIT_SECONDS = env.integer("PORTAL_LOGIN_WAIT_SECONDS", 300, minimum=1)

# Lets a monitoring system read /metrics without a login; while it is empty, only people can.
PORTAL_METRICS_TOKEN = env.secret("PORTAL_METRICS_TOKEN")

# --- Packages: where installers lie, and how large one may be

PORTAL_PACKAGE_FOLDER = env.path("PORTAL_PACKAGE_FOLDER", PORTAL_VAR / "packages")
PORTAL_PACKAGE_LIMIT_MB = env.integer("PORTAL_PACKAGE_LIMIT_MB", 8192, minimum=1)
PORTAL_PACKAGE_OPEN_MB = env.integer("PORTAL_PACKAGE_OPEN_MB", 16384, minimum=1)

# --- Transport

# What a request may bring, but for uploads to the package folder (portal/bodies.py).
PORTAL_BODY_LIMIT_MB = env.integer("PORTAL_BODY_LIMIT_MB", 10, minimum=1)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = PORTAL_HTTPS
SECURE_HSTS_SECONDS = env.integer("PORTAL_HSTS_SECONDS", 31_536_000 if PORTAL_HTTPS else 0)
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Only behind a proxy that sets this header itself and drops the one a client sends.
if _proxy_header := env.text("PORTAL_PROXY_HTTPS_HEADER"):
    SECURE_PROXY_SSL_HEADER = (f"HTTP_{_proxy_header.upper().replace('-', '_')}", "https")

# --- Language and time

LANGUAGE_CODE = "en"
USE_TZ = True
TIME_ZONE = env.text("PORTAL_TIME_ZONE", "UTC")

# --- Static files: served by whitenoise, from the packages and folders themselves unless collected for production

STATIC_URL = "/static/"
STATIC_ROOT = env.path("PORTAL_STATIC_ROOT", BASE_DIR / "staticfiles") if PORTAL_PRODUCTION else None
STATICFILES_DIRS = [folder for folder in (BASE_DIR / "static",) if folder.is_dir()]
WHITENOISE_USE_FINDERS = not PORTAL_PRODUCTION
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_ALLOW_ALL_ORIGINS = False  # no other site has business with our files
_static_storage = "whitenoise.storage.CompressedManifestStaticFilesStorage"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": _static_storage if PORTAL_PRODUCTION else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

# --- Workers (read by builders/)

PORTAL_LEASE_SECONDS = env.integer("PORTAL_LEASE_SECONDS", 30, minimum=1)
PORTAL_TICK_SECONDS = env.integer("PORTAL_TICK_SECONDS", 1, minimum=1)
PORTAL_RELEASE = env.text("PORTAL_RELEASE")
PORTAL_PRESENCE_SECONDS = env.integer("PORTAL_PRESENCE_SECONDS", 5, minimum=1)
PORTAL_KEEP_HOURS = env.integer("PORTAL_KEEP_HOURS", 72, minimum=1)
# How many jobs may work at once: with a host, on a store, reading its images, of a kind. 0 counts nothing.
PORTAL_LIMITS = env.limits(
    "PORTAL_LIMITS",
    {
        "host": 8,
        "store": 8,
        "reading": 2,
        "kind": 0,
        "kind:merge": 2,
        "kind:inspect-image": 2,
        "kind:hash-image": 1,
        "kind:compare-files": 1,
    },
    kinds=("host", "store", "reading", "kind"),
)
PORTAL_SESSIONS_PER_HOST = env.integer("PORTAL_SESSIONS_PER_HOST", 4, minimum=1)

# What a child process that reads an image may use up (builders/inspection/sandbox/limits.py).
PORTAL_INSPECT_LIMITS = {
    "memory_mib": env.integer("PORTAL_INSPECT_MEMORY_MIB", 400, minimum=64),
    "cpu_seconds": env.integer("PORTAL_INSPECT_CPU_SECONDS", 120, minimum=1),
    "wall_seconds": env.integer("PORTAL_INSPECT_SECONDS", 300, minimum=1),
    "open_files": env.integer("PORTAL_INSPECT_FILES", 96, minimum=16),
    "result_mib": env.integer("PORTAL_INSPECT_RESULT_MIB", 64, minimum=1),
}
PORTAL_INSPECT_REQUIRE_GUARDS = env.flag("PORTAL_INSPECT_REQUIRE_GUARDS", default=PORTAL_PRODUCTION)

CELERY_BROKER_URL = addresses.broker(REDIS_URL)
CELERY_TIMEZONE = TIME_ZONE
CELERY_TASK_IGNORE_RESULT = True  # results are rows of the database
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BEAT_SCHEDULER = "builders.engine.beat:Dispatcher"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# No books are kept on messages that are on their way, which costs four trips to Redis each: the dispatcher sends a lost
# one again, seconds later and not after an hour.
CELERY_BROKER_TRANSPORT_OPTIONS = {"ack_emulation": False}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # for ever

# --- Mail, for what kept searches find; without a host none is sent

PORTAL_MAIL_HOST = EMAIL_HOST = env.text("PORTAL_MAIL_HOST")
EMAIL_PORT = env.integer("PORTAL_MAIL_PORT", 587, minimum=1)
EMAIL_HOST_USER = env.text("PORTAL_MAIL_USER")
EMAIL_HOST_PASSWORD = env.secret("PORTAL_MAIL_PASSWORD")
EMAIL_USE_TLS = env.flag("PORTAL_MAIL_STARTTLS", default=True)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.text("PORTAL_MAIL_FROM", "vdisk-portal@localhost")

# --- The rest

LOGGING = logging.configuration(env.text("PORTAL_LOG_LEVEL", "INFO").upper())
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
