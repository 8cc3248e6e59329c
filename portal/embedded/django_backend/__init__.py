"""Django's PostgreSQL back end, which makes sure that the embedded server runs before it connects."""
