"""From a farm's rows to the adapter that talks to it. Secrets are decrypted here, in the worker, and no earlier."""

from __future__ import annotations

from django.conf import settings

from builders.adapters.errors import NotAuthenticated, Unreachable
from builders.adapters.powershell.connection import Authentication, HostConnection
from builders.adapters.powershell.tls import CaFile, PinnedCertificate, Tls, ValidateOff
from builders.adapters.pvs.farm import ProvisioningFarm
from builders.engine import masking
from lifecycle.models import Farm, FarmConnection


def open_farm(farm: Farm) -> ProvisioningFarm:
    """The farm through its connections, in their order. Unreachable without any, NotAuthenticated once turned away."""
    if farm.turned_away_at:
        raise NotAuthenticated(
            f"{farm.name} turned the portal's account away at {farm.turned_away_at:%Y-%m-%d %H:%M} UTC. So that the "
            "account is not locked, it is not tried again until the connection is set anew (manage.py farm)."
        )
    connections = [connection_to(row) for row in farm.connections.order_by("position")]
    if not connections:
        raise Unreachable(f"{farm.name} has no connection set up; a Citrix admin has to name a PVS server first.")
    return ProvisioningFarm.at(
        connections, time_zone=farm.time_zone, sessions_per_host=settings.PORTAL_SESSIONS_PER_HOST
    )


def connection_to(row: FarmConnection) -> HostConnection:
    masking.remember(row.password)
    return HostConnection(
        host=row.host,
        port=row.port,
        transport=_transport(row),
        username=row.username,
        password=row.password,
        tls=_tls(row),
        name=row.name,
    )


def _tls(row: FarmConnection) -> Tls:
    if row.verify == FarmConnection.Verify.OFF:
        return ValidateOff()
    if row.verify == FarmConnection.Verify.PINNED:
        return PinnedCertificate(row.fingerprint)
    return CaFile(row.ca_file)


def _transport(row: FarmConnection) -> Authentication:
    known: dict[str, Authentication] = {"basic": "basic", "ntlm": "ntlm", "kerberos": "kerberos"}
    return known[row.transport]
