"""The control page: plain HTML with forms, readable without a style sheet and without scripts."""

from html import escape
from typing import Any
from urllib.parse import quote

from lab.guests.programs import PROGRAMS
from lab.pvs.operations import FAULT_ACTIONS

STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 75rem; padding: 1rem; }
table { border-collapse: collapse; width: 100%; margin-block: .5rem 1.5rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem; border-bottom: 1px solid #8886; }
form { display: inline-flex; flex-wrap: wrap; gap: .4rem; align-items: end; margin: 0 .5rem .5rem 0; }
label { display: inline-flex; flex-direction: column; font-size: .85rem; }
input, select, button { font: inherit; padding: .25rem .5rem; }
.notice { border: 2px solid; padding: .5rem .8rem; }
.scroll { overflow-x: auto; }
"""


def render(state: dict[str, Any], notice: str = "") -> str:
    parts = [
        f"<h1>{escape(state['farm'])}: control</h1>",
        f"<p>A simulated datacentre. Its time: {escape(state['now'][:19].replace('T', ' '))} UTC, "
        f"speed {state['speed']:g}. <a href='/'>Reload</a>, <a href='/state'>all of it as JSON</a>.</p>",
    ]
    if notice:
        parts.append(f'<p class="notice" role="status">{escape(notice)}</p>')
    parts += [_servers(state), _vdisks(state), _guests(state), _targets(state), _faults(state), _reset()]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(state['farm'])}: control</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>"
    )


def _servers(state: dict[str, Any]) -> str:
    rows = []
    for server in state["servers"]:
        name = server["name"]
        switch = _form(
            "/servers/power",
            _hidden(server=name, on=not server["up"]),
            f"Take {name} down" if server["up"] else f"Bring {name} up",
        )
        modes = "".join(
            _form("/replication", _hidden(server=name, mode=mode), words, f"replication to {name}")
            for mode, words in (("run", "Copy"), ("hold", "Hold back"), ("break", "Break"))
            if mode != server["replication"]
        )
        cells = [name, "up" if server["up"] else "down", server["targets"], server["replication"]]
        rows.append(_row(*map(str, cells), html=[switch, modes]))
    head = _head("Server", "State", "Targets", "Replication to it", "Power", "Change replication")
    return f"<h2>Servers</h2>{_table(head, rows)}"


def _vdisks(state: dict[str, Any]) -> str:
    parts = ["<h2>vDisks</h2>"]
    for disk in state["vdisks"]:
        rows = []
        for version in disk["versions"]:
            access = version["access"].replace("_", " ")
            if version["pending"]:
                access += f", pending until {version['scheduled'][:16]}"
            if version["delete_when_free"]:
                access += ", delete when free"
            spread = ", ".join(f"{server}: {words.replace('_', ' ')}" for server, words in version["inventory"].items())
            rows.append(_row(str(version["number"]), access, version["file"], str(len(version["targets"])), spread))
        name = disk["name"]
        forms = _form("/targets/restart", _hidden(vdisk=name), f"Restart all targets of {name}")
        forms += _form("/write", _hidden(vdisk=name), "Install its next planned update")
        forms += f"<p><a href='/contents?vdisk={quote(name)}'>What {escape(name)} has installed</a></p>"
        head = _head("Version", "Access", "File", "Targets", "Inventory")
        parts.append(f"<h3>{escape(name)}</h3>{forms}{_table(head, rows)}")
    return "".join(parts)


def _guests(state: dict[str, Any]) -> str:
    disks = [disk["name"] for disk in state["vdisks"]]
    keepers = [target["name"] for target in state["targets"] if target["type"] == "maintenance"]
    choices = "".join(f"<option>{escape(name)}</option>" for name in (*keepers, *disks))
    known = "".join(f'<option value="{escape(one.name)}">' for one in PROGRAMS)
    where = f'<label>At a maintenance target, or a vDisk<select name="where">{choices}</select></label>'
    program = '<label>Program<input name="program" required list="programs" size="28"></label>'
    version = '<label>Version<input name="version" required placeholder="24.08" size="14"></label>'
    return (
        f"<h2>Install and remove</h2><datalist id='programs'>{known}<option value='Windows'></datalist>"
        f"{_form('/install', where + program + version, 'Install')}{_form('/remove', where + program, 'Remove')}"
        "<p>Into the version that is in maintenance. The version of Windows is its build, such as 26100.7462.</p>"
    )


def _targets(state: dict[str, Any]) -> str:
    collections = sorted({target["collection"] for target in state["targets"]})
    forms = "".join(
        _form("/targets/restart", _hidden(collection=name), f"Restart collection {name}") for name in collections
    )
    rows = []
    for target in state["targets"]:
        is_off = target["power"] == "off"
        name = target["name"]
        switch = _form("/targets/power", _hidden(names=name, on=is_off), "Switch on" if is_off else "Shut down", name)
        again = "" if is_off else _form("/targets/restart", _hidden(names=name), "Restart", name)
        booted = "" if target["version"] is None else f"{target['version']} from {target['server']}"
        power = target["power"] + (f": {target['waits_for']}" if target["waits_for"] else "")
        rows.append(
            _row(name, target["type"], target["collection"], target["vdisk"], power, booted, html=[switch + again])
        )
    head = _head("Target", "Type", "Collection", "vDisk", "Power", "Booted version", "Change")
    return f"<h2>Targets</h2>{forms}{_table(head, rows)}"


def _faults(state: dict[str, Any]) -> str:
    rows = [
        _row(
            fault["cmdlet"],
            fault["server"] or "any",
            fault["action"] + (" after the effect" if fault["after_effect"] else ""),
            str(fault["seconds"]),
            f"{fault['code'] or ''} {fault['message']}",
            str(fault["count"]),
        )
        for fault in state["faults"]
    ]
    choices = "".join(f"<option>{action}</option>" for action in FAULT_ACTIONS)
    fields = (
        '<label>Cmdlet, or *<input name="cmdlet" required placeholder="Invoke-PvsPromoteDiskVersion" size="32"></label>'
        '<label>Server, empty for any<input name="server" size="8"></label>'
        f'<label>Action<select name="action">{choices}</select></label>'
        '<label>Seconds<input name="seconds" inputmode="decimal" size="5"></label>'
        '<label>Code<input name="code" inputmode="numeric" size="5"></label>'
        '<label>Message<input name="message" size="24"></label>'
        '<label>Times<input name="count" inputmode="numeric" value="1" size="4"></label>'
        '<label>When<select name="after_effect"><option value="false">before the effect</option>'
        '<option value="true">after the effect</option></select></label>'
    )
    head = _head("Cmdlet", "Server", "Action", "Seconds", "Code and message", "Times left")
    listed = _table(head, rows) + _form("/faults/clear", "", "Clear all faults") if rows else "<p>None is ordered.</p>"
    return f"<h2>Faults of the next calls</h2>{_form('/faults', fields, 'Order this fault')}{listed}"


def _reset() -> str:
    forward = '<label>Seconds<input name="forward_seconds" value="60" inputmode="numeric" size="6"></label>'
    return (
        f"<h2>The whole lab</h2>{_form('/clock', forward, 'Put the clock forward')}"
        f"{_form('/reset', '', 'Back to the initial datacentre')}"
    )


def _form(action: str, fields: str, button: str, about: str = "") -> str:
    label = f' aria-label="{escape(button)} {escape(about)}"' if about else ""
    return f'<form method="post" action="{action}">{fields}<button{label}>{escape(button)}</button></form>'


def _hidden(**values: object) -> str:
    return "".join(
        f'<input type="hidden" name="{name}" value="{escape(str(value))}">' for name, value in values.items()
    )


def _head(*names: str) -> str:
    return "".join(f'<th scope="col">{escape(name)}</th>' for name in names)


def _row(first: str, *texts: str, html: list[str] | None = None) -> str:
    cells = "".join(f"<td>{escape(text)}</td>" for text in texts) + "".join(f"<td>{part}</td>" for part in html or [])
    return f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>'


def _table(head: str, rows: list[str]) -> str:
    # A region that scrolls must be reachable with the keyboard.
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<div class="scroll" tabindex="0">{table}</div>'
