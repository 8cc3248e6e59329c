import pytest
from django.core.exceptions import ImproperlyConfigured

from portal import addresses


def test_takes_a_database_url_apart() -> None:
    entry = addresses.database("postgresql://portal:p%40ss@db.example:5433/vdisk?sslmode=require")

    assert entry["NAME"] == "vdisk"
    assert entry["USER"] == "portal"
    assert entry["PASSWORD"] == "p@ss"
    assert (entry["HOST"], entry["PORT"]) == ("db.example", "5433")
    assert entry["OPTIONS"] == addresses.NEVER_HANG | {"sslmode": "require"}


def test_takes_a_unix_socket_as_libpq_does() -> None:
    entry = addresses.database("postgresql://portal@/vdisk?host=/run/postgresql")

    assert entry["HOST"] == "/run/postgresql"
    assert "host" not in entry["OPTIONS"]


@pytest.mark.parametrize("url", ["sqlite:///db", "postgresql://portal@db"])
def test_refuses_another_database_and_one_without_a_name(url: str) -> None:
    with pytest.raises(ImproperlyConfigured):
        addresses.database(url)


def test_a_refused_address_does_not_show_its_password() -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        addresses.database("postgresql://portal:hunter2@db/")

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://portal:p%2Fss@db.example:5433/vdisk?sslmode=require",
        "postgresql://portal@/vdisk?host=/tmp/a%20b/pg",
        "postgresql://portal@db.example/vdisk",
    ],
)
def test_hands_a_database_on_as_it_came(url: str) -> None:
    entry = addresses.database(url)

    assert addresses.database(addresses.database_url(entry)) == entry


def test_spells_a_unix_socket_as_the_broker_wants_it() -> None:
    assert addresses.broker("unix:///run/valkey.sock?db=2") == "redis+socket:///run/valkey.sock?virtual_host=2"
    assert addresses.broker("rediss://:secret@redis/0") == "rediss://:secret@redis/0"
    with pytest.raises(ImproperlyConfigured):
        addresses.broker("amqp://rabbit")


def test_takes_passwords_that_come_by_themselves() -> None:
    assert addresses.database("postgresql://portal@db/vdisk", "from a file")["PASSWORD"] == "from a file"
    assert addresses.redis("redis://redis:6379/0", "a/b") == "redis://:a%2Fb@redis:6379/0"
    assert addresses.redis("rediss://user@redis/0", "secret") == "rediss://user:secret@redis/0"
    assert addresses.redis("redis://redis/0") == "redis://redis/0"


def test_what_the_address_says_of_timeouts_counts() -> None:
    entry = addresses.database("postgresql://u@h/n?connect_timeout=60")

    assert entry["OPTIONS"] == addresses.NEVER_HANG | {"connect_timeout": "60"}
