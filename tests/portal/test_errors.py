import logging
from collections.abc import Callable, Iterator
from io import StringIO
from logging.config import DictConfigurator

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import get_resolver, path

from lifecycle.errors import Incomplete, LifecycleError, NotAllowed, NotNow
from portal.http import public
from portal.logging import configuration

pytestmark = pytest.mark.django_db

REFUSALS: dict[str, LifecycleError] = {
    "not-allowed": NotAllowed("Someone else has to decide."),
    "not-now": NotNow("The version is being merged."),
    "incomplete": Incomplete("reason", "Say why."),
}


@public
def _refusing(request: object, name: str) -> None:
    raise REFUSALS[name]


@public
def _faulty(request: object) -> None:
    raise ZeroDivisionError("with the host secret in it")


@public
def _denied(request: object) -> None:
    raise PermissionDenied("Not for you.")


urlpatterns = [
    path("denied/", _denied),
    path("refusing/<slug:name>/", _refusing),
    path("faulty/", _faulty),
    *get_resolver("portal.urls").url_patterns,
]
handler400 = "portal.views.errors.bad_request"
handler404 = "portal.views.errors.not_found"


@pytest.fixture(autouse=True)
def _with_views_that_fail(settings) -> None:
    settings.ROOT_URLCONF = __name__


@pytest.mark.parametrize(("name", "status"), [("not-allowed", 403), ("not-now", 409), ("incomplete", 400)])
def test_a_refusal_of_the_domain_becomes_a_page_with_its_words(client: Client, name: str, status: int) -> None:
    response = client.get(f"/refusing/{name}/")

    assert response.status_code == status
    assert str(REFUSALS[name]) in response.content.decode()


def test_a_fault_says_whose_it_is_and_nothing_of_the_cause(client: Client) -> None:
    client.raise_request_exception = False

    response = client.get("/faulty/")

    assert response.status_code == 500
    assert "A fault of the portal" in response.content.decode()
    assert "secret" not in response.content.decode()


def test_an_address_that_is_not_there_looks_like_one_that_is_not_seen(
    as_: Callable[[User], Client], helpdesk: User
) -> None:
    client = as_(helpdesk)

    nowhere, unseen = client.get("/nowhere/"), client.get("/jobs/")

    assert nowhere.status_code == unseen.status_code == 404
    assert "There is no such page, or your role does not see it." in nowhere.content.decode()
    assert "There is no such page, or your role does not see it." in unseen.content.decode()


def test_a_foreign_host_name_is_refused_without_a_fault(client: Client) -> None:
    response = client.get("/", headers={"host": "evil.example"})

    assert response.status_code == 400
    assert "That did not work" in response.content.decode()


@pytest.fixture
def log() -> Iterator[StringIO]:
    """What the web process writes to stderr, by the handler that the settings make."""
    before = logging.root.handlers[:]
    level = logging.root.level
    text = StringIO()
    handler = configured_handler(text)
    logging.root.addHandler(handler)
    logging.root.setLevel("INFO")
    yield text
    logging.root.handlers[:] = before
    logging.root.setLevel(level)


def configured_handler(text: StringIO) -> logging.Handler:
    made = DictConfigurator(configuration("INFO"))
    for name in ("filters", "formatters"):
        for each in made.config[name]:
            configure = {"filters": made.configure_filter, "formatters": made.configure_formatter}[name]
            made.config[name][each] = configure(made.config[name][each])
    handler = made.configure_handler(made.config["handlers"]["stderr"])
    handler.setStream(text)
    return handler


def test_a_refused_page_is_one_line_of_the_log(client: Client, log: StringIO) -> None:
    client.get("/denied/")

    (line,) = log.getvalue().splitlines()
    assert "WARNING" in line
    assert "/denied/" in line


def test_a_fault_is_told_whole(client: Client, log: StringIO) -> None:
    client.raise_request_exception = False
    client.get("/faulty/")

    assert "Traceback (most recent call last)" in log.getvalue()
    assert "ZeroDivisionError" in log.getvalue()
