"""The store folders of the simulated servers: real files with real bytes."""
