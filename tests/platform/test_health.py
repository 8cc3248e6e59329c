import pytest
from django.test import Client


@pytest.mark.django_db
def test_says_ok_to_anybody_when_database_and_redis_answer(client: Client) -> None:
    response = client.get("/healthz")

    assert response.status_code == 200
    assert response.content == b"ok\n"


@pytest.mark.django_db
def test_names_what_is_missing(client: Client, settings) -> None:
    settings.REDIS_URL = "unix:///nowhere/valkey.sock"

    response = client.get("/healthz")

    assert response.status_code == 503
    assert response.content == b"missing: redis\n"
