class EmbeddedServerError(Exception):
    """An embedded server did not start; the message says where to read on and what to do instead."""
