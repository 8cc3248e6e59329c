"""Programs that carry the image rather than its users' work: what a rebuild brings from its recipe anyway."""

from __future__ import annotations

import re

_KINDS = {
    "hypervisor": (
        r"VMware Tools",
        r"(?:Citrix )?(?:Xen ?Server|Hypervisor)[\w. -]*\bTools\b.*",
        r"(?:Citrix )?(?:Xen ?Server|Hypervisor)[\w. -]*\b(?:Guest|Management|PV|VM)\b[\w. -]*\b(?:Agent|Drivers?)\b.*",
        r"(?:Citrix |XCP-ng )?Xen(?:Server)? (?:Windows )?(?:Guest Agent|PV Drivers).*",
        r"XCP-ng (?:Windows )?(?:Guest|Management|PV|VM)[\w. -]*\b(?:Tools|Agent|Drivers?)\b.*",
        r"(?:Microsoft )?Hyper-V (?:Guest )?(?:Integration|Guest) ?(?:Services|Components).*",
        r"Nutanix (?:Guest (?:Tools|Agent)|VirtIO|VM Mobility|Self Service Restore).*",
        r"Virtio-win[ -](?:guest[ -]tools|driver[ -]installer|drivers?|virtio).*",
        r"(?:Red Hat |Fedora )?VirtIO[\w. -]*\b(?:Drivers?|Tools|Installer)\b.*",
        r"QEMU (?:guest agent|GA)\b.*",
        r"SPICE (?:Guest Tools|agent|vdagent).*",
        r"Parallels Tools.*",
        r"Oracle (?:VM )?VirtualBox Guest Additions.*",
    ),
    "pvs": (r"Citrix Provisioning (?:Services )?Target Device.*", r"Citrix Provisioning[\w. -]*Target Device.*"),
    "vda": (
        r"Citrix .*Virtual (?:Delivery|Desktop) Agent.*",
        r"Citrix (?:Virtual Apps and Desktops|XenDesktop|XenApp|DaaS)[\w. -]*\b(?:VDA|(?:Delivery|Desktop) Agent)\b.*",
        r"(?:VMware|Omnissa) Horizon Agent.*",
    ),
    "agent": (
        r"Citrix (?:User )?Profile [Mm]anagement.*",
        r"Citrix Workspace Environment Management.*Agent.*",
        r"Citrix (?:Telemetry|Diagnostics?|Supportability|Group Policy Client|Machine Identity|App Layering).*",
        r"Microsoft FSLogix.*",
        r"(?:System Center )?Configuration Manager Client",
        r"Microsoft Monitoring Agent",
        r"Azure (?:Connected Machine|Monitor|VM) Agent.*",
        r"Microsoft Azure .*\bAgent.*",
        r"Remote Desktop (?:Services Infrastructure Agent|Agent Boot Loader).*",
        r"(?:Splunk ?)?Universal ?Forwarder",
        r"Zabbix Agent.*",
        r"NSClient\+\+.*",
        r"Check_?MK Agent.*",
        r"(?:Datadog|Elastic|Nessus|Rapid7 Insight|Tanium|Qualys Cloud|Nexthink|Lakeside|ControlUp|Puppet|Dynatrace"
        r"|New Relic|SolarWinds|ManageEngine|Ivanti|Snow Inventory|Lansweeper|BigFix|Flexera Inventory)\b.*"
        r"\b(?:Agent|Client|Collector)\b.*",
        r"(?:vast limits )?uberAgent.*",
        r"OneAgent",
        r"(?:Base Image Script Framework|BIS-?F)\b.*",
    ),
    "antivirus": (
        r"CrowdStrike (?:Windows Sensor|Falcon Sensor|Sensor Platform|Device Control).*",
        r"Sentinel(?:One)? ?Agent",
        r"Sophos .*",
        r"(?:McAfee|Trellix) .*",
        r"Symantec Endpoint Protection.*",
        r"Trend Micro .*",
        r"Bitdefender Endpoint.*",
        r"ESET (?:Endpoint|Server|File|Management Agent|Management).*",
        r"Kaspersky (?:Endpoint|Security|Light|Network).*",
        r"(?:Palo Alto )?Cortex XDR.*",
        r"(?:VMware )?Carbon Black .*",
        r"Cylance .*",
        r"Webroot SecureAnywhere.*",
        r"(?:F-Secure|WithSecure) .*",
        r"Microsoft (?:Defender for Endpoint|Endpoint Protection|Security Client).*",
    ),
}
_PATTERNS = {
    kind: re.compile("|".join(rf"(?:{name})" for name in names), re.IGNORECASE) for kind, names in _KINDS.items()
}


def is_platform(name: str) -> bool:
    return bool(platform_kind(name))


def platform_kind(name: str) -> str:
    """hypervisor, pvs, vda, agent or antivirus; "" for anything else."""
    return next((kind for kind, pattern in _PATTERNS.items() if pattern.fullmatch(name.strip())), "")
