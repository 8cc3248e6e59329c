"""Catalogue: what ties a guest to its hypervisor, its stream and its broker."""

from lab.guests.catalogue import MICROSOFT, Driver, Program, Service

VMWARE_TOOLS, TARGET_DEVICE, VDA = "VMware Tools", "Citrix Provisioning Target Device", "Citrix VDA"

PLATFORM: tuple[Program, ...] = (
    Program(
        VMWARE_TOOLS,
        "VMware, Inc.",
        r"Program Files\VMware\VMware Tools",
        ("vmtoolsd.exe", "vm3dservice.exe", "VMwareToolboxCmd.exe", "hgfs.dll"),
        is_msi=True,
        size_kb=98_304,
        services=(
            Service("VMTools", "VMware Tools", "vmtoolsd.exe"),
            Service("vm3dservice", "VMware SVGA Helper Service", "vm3dservice.exe"),
        ),
        drivers=(
            Driver(
                "vmxnet3ndis6",
                "vmxnet3.sys",
                "vmxnet3 NDIS 6 Ethernet Adapter Driver",
                3,
                "1.9.{short}",
                "vmxnet3.inf",
                "NDIS",
            ),
            Driver("pvscsi", "pvscsi.sys", "VMware PVSCSI Controller", 0, "1.3.{short}", "pvscsi.inf", "SCSI miniport"),
            Driver("vmmemctl", "vmmemctl.sys", "Memory Control Driver", 2, "7.5.{short}", "vmmemctl.inf"),
            Driver("vm3dmp", "vm3dmp.sys", "VMware SVGA 3D Miniport", 3, "9.17.{short}", "vm3d.inf"),
        ),
        keys=((r"VMware, Inc.\VMware Tools", "InstallPath", "C:\\Program Files\\VMware\\VMware Tools\\"),),
        autostart="vmtoolsd.exe",
    ),
    Program(
        TARGET_DEVICE,
        "Citrix Systems, Inc.",
        r"Program Files\Citrix\Provisioning Services",
        ("BNDevice.exe", "StatusTray.exe", "ImagingWizard.exe", "P2PVS.exe", "TargetOSOptimizer.exe"),
        display="Citrix Provisioning Target Device x64 {first}",
        is_msi=True,
        size_kb=47_104,
        services=(Service("BNDevice", "Citrix PVS Device Service", "BNDevice.exe"),),
        drivers=(
            Driver("bnistack", "bnistack6.sys", "Citrix Network Stack Interface Driver", 0, group="NDIS"),
            Driver("CFsDep2", "CFsDep2.sys", "Citrix FS Dependency Driver", 0),
            Driver("CVhdMp", "CVhdMp.sys", "Citrix Virtual Hard Disk Miniport", 0, group="SCSI miniport"),
        ),
        keys=(
            (r"Citrix\ProvisioningServices", "TargetDeviceVersion", "{version}"),
            (r"Citrix\ProvisioningServices", "DeviceOptimizerRun", 1),
        ),
        autostart="StatusTray.exe",
    ),
    Program(
        VDA,
        "Citrix Systems, Inc.",
        r"Program Files\Citrix\Virtual Desktop Agent",
        ("BrokerAgent.exe", "WorkstationAgent.exe", "Citrix.MonitoringService.dll"),
        display="Citrix Virtual Delivery Agent {first}",
        key="CitrixVirtualDesktopAgent",
        size_kb=412_000,
        services=(
            Service("BrokerAgent", "Citrix Desktop Service", "BrokerAgent.exe"),
            Service("CitrixTelemetryService", "Citrix Telemetry Service", "WorkstationAgent.exe", 2, is_delayed=True),
        ),
        drivers=(Driver("picadm", "picadm.sys", "Citrix ICA Client Drive Mapping", 1),),
        parts=(
            "Citrix HDX WS",
            "Citrix Group Policy Client-Side Extension",
            "Citrix Universal Print Client",
            "Citrix Profile Management",
        ),
        keys=(
            (r"Citrix\VirtualDesktopAgent", "ListOfDDCs", "muc-ddc-01.lab.example muc-ddc-02.lab.example"),
            (r"Citrix\VirtualDesktopAgent", "ProductVersion", "{version}"),
            (r"Citrix\MetaInstall", "ExitCode", 0),
        ),
    ),
    Program(
        "Microsoft FSLogix Apps",
        MICROSOFT,
        r"Program Files\FSLogix\Apps",
        ("frxsvc.exe", "frxccds.exe", "frx.exe"),
        key="{3b5dcae0-fslogix}",
        services=(Service("frxsvc", "FSLogix Apps Services", "frxsvc.exe"),),
        drivers=(
            Driver("frxdrv", "frxdrv.sys", "FSLogix Apps Driver", 1),
            Driver("frxccd", "frxccd.sys", "FSLogix Cloud Cache", 3),
        ),
        keys=((r"FSLogix\Apps", "InstallVersion", "{version}"),),
        size_kb=31_000,
    ),
    Program(
        "Zabbix Agent 2",
        "Zabbix SIA",
        r"Program Files\Zabbix Agent 2",
        ("zabbix_agent2.exe",),
        display="Zabbix Agent 2 (64-bit)",
        is_msi=True,
        services=(Service("Zabbix Agent 2", "Zabbix Agent 2", "zabbix_agent2.exe", 2, is_delayed=True),),
        shortcut=False,
    ),
)
