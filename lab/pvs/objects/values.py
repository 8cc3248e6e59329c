"""What stands in a property when there is nothing to say, and what is the same everywhere in the lab."""

NO_ID = "00000000-0000-0000-0000-000000000000"
NO_IP = "0.0.0.0"  # noqa: S104  what an inactive target reports, not an address to bind
FARM_ADMINISTRATOR = 100
STREAM_PORT = 6910
BLOCK_KB = 32768

Bag = dict[str, object]
