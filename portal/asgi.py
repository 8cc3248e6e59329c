import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

from django.conf import settings
from django.core.asgi import get_asgi_application

from portal.checks import refuse_unsafe_settings

application = get_asgi_application()
refuse_unsafe_settings()
settings.PORTAL_ATTACH_SERVERS()  # the login throttle and live pages need Redis before anybody needs the database
