"""Waiting for processes of ours to be gone."""

import psutil


def gone(processes: list[psutil.Process]) -> bool:
    """A zombie counts as gone: who has to fetch it is the machine's first process, in containers often a lazy one."""
    _, alive = psutil.wait_procs(processes, timeout=5)
    return not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
