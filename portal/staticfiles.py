"""Static files by whitenoise, in whole answers."""

from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]
    """whitenoise streams a file by a synchronous iterator, which Django's ASGI handler takes with a warning for each.

    Ours are small (the largest is a script of 60 kB), so they are read and answered whole.
    """

    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        found = static_file.get_response(request.method, request.META)
        body = b""
        if found.file is not None:
            with found.file:
                body = found.file.read()
        response = HttpResponse(body, status=int(found.status))
        del response.headers["Content-Type"]  # the file's own stands in the headers below, if it is sent at all
        for name, value in found.headers:
            response.headers[name] = value
        return response
