"""The portal's own middleware around a page that never ends, as the live pages do."""

import asyncio
import os
from collections.abc import AsyncIterator

os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"

import django

django.setup()

from django.conf import settings  # noqa: E402 - models are imported below
from django.core.asgi import get_asgi_application  # noqa: E402
from django.http import HttpRequest, StreamingHttpResponse  # noqa: E402
from django.urls import path  # noqa: E402

from portal import urls  # noqa: E402
from portal.http import public  # noqa: E402


@public
async def endless(request: HttpRequest) -> StreamingHttpResponse:
    async def events() -> AsyncIterator[bytes]:
        yield b"data: first\n\n"
        while True:
            await asyncio.sleep(600)

    return StreamingHttpResponse(events(), content_type="text/event-stream")


urlpatterns = [*urls.urlpatterns, path("endless/", endless)]
settings.ROOT_URLCONF = __name__
application = get_asgi_application()
