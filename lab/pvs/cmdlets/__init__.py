"""The cmdlets of the module Citrix.PVS.SnapIn that the lab plays; importing this package fills the registry."""

from lab.pvs.cmdlets import connection, devices, farm, lifecycle, tasks, vdisks
from lab.pvs.cmdlets.registry import REGISTRY

__all__ = ["REGISTRY", "connection", "devices", "farm", "lifecycle", "tasks", "vdisks"]
