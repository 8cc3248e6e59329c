"""YAML as a tree that knows its lines. Values stay the texts that were written: a version 1.10 is not the number 1.1.

Nothing but maps, lists and plain values: no tags, no aliases, no key twice, no depth and size out of proportion.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

MOST_BYTES = 1024 * 1024
MOST_NODES = 100_000
DEEPEST = 12

_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})


class Unreadable(Exception):
    """``line`` counts from 1; ``str(error)`` says it in front."""

    def __init__(self, line: int, words: str) -> None:
        super().__init__(f"Line {line}: {words}")
        self.line = line


@dataclass
class Text:
    line: int
    value: str
    is_nothing: bool = False


@dataclass
class Listing:
    line: int
    items: list[Tree] = field(default_factory=list)


@dataclass
class Table:
    line: int
    fields: dict[str, Tree] = field(default_factory=dict)


Tree = Text | Listing | Table


def read(text: str) -> Tree:
    """The one document. Unreadable says where it is wrong."""
    if len(text.encode("utf-8", "replace")) > MOST_BYTES:
        raise Unreadable(1, f"the document is larger than {MOST_BYTES // 1024} KiB.")
    try:
        return _tree(yaml.parse(text, _LOADER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = " ".join(str(error.problem or error.context or "it is no YAML").split())
        raise Unreadable(mark.line + 1 if mark else 1, f"{words}.") from error
    except yaml.YAMLError as error:
        raise Unreadable(1, "it holds characters that YAML does not take.") from error


def _tree(events: Iterator[yaml.Event]) -> Tree:
    root: list[Tree] = []
    open_ones: list[tuple[Listing | Table, str | None]] = []
    nodes = 0
    for event in events:
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.DocumentStartEvent) and root:
            raise Unreadable(line, "a second document begins; only one is read.")
        if isinstance(event, yaml.CollectionEndEvent):
            open_ones.pop()
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        nodes += 1
        if nodes > MOST_NODES:
            raise Unreadable(line, f"there are more than {MOST_NODES} values.")
        _refuse_magic(event, line)
        if isinstance(event, yaml.ScalarEvent) and open_ones and _takes_key(open_ones[-1]):
            table, _key = open_ones[-1]
            assert isinstance(table, Table)
            if event.value in table.fields:
                raise Unreadable(line, f"“{event.value}” stands twice.")
            open_ones[-1] = (table, event.value)
            continue
        node = _node(event, line)
        _place(node, root, open_ones)
        if isinstance(node, Listing | Table):
            if len(open_ones) >= DEEPEST:
                raise Unreadable(line, "it is nested too deep.")
            open_ones.append((node, None))
    if not root:
        raise Unreadable(1, "there is nothing in it.")
    return root[0]


def _takes_key(of: tuple[Listing | Table, str | None]) -> bool:
    return isinstance(of[0], Table) and of[1] is None


def _refuse_magic(event: yaml.NodeEvent, line: int) -> None:
    if isinstance(event, yaml.AliasEvent):
        raise Unreadable(line, f"*{event.anchor} stands for something else; write it out.")
    if getattr(event, "tag", None) not in (None, "!"):
        raise Unreadable(line, "tags (what begins with !) are not read.")


def _node(event: yaml.NodeEvent, line: int) -> Tree:
    if isinstance(event, yaml.ScalarEvent):
        return Text(line, event.value, is_nothing=event.style is None and event.value in _NOTHING)
    return Listing(line) if isinstance(event, yaml.SequenceStartEvent) else Table(line)


def _place(node: Tree, root: list[Tree], open_ones: list[tuple[Listing | Table, str | None]]) -> None:
    if not open_ones:
        root.append(node)
        return
    parent, key = open_ones[-1]
    if isinstance(parent, Listing):
        parent.items.append(node)
    elif key is None:
        raise Unreadable(node.line, "the name of a field is plain text.")
    else:
        parent.fields[key] = node
        open_ones[-1] = (parent, None)
