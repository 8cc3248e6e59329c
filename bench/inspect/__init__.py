"""How fast images are read: ours, another reader, and the floor, on one image made for it (docs/benchmarks.md)."""
