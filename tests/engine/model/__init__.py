"""The engine's promises as a small machine whose every interleaving is tried. docs/engine.md tells how to read it."""
