import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

from django.conf import settings
from django.core.asgi import get_asgi_application

from portal.checks import refuse_unsafe_settings

_django = get_asgi_application()
refuse_unsafe_settings()
settings.PORTAL_ATTACH_SERVERS()  # the login throttle and live pages need Redis before anybody needs the database

from portal.bodies import BodyLimit  # noqa: E402 - reads the table of sessions, so the apps come first

application = BodyLimit(_django)
