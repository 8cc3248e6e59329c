"""Scheduled tasks: from their files, and from the registry those whose file is gone."""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from builders.inspection.inventory.finding import MISSES
from builders.inspection.inventory.reading import Reading
from builders.inspection.inventory.report import Task
from builders.inspection.inventory.secrets import concealed

FOLDER = r"Windows\System32\Tasks"
TREE = r"Microsoft\Windows NT\CurrentVersion\Schedule\TaskCache\Tree"
WINDOWS_OWN = "\\microsoft\\windows\\"
"""Windows' own tasks, some hundreds, are not what a rebuild would lose."""
MOST_TASKS = 2000
MOST_DEPTH = 12
MOST_KEYS = 20_000
MOST_FILE = 1 << 20


def read_tasks(reading: Reading) -> list[Task]:
    found = {task["path"].lower(): task for task in _from_files(reading)}
    for task in _from_registry(reading):
        found.setdefault(task["path"].lower(), task)
    return sorted(found.values(), key=lambda task: task["path"].lower())


def actions_in(content: bytes) -> list[str]:
    """What a task's file starts, a line each. ParseError or DefusedXmlException for what is no such file."""
    root = ElementTree.fromstring(_text(content))
    actions = []
    for action in root.iter():
        kind = _tag(action)
        if kind == "Exec":
            actions.append(" ".join(filter(None, (_below(action, "Command"), _below(action, "Arguments")))))
        elif kind == "ComHandler":
            actions.append(f"COM {_below(action, 'ClassId')}")
    return [concealed(action) for action in actions if action]


def _from_files(reading: Reading) -> list[Task]:
    tasks: list[Task] = []
    waiting = [("", 0)]
    while waiting:
        below, depth = waiting.pop()
        for name in reading.names(FOLDER + below):
            path = rf"{below}\{name}"
            if f"{path}\\".lower().startswith(WINDOWS_OWN):
                continue
            if _is_folder(reading, path):
                if depth < MOST_DEPTH:
                    waiting.append((path, depth + 1))
                else:
                    reading.warn(FOLDER + path, f"more than {MOST_DEPTH} folders deep; it was not read", lost=True)
            elif len(tasks) >= MOST_TASKS:
                reading.warn(FOLDER, f"more than {MOST_TASKS:,} tasks; the rest was not read", lost=True)
                return tasks
            elif (content := reading.file(FOLDER + path, MOST_FILE)) is not None:
                tasks.append(_task(reading, path, content))
    return tasks


def _is_folder(reading: Reading, path: str) -> bool:
    try:
        return reading.volume is not None and reading.volume.is_folder(FOLDER + path)
    except MISSES:
        return False


def _task(reading: Reading, path: str, content: bytes) -> Task:
    try:
        actions = actions_in(content)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        reading.warn(FOLDER + path, f"the task cannot be read: {error}", lost=True)
        actions = []
    return {"path": path, "actions": actions, "source": FOLDER + path}


def _from_registry(reading: Reading) -> list[Task]:
    tree = reading.software(TREE)
    waiting = [(tree, "")] if tree else []
    tasks: list[Task] = []
    for _ in range(MOST_KEYS):
        if not waiting:
            return tasks
        key, path = waiting.pop()
        if f"{path}\\".lower().startswith(WINDOWS_OWN):
            continue
        if path.count("\\") > MOST_DEPTH:
            reading.warn(f"SOFTWARE\\{key.path}", f"more than {MOST_DEPTH} keys deep; it was not read", lost=True)
            continue
        if key.text("Id") and path:
            tasks.append(Task(path=path, actions=[], source=f"SOFTWARE\\{key.path}"))
        waiting.extend((below, rf"{path}\{below.name}") for below in key)
    if waiting:
        reading.warn(rf"SOFTWARE\{TREE}", f"more than {MOST_KEYS:,} keys of tasks; the rest was not read", lost=True)
    return tasks


def _text(content: bytes) -> str | bytes:
    """Tasks are written as UTF-16 and say so themselves, which a parser of text does not want to read twice."""
    if content[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        return content
    text = content[: len(content) & ~1].decode("utf-16", "replace").lstrip("\ufeff")
    return text.split("?>", 1)[1] if text.startswith("<?xml") and "?>" in text else text


def _tag(element: Element) -> str:
    return element.tag.rsplit("}", 1)[-1] if isinstance(element.tag, str) else ""


def _below(element: Element, name: str) -> str:
    return next(((below.text or "").strip() for below in element if _tag(below) == name), "")
