"""The SYSTEM hive of an image."""

import struct
import uuid

from lab.guests.catalogue import Driver, program
from lab.guests.machine import Machine
from lab.guests.platform_software import TARGET_DEVICE, VMWARE_TOOLS
from lab.guests.stories import PENDING_REBOOT
from lab.guests.windows import AUTOMATIC, DRIVERS, SERVICES
from lab.stores.hives.tree import Key, Kind
from lab.stores.hives.writer import filetime

_OWN, _SHARED, _KERNEL = 0x10, 0x20, 1
_NIC_CLASS = "{4D36E972-E325-11CE-BFC1-08002BE10318}"
_NAMES = uuid.UUID("0a90fb0e-4a6c-4b7a-9a5e-b6f2a6a1d7c5")


def system(machine: Machine, *, windows_device: bytes) -> Key:
    """`windows_device` is what MountedDevices says of drive C."""
    root = Key("ROOT", machine.changed_at)
    root.key("Select", machine.made_at).set_all(Current=1, Default=1, Failed=0, LastKnownGood=1)
    root.key("MountedDevices", machine.made_at).set(r"\DosDevices\C:", windows_device)
    setup = root.key("Setup", machine.made_at)
    setup.set_all(SystemSetupInProgress=0, OOBEInProgress=0, SetupType=0, CmdLine="")
    control = root.key("ControlSet001", machine.made_at)
    _add_control(control, machine)
    services = control.key("Services", machine.changed_at)
    for name, displayed, file, start in SERVICES:
        _windows_service(services, (name, displayed, file), start, machine.made_at)
    for name, file, start, group in DRIVERS:
        _driver(services, Driver(name, file, "", start, group=group), machine.made_at)
    for one in machine.programs:
        _add_program(services, one.program, one.at)
    _add_network(control, machine)
    return root


def _add_control(control: Key, machine: Machine) -> None:
    control.key(r"Control\ComputerName\ComputerName").set("ComputerName", machine.computer)
    control.key(r"Control\TimeZoneInformation").set_all(TimeZoneKeyName="W. Europe Standard Time", Bias=0xFFFFFFC4)
    control.key(r"Control\Windows", machine.changed_at).set(
        "ShutdownTime", struct.pack("<Q", filetime(machine.changed_at))
    )
    manager = control.key(r"Control\Session Manager", machine.changed_at)
    if PENDING_REBOOT in machine.marks:
        old = r"\??\C:\Windows\System32\spool\drivers\x64\3\old\lmud1o40.dll"
        manager.set("PendingFileRenameOperations", [old, ""])
    environment = control.key(r"Control\Session Manager\Environment", machine.made_at)
    environment.set("Path", r"%SystemRoot%\system32;%SystemRoot%;%SystemRoot%\System32\Wbem", Kind.EXPANDED_TEXT)
    environment.set_all(OS="Windows_NT", PROCESSOR_ARCHITECTURE="AMD64")
    environment.set("windir", "%SystemRoot%", Kind.EXPANDED_TEXT)
    printer = control.key(r"Control\Print\Printers\MUC-PRN-Followme", machine.made_at)
    printer.set_all(Name="MUC-PRN-Followme", Port="LAB-FOLLOWME", **{"Printer Driver": "Lexmark Universal v2"})
    firmware = 2 if machine.firmware == "UEFI" else 1
    control.key("Control", machine.made_at).set("PEFirmwareType", firmware)


def _windows_service(services: Key, names: tuple[str, str, str], start: int, at: float) -> None:
    name, displayed, file = names
    is_shared = file.startswith("-k")
    path = rf"%SystemRoot%\system32\svchost.exe {file}" if is_shared else rf"%SystemRoot%\System32\{file}"
    key = services.key(name, at)
    key.set("ImagePath", path, Kind.EXPANDED_TEXT)
    key.set_all(DisplayName=displayed, Start=start, Type=_SHARED if is_shared else _OWN, ErrorControl=1)
    key.set("ObjectName", "LocalSystem")
    if is_shared:
        library = rf"%SystemRoot%\System32\{name.lower()}.dll"
        services.key(rf"{name}\Parameters", at).set("ServiceDll", library, Kind.EXPANDED_TEXT)


def _driver(services: Key, driver: Driver, at: float) -> None:
    key = services.key(driver.name, at)
    key.set("ImagePath", rf"\SystemRoot\System32\drivers\{driver.file}", Kind.EXPANDED_TEXT)
    key.set_all(DisplayName=driver.display, Start=driver.start, Type=_KERNEL, ErrorControl=1, Group=driver.group)


def _add_program(services: Key, name: str, at: float) -> None:
    entry = program(name)
    for driver in entry.drivers:
        _driver(services, driver, at)
    for service in entry.services:
        key = services.key(service.name, at)
        key.set("ImagePath", f'"C:\\{entry.folder}\\{service.file}"', Kind.EXPANDED_TEXT)
        key.set_all(DisplayName=service.display, Start=service.start, Type=_OWN, ErrorControl=1)
        key.set("ObjectName", "LocalSystem")
        if service.is_delayed and service.start == AUTOMATIC:
            key.set("DelayedAutostart", 1)


def _add_network(control: Key, machine: Machine) -> None:
    parameters = control.key(r"Services\Tcpip\Parameters", machine.made_at)
    parameters.set_all(Hostname=machine.computer, Domain="lab.example", **{"NV Domain": "lab.example"})
    adapter = f"{{{uuid.uuid5(_NAMES, machine.computer)}}}".upper()
    is_vmware = machine.find(VMWARE_TOOLS) is not None
    instance = r"PCI\VEN_15AD&DEV_07B0&SUBSYS_07B015AD&REV_01\4&2F2B5C4&0&00A8" if is_vmware else r"VMBUS\{0001}\5&1"
    connection = control.key(rf"Control\Network\{_NIC_CLASS}\{adapter}\Connection", machine.made_at)
    connection.set_all(Name="Ethernet0", PnpInstanceID=instance)
    if is_vmware:
        device = control.key(rf"Enum\{instance}", machine.made_at)
        device.set_all(Class="Net", DeviceDesc="vmxnet3 Ethernet Adapter", Service="vmxnet3ndis6")
    if machine.find(TARGET_DEVICE):
        control.key(r"Services\bnistack\Parameters", machine.made_at).set("EnableOffload", 1)
