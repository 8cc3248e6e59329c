"""One package an outside system: only what is in here speaks its protocol, and it raises our errors (errors.py)."""
