"""Tasks that do what an image that has taken over its reader might do. Only tests can name this module."""

import ctypes
import os
import resource
import signal
import socket
import sys
import time
from pathlib import Path

from builders.inspection.errors import Damaged


def _told(call):
    """What came of an attempt, in a word."""
    try:
        call()
    except BaseException as error:
        return type(error).__name__
    return "done"


def honest(folders, orders, options, tell):
    tell.progress("Working", 1, 2)
    return {"options": dict(options), "tops": [order["top"] for order in orders]}


def reads(folders, orders, options, tell):
    with_names = folders[0].names()
    source = folders[0].open(orders[0]["top"])
    data = source.read(options["offset"], options["length"])
    source.close()
    return {"names": with_names, "size": source.size, "data": data.hex() if len(data) < 10_000 else len(data)}


def opens(folders, orders, options, tell):
    try:
        folders[0].open(options["name"])
    except Exception as error:
        return {"kind": type(error).__name__, "words": str(error)}
    return {"kind": "opened"}


def writes(folders, orders, options, tell):
    target = options["target"]
    kept = os.open(options["kept"], os.O_RDONLY) if options.get("kept") else -1
    source = folders[0].open(orders[0]["top"])
    handed = source._descriptor
    return {
        "create": _told(lambda: Path(target).write_bytes(b"x")),
        "append": _told(lambda: open(options["existing"], "ab")),
        "truncate": _told(lambda: os.truncate(options["existing"], 0)),
        "remove": _told(lambda: os.unlink(options["existing"])),
        "rename": _told(lambda: os.rename(options["existing"], target)),
        "mkdir": _told(lambda: os.mkdir(target)),
        "symlink": _told(lambda: os.symlink("/etc/passwd", target)),
        "chmod": _told(lambda: os.chmod(options["existing"], 0o777)),
        "times": _told(lambda: os.utime(options["existing"])),
        "handed": _told(lambda: os.write(handed, b"x")),
        "handed again": _told(lambda: os.open(f"/proc/self/fd/{handed}", os.O_RDWR)),
        "memory file": _told(lambda: os.memfd_create("x")),
        "kept": kept,
    }


def looks_around(folders, orders, options, tell):
    return {
        "environment": dict(os.environ),
        "arguments": sys.argv,
        "descriptors": sorted(int(name) for name in options["numbers"] if _is_open(int(name))),
        "read": {path: _told(lambda path=path: Path(path).read_bytes()) for path in options["paths"]},
        "modules": sorted(name for name in sys.modules if name.split(".")[0] in {"django", "smbprotocol", "lifecycle"}),
        "limits": {
            name: resource.getrlimit(getattr(resource, name))
            for name in ("RLIMIT_CORE", "RLIMIT_NOFILE", "RLIMIT_FSIZE")
        },
        "raise limit": _told(lambda: resource.setrlimit(resource.RLIMIT_AS, (-1, -1))),
    }


def _is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def tcp(folders, orders, options, tell):
    socket.create_connection(("127.0.0.1", options["port"]), timeout=5)
    return {"reached": True}


def datagram(folders, orders, options, tell):
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", options["port"]))
    return {"reached": True}


def local_socket(folders, orders, options, tell):
    socket.socket(socket.AF_UNIX).connect(options["path"])
    return {"reached": True}


def forks(folders, orders, options, tell):
    while True:
        os.fork()


def starts(folders, orders, options, tell):
    os.execv("/bin/sh", ["sh", "-c", "true"])


def kills_starter(folders, orders, options, tell):
    os.kill(os.getppid(), signal.SIGTERM)
    return {"sent": True}


def watches_another(folders, orders, options, tell):
    ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0)
    return {"attached": True}


def takes_memory(folders, orders, options, tell):
    held = []
    while True:
        held.append(bytearray(16 << 20))


def takes_memory_quietly(folders, orders, options, tell):
    """As a C library: it asks for memory itself and goes on when there is none."""
    allocate = ctypes.CDLL(None).malloc
    allocate.restype = ctypes.c_void_p
    allocate.argtypes = [ctypes.c_size_t]
    count = 0
    while allocate(8 << 20):
        count += 1
    return {"mib": count * 8}


def computes(folders, orders, options, tell):
    while True:
        pass


