"""The job engine: how soon, how fast, how much memory, how many statements. `python -m bench.engine`."""
