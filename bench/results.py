"""Figures for programs: one JSON file a benchmark, beside the table for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "results"


def write(name: str, figures: Mapping[str, Any], folder: Path = FOLDER) -> Path:
    """``<folder>/<name>.json``, replaced as a whole."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.json"
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return draft.replace(file)


def percentile(values: list[float], share: float) -> float:
    """The smallest value that at least ``share`` of all do not exceed. ``values`` must not be empty."""
    ordered = sorted(values)
    rank = -(-len(ordered) * share // 1)
    return ordered[max(0, int(rank) - 1)]
