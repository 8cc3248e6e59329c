"""PostgreSQL and Valkey of the benchmark's own, in a folder that goes in the end; a fresh database each measurement."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any, Self

import django
import psycopg
import redis
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from portal import addresses, embedded

DURABLE = "PORTAL_EMBEDDED_DURABLE"
FOREIGN = ("DATABASE_", "REDIS_", "PORTAL_", "CELERY_", "PG")
"""What the shell says about an installation is not about this one: the product's own defaults are measured."""
TEMPLATE = "portal"


class Ground:
    """``with Ground() as ground: database = ground.database("steps")``. Once a process: Django is set up on it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vdisk-portal-bench-"))
        self.durable = os.environ.get(DURABLE) != "0"
        for name in [name for name in os.environ if name.startswith(FOREIGN)]:
            del os.environ[name]
        os.environ |= {
            "PORTAL_VAR": str(self.folder),
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            DURABLE: "1" if self.durable else "0",
            "PORTAL_LOG_LEVEL": "WARNING",
        }

    def __enter__(self) -> Self:
        django.setup()
        settings.PORTAL_ATTACH_SERVERS()
        call_command("migrate", verbosity=0, interactive=False)
        connection.close()
        self.server = dict(settings.DATABASES["default"])
        self.redis_url = settings.REDIS_URL
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        connection.close()
        if not embedded.stop(self.folder):
            sys.stderr.write(f"the servers in {self.folder} did not stop\n")
        shutil.rmtree(self.folder, ignore_errors=True)

    def database(self, name: str, *, tell_statements: bool = False) -> dict[str, str]:
        """A fresh database, which this process works on from now on; the environment for processes beside it."""
        connection.close()
        redis.Redis.from_url(self.redis_url).flushall()
        with self.connect() as server:
            server.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
            if tell_statements:
                server.execute(f"ALTER DATABASE {name} SET log_statement = 'all'")
                server.execute("ALTER SYSTEM SET log_line_prefix = '%a %p '")
                server.execute("SELECT pg_reload_conf()")
        connection.settings_dict["NAME"] = name
        own = self.server | {"NAME": name}
        return {"DATABASE_URL": addresses.database_url(own), "REDIS_URL": self.redis_url}

    @property
    def statement_log(self) -> Path:
        return self.folder / "embedded" / "postgres.log"

    def connect(self) -> psycopg.Connection[Any]:
        place = {"host": self.server["HOST"], "port": self.server["PORT"], "user": self.server["USER"]}
        return psycopg.connect(**place, dbname="template1", autocommit=True)

    def commit_milliseconds(self, times: int = 200) -> float:
        """The median time of one small committed write."""
        took = []
        with psycopg.connect(
            host=self.server["HOST"], port=self.server["PORT"], user=self.server["USER"], dbname=TEMPLATE
        ) as own:
            own.autocommit = True
            own.execute("CREATE TABLE bench_commit (n int)")
            for number in range(times):
                begun = time.perf_counter()
                own.execute("INSERT INTO bench_commit VALUES (%s)", [number])
                took.append(time.perf_counter() - begun)
            own.execute("DROP TABLE bench_commit")
        return median(took) * 1000
