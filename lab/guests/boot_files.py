"""What starts Windows: the files of the EFI system partition, and the store of boot entries."""

from lab.guests.catalogue import MICROSOFT
from lab.guests.executables import Executable
from lab.guests.machine import Machine
from lab.guests.stories import BUILDS
from lab.stores.hives.tree import Key
from lab.stores.hives.writer import render

_MANAGER, _LOADER = "{9dea862c-5cdd-4e70-acc1-f32b344d4795}", "{5189b25c-5558-4bf2-bca4-289b11bd29e2}"


def boot_store(machine: Machine) -> bytes:
    """The BCD hive: the boot manager and one loader."""
    root = Key("NewStoreRoot", machine.made_at)
    root.key("Description").set_all(KeyName="BCD00000000", System=1)
    loader = "\\Windows\\system32\\winload." + ("efi" if machine.firmware == "UEFI" else "exe")
    manager = "\\EFI\\Microsoft\\Boot\\bootmgfw.efi" if machine.firmware == "UEFI" else "\\bootmgr"
    for number, path, name in ((_MANAGER, manager, "Windows Boot Manager"), (_LOADER, loader, machine.system)):
        place = f"Objects\\{number}"
        root.key(f"{place}\\Description").set("Type", 0x10100002 if number == _MANAGER else 0x10200003)
        root.key(f"{place}\\Elements\\12000002").set("Element", path)
        root.key(f"{place}\\Elements\\12000004").set("Element", name)
    return render(root, file_name="BCD", at=machine.made_at)


def system_partition(machine: Machine) -> dict[str, bytes]:
    version = f"10.0.{BUILDS[machine.system]}.1"
    manager = Executable("bootmgfw.efi", version, "Windows Boot Manager", MICROSOFT, 1024).pack(machine.made_at)
    return {
        r"EFI\Microsoft\Boot\bootmgfw.efi": manager,
        r"EFI\Microsoft\Boot\BCD": boot_store(machine),
        r"EFI\Boot\bootx64.efi": manager,
    }
