"""Database and broker addresses as their clients want them, read from one URL each."""

from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

from django.core.exceptions import ImproperlyConfigured

# A database host that vanished is noticed within seconds, not after the hours that TCP would wait.
NEVER_HANG = {
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}


def database(url: str, password: str = "") -> dict[str, Any]:
    """A Django database entry from `postgresql://user:password@host:port/name?sslmode=require`.

    A unix socket is named as libpq does it, `postgresql://user@/name?host=/run/postgresql`; every other parameter
    of the query goes to libpq as it is, before NEVER_HANG. The password may come by itself, from a file of its own.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured("DATABASE_URL must begin with postgresql:// (no other database is supported).")
    options = NEVER_HANG | dict(parse_qsl(parts.query))
    name = unquote(parts.path.lstrip("/"))
    if not name:
        raise ImproperlyConfigured("DATABASE_URL names no database: postgresql://user:password@host/NAME")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": password or unquote(parts.password or ""),
        "HOST": options.pop("host", None) or unquote(parts.hostname or ""),
        "PORT": options.pop("port", None) or str(parts.port or ""),
        "OPTIONS": options,
    }


def database_url(entry: dict[str, Any]) -> str:
    """The way back, for handing a database on to a child process."""
    user = quote(entry["USER"], safe="")
    password = f":{quote(entry['PASSWORD'], safe='')}" if entry.get("PASSWORD") else ""
    query = [f"{name}={quote(str(value), safe='/')}" for name, value in entry.get("OPTIONS", {}).items()]
    host, port = str(entry["HOST"]), str(entry.get("PORT") or "")
    if host.startswith("/"):
        query.insert(0, f"host={quote(host, safe='/')}")
        host = ""
    place = host + (f":{port}" if port else "")
    return f"postgresql://{user}{password}@{place}/{quote(entry['NAME'], safe='')}" + (
        f"?{'&'.join(query)}" if query else ""
    )


def redis(url: str, password: str = "") -> str:
    """The address with the password put in, where it came by itself."""
    parts = urlsplit(url)
    if not password or parts.scheme == "unix":
        return url
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(parts.username or '')}:{quote(password, safe='')}@{place}"))


def broker(redis_url: str) -> str:
    """The Celery form of a redis address: kombu spells a unix socket differently from redis-py."""
    parts = urlsplit(redis_url)
    if parts.scheme == "unix":
        number = dict(parse_qsl(parts.query)).get("db", "0")
        return f"redis+socket://{parts.path}?virtual_host={number}"
    if parts.scheme not in {"redis", "rediss"}:
        raise ImproperlyConfigured("REDIS_URL must begin with redis://, rediss:// or unix://")
    return redis_url
