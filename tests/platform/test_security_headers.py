import re

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.test.utils import override_settings
from django.urls import path
from django_htmx.jinja import htmx_script

from portal import urls
from portal.csp import POLICY


def undeclared(request: HttpRequest) -> HttpResponse:
    return HttpResponse("for whoever is logged in")


urlpatterns = [*urls.urlpatterns, path("undeclared/", undeclared)]


@pytest.mark.django_db
def test_every_answer_carries_the_policy_and_allows_nothing_inline(client: Client) -> None:
    response = client.get("/healthz")

    assert response.headers["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY


@pytest.mark.urls(__name__)
@pytest.mark.django_db
def test_a_page_that_says_nothing_about_it_is_closed_to_strangers(client: Client) -> None:
    response = client.get("/undeclared/")

    assert response.status_code in {302, 403}
    assert b"for whoever" not in response.content


@override_settings(SECURE_SSL_REDIRECT=True)
@pytest.mark.django_db
def test_health_is_answered_without_tls_for_the_prober_beside_the_server(client: Client) -> None:
    assert client.get("/healthz").status_code == 200
    assert client.get("/").status_code == 301


@pytest.mark.django_db
def test_htmx_is_served_from_its_package(client: Client) -> None:
    address = re.search(r'src="([^"]*)"', htmx_script(extensions="hx-sse"))
    assert address

    response = client.get(address[1])

    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/javascript")
    assert len(response.content) > 10_000


@pytest.mark.django_db
def test_a_static_file_that_the_browser_has_is_not_sent_again(client: Client) -> None:
    first = client.get("/static/django_htmx/htmx-2.min.js")

    again = client.get("/static/django_htmx/htmx-2.min.js", headers={"If-Modified-Since": first["Last-Modified"]})

    assert again.status_code == 304
    assert again.content == b""
    assert "Access-Control-Allow-Origin" not in first.headers
