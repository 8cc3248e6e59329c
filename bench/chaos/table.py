"""The outcome for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.chaos.monkey import Monkey
from bench.chaos.troubles import KILLS
from bench.chaos.verdict import Verdict

MOST_SHOWN = 20


def for_people(verdict: Verdict, monkey: Monkey, attendant: Mapping[str, int], about: Mapping[str, Any]) -> str:
    rows: list[tuple[str, Any]] = [*about.items()]
    rows += [(f"kill: {name}", times) for name, times in sorted(monkey.done.items()) if name in KILLS]
    rows += [(f"fault: {name}", times) for name, times in sorted(monkey.done.items()) if name not in KILLS]
    rows += [(f"by people: {what}", times) for what, times in sorted(attendant.items())]
    rows += [*verdict.figures.items()]
    rows += [(name, len(found)) for name, found in _findings(verdict).items()]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows) + "".join(_told(verdict))


def _findings(verdict: Verdict) -> dict[str, list[str]]:
    return {"LOST": verdict.lost, "DOUBLED": verdict.doubled, "LEFT OVER": verdict.left_over, "NOTED": verdict.notes}


def _told(verdict: Verdict) -> list[str]:
    lines = []
    for name, found in _findings(verdict).items():
        lines += [f"\n{name}: {words}" for words in found[:MOST_SHOWN]]
        if len(found) > MOST_SHOWN:
            lines.append(f"\n{name}: and {len(found) - MOST_SHOWN} more")
    return lines


def for_programs(verdict: Verdict, monkey: Monkey, about: Mapping[str, Any]) -> dict[str, Any]:
    figures = verdict.figures
    return {
        **about,
        "kills": monkey.kills,
        "faults": monkey.faults,
        "recoveries": sum(
            figures.get(name, 0)
            for name in (
                "steps taken over from a lost worker",
                "transient failures survived",
                "lost answers found to have worked",
            )
        ),
        "lost": len(verdict.lost),
        "doubled": len(verdict.doubled),
        "left_over": len(verdict.left_over),
        "troubles": dict(sorted(monkey.done.items())),
        "figures": figures,
    }
