"""A WS-Management server: as much of [MS-WSMV] as a client of the Windows command shell needs."""
