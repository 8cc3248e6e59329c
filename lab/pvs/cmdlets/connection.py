"""Set-PvsConnection and what tells about the connection."""

from lab.pvs import codes
from lab.pvs.cmdlets.registry import FLAG, NUMBER, TEXT, Call, cmdlet
from lab.pvs.codes import FarmError

SOAP_PORT = 54321
SDK_VERSION = "2402.0.0.100"


@cmdlet(
    "Set-PvsConnection",
    {"Server": TEXT, "Name": TEXT, "Port": NUMBER, "User": TEXT, "Domain": TEXT, "Password": TEXT},
    {"Persist": FLAG, "PassThru": FLAG},
    needs_connection=False,
)
def set_connection(call: Call) -> list[object]:
    """Connect this process to the SOAP service of a server; "localhost" is the machine itself."""
    asked = call.text("Server") or call.text("Name") or "localhost"
    name = call.server if asked.lower() in {"localhost", "127.0.0.1"} else asked.partition(".")[0]
    server, port = call.datacentre.farm.server(name), call.number("Port") or SOAP_PORT
    if server is None or not server.up or port != SOAP_PORT:
        raise FarmError(codes.SERVER_OFFLINE, f"No SOAP service answers at {asked}:{port}.")
    call.connection.server, call.connection.port = server.name, port
    return [_connection(call)] if call.flag("PassThru") else []


@cmdlet("Get-PvsConnection", needs_connection=False)
def get_connection(call: Call) -> list[object]:
    return [_connection(call)]


@cmdlet("Get-PvsVersion")
def get_version(_: Call) -> list[object]:
    return [
        {
            "MapiVersion": SDK_VERSION,
            "MapiVersionNumber": 4100,
            "DbVersion": 165,
            "DbEdition": "Standard Edition (64-bit)",
            "DbSize": 128,
            "SdkVersion": SDK_VERSION,
            "Type": 0,
        }
    ]


@cmdlet("Get-PvsServerName")
def get_server_name(call: Call) -> list[object]:
    return [call.connection.server]


def _connection(call: Call) -> dict[str, object]:
    return {
        "Server": call.connection.server or "localhost",
        "Name": call.connection.server or "localhost",
        "Port": call.connection.port,
        "User": "",
        "Domain": "",
        "Persist": False,
        "Connected": bool(call.connection.server),
    }
