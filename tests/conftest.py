"""Ground for every test: a data folder, PostgreSQL and Valkey of this run's own, and honest skips.

Several runs at once do not meet, and none touches what `make run` keeps. DATABASE_URL, REDIS_URL and PORTAL_VAR, where
given, are used instead.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import hypothesis
import pytest


def _own_data_folder() -> None:
    """Before the settings are read, which is why pyproject.toml leaves naming them to this file."""
    if not os.environ.get("PORTAL_VAR"):
        folder = tempfile.mkdtemp(prefix="vdisk-portal-test-")
        os.environ["PORTAL_VAR"] = folder
        atexit.register(_remove, Path(folder))
    os.environ.setdefault("PORTAL_EMBEDDED_DURABLE", "0")
    # What the developer's shell says about an installation is not about this one.
    for name in ("PRODUCTION", "HTTPS", "DEBUG", "ALLOWED_HOSTS", "TIME_ZONE", "METRICS_TOKEN"):
        os.environ.pop(f"PORTAL_{name}", None)
    os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"


def _remove(folder: Path) -> None:
    from portal import embedded

    embedded.stop(folder)
    shutil.rmtree(folder, ignore_errors=True)


_given = {name: os.environ.get(name) for name in ("PORTAL_VAR", "DJANGO_SETTINGS_MODULE")}
_own_data_folder()


def pytest_configure(config: pytest.Config) -> None:
    """Who only hands out tests (pytest -n 2) leaves the environment as it was: who runs them has ground of his own."""
    if getattr(config.option, "dist", "no") == "no" or hasattr(config, "workerinput"):
        return
    for name, value in _given.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


import django  # noqa: E402 - after the settings are named

django.setup()


# A test never asserts how long something takes, and a machine may be busy with other things.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")


def require_extra(name: str, present: bool, how: str) -> None:
    """Skip a test for want of something optional; say what is missing and the command that brings it.

    With PORTAL_REQUIRE_EXTRAS=1 (as in CI, which installs everything) it is a failure: a suite that skips itself
    must not look green.
    """
    if present:
        return
    message = f"needs {name}; to have it: {how}"
    if os.environ.get("PORTAL_REQUIRE_EXTRAS") == "1":
        pytest.fail(f"{message} (PORTAL_REQUIRE_EXTRAS=1 allows no skip)", pytrace=False)
    pytest.skip(message)


@pytest.fixture(autouse=True)
def _secrets_of_one_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker never forgets a secret, and masks it wherever it comes again; tests use words such as "c" for one."""
    from builders.engine import masking

    monkeypatch.setattr(masking, "_portal", masking.Vault())
    monkeypatch.setattr(masking, "_read_at", None)
    masking._masked_before.cache_clear()


@pytest.fixture(scope="session")
def servers() -> None:
    """The embedded servers, for tests that speak to Redis without touching the database first."""
    from django.conf import settings

    settings.PORTAL_ATTACH_SERVERS()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(servers: None) -> None:
    """Runs before pytest-django makes the test database."""


@pytest.fixture
def child_environment(transactional_db: None) -> dict[str, str]:
    """Environment for a real child process (worker, beat, web) that is to work on this test's database."""
    from django.conf import settings
    from django.db import connection

    from portal import addresses

    database = settings.DATABASES["default"] | {"NAME": connection.settings_dict["NAME"]}
    return os.environ | {"DATABASE_URL": addresses.database_url(database), "REDIS_URL": settings.REDIS_URL}