def sleeps(folders, orders, options, tell):
    tell.progress("Sleeping")
    time.sleep(3600)


def reads_without_end(folders, orders, options, tell):
    source = folders[0].open(orders[0]["top"])
    while True:
        source.read(0, 10)


def opens_again(folders, orders, options, tell):
    """One file by its name, again and again; then what each of them reads, and what is left when one is closed."""
    sources = [folders[0].open(orders[0]["top"]) for _ in range(options["times"])]
    read = {source.read(0, 4).hex() for source in sources}
    for source in sources[1:]:
        source.close()
    return {"read": sorted(read), "after": sources[0].read(4, 4).hex()}


def opens_all(folders, orders, options, tell):
    held = [folders[0].open(name) for name in folders[0].names()]
    return {"opened": len(held)}


def calls(folders, orders, options, tell):
    """Calls of the kernel by their numbers, with arguments that do nothing where one is let through."""
    library, found = ctypes.CDLL(None, use_errno=True), []
    for number in options["numbers"]:
        ctypes.set_errno(0)
        library.syscall(number, *[ctypes.c_long(-1)] * 6)
        found.append(ctypes.get_errno())
    return {"errors": found}


def explodes(folders, orders, options, tell):
    """Three bytes on the line, seventy in memory; and an escape, so that it is looked through."""
    data = b'{"a":["\\u0041\\u0000",' + b"{}," * options["times"] + b"{}]}"
    for at in range(0, len(data), 1 << 20):
        last = at + (1 << 20) >= len(data)
        tell._line.tell({"ask": "result", "bytes_read": 0, "last": last}, data[at : at + (1 << 20)])
    if options["times"] > 1000:
        time.sleep(3600)
    os._exit(0)  # its keeper has the answer; whatever came after it would be garbage


def opens_many(folders, orders, options, tell):
    held = []
    while True:
        held.append(folders[0].open(orders[0]["top"]))


def opens_many_itself(folders, orders, options, tell):
    held = []
    while True:
        held.append(os.open(os.__file__, os.O_RDONLY))


def crashes(folders, orders, options, tell):
    tell.part("report", {"format": 1, "warnings": [], "partial": False, "image": {"size": 7}})
    os.kill(os.getpid(), signal.SIGSEGV)


def aborts(folders, orders, options, tell):
    os.abort()


def leaves(folders, orders, options, tell):
    os._exit(3)


def recurses(folders, orders, options, tell):
    return recurses(folders, orders, options, tell)


def fails(folders, orders, options, tell):
    raise ZeroDivisionError("of the reader's own making")


def says_damaged(folders, orders, options, tell):
    raise Damaged("W11.vhdx: the header contradicts itself")


def hung_then_partial(folders, orders, options, tell):
    tell.part("report", {"format": 1, "warnings": [{"where": "a", "words": "b"}], "partial": False})
    tell.progress("Told")
    time.sleep(3600)


def much(folders, orders, options, tell):
    return {"much": "x" * (options["mib"] << 20)}


def many_parts(folders, orders, options, tell):
    for number in range(10_000):
        tell.part(f"part {number}", {})
    return {}


def odd_text(folders, orders, options, tell):
    return {"zero": "a\0b", "half": "a\ud800b", "name\0": ["\0", {"x": "\udfff"}], "fine": "Überprüfung 漢"}


def deep(folders, orders, options, tell):
    tell._line.tell({"ask": "result", "bytes_read": 0, "last": True}, b"[" * 1_000_000)
    time.sleep(3600)


def complains(folders, orders, options, tell):
    for _ in range(1000):
        sys.stderr.write("x" * 1000 + "\n")
    return {"said": True}


def ends_of_its_own(folders, orders, options, tell):
    return {"pid": os.getpid()}


def hangs_up(folders, orders, options, tell):
    tell._line._end.close()
    time.sleep(3600)


def says_raw(folders, orders, options, tell):
    """Bytes of the test's choice, straight onto the line."""
    tell._line._end.sendall(bytes.fromhex(options["bytes"]))
    if options.get("linger"):
        time.sleep(3600)
    os._exit(0)


def says(folders, orders, options, tell):
    for header in options["headers"]:
        tell._line.tell(header)
    time.sleep(3600)


TASKS = {name: value for name, value in list(globals().items()) if callable(value) and not name.startswith("_")}
