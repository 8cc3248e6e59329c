"""Mirrors the farm: a few reads, set-based writes. PVS is the truth; these rows are its picture."""
