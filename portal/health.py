"""`/healthz`: whether this process can do its work now, for supervisors, load balancers and containers."""

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis.backoff import NoBackoff
from redis.retry import Retry


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 `ok`, or 503 with the name of what is missing and nothing more: anybody may ask."""
    missing = [name for name, works in (("database", _database_answers), ("redis", _redis_answers)) if not works()]
    if missing:
        return HttpResponse(f"missing: {', '.join(missing)}\n", content_type="text/plain", status=503)
    return HttpResponse("ok\n", content_type="text/plain")


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _redis_answers() -> bool:
    once = Retry(NoBackoff(), 0)  # a prober asks again by itself
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2, retry=once)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
