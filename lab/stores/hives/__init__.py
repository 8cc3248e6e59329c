"""Registry hives in the regf format, written with the standard library alone."""
