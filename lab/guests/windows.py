"""What Windows itself brings: services, drivers, files, features. A small choice of the real names."""

from dataclasses import dataclass

from lab.guests.stories import SERVER_2022, WINDOWS_11


@dataclass(frozen=True)
class Edition:
    """Identity of a system as its registry tells it."""

    product: str
    edition: str
    installation_type: str
    display_version: str
    build: int
    lab_branch: str


EDITIONS = {
    # The product name of Windows 11 says 10 in the registry to this day.
    WINDOWS_11: Edition("Windows 10 Enterprise", "Enterprise", "Client", "24H2", 26100, "ge_release.240331-1435"),
    SERVER_2022: Edition(
        "Windows Server 2022 Standard", "ServerStandard", "Server", "21H2", 20348, "fe_release.210507-1500"
    ),
}

AUTOMATIC, DEMAND, DISABLED = 2, 3, 4

# name, displayed name, file in System32 or group of svchost, start
SERVICES: tuple[tuple[str, str, str, int], ...] = (
    ("AppIDSvc", "Application Identity", "-k LocalServiceNetworkRestricted", DEMAND),
    ("BFE", "Base Filtering Engine", "-k LocalServiceNoNetworkFirewall -p", AUTOMATIC),
    ("BITS", "Background Intelligent Transfer Service", "-k netsvcs -p", DEMAND),
    ("CryptSvc", "Cryptographic Services", "-k NetworkService -p", AUTOMATIC),
    ("DcomLaunch", "DCOM Server Process Launcher", "-k DcomLaunch -p", AUTOMATIC),
    ("Dhcp", "DHCP Client", "-k LocalServiceNetworkRestricted -p", AUTOMATIC),
    ("DiagTrack", "Connected User Experiences and Telemetry", "-k utcsvc -p", DISABLED),
    ("Dnscache", "DNS Client", "-k NetworkService -p", AUTOMATIC),
    ("EventLog", "Windows Event Log", "-k LocalServiceNetworkRestricted -p", AUTOMATIC),
    ("FontCache", "Windows Font Cache Service", "-k LocalService -p", AUTOMATIC),
    ("gpsvc", "Group Policy Client", "-k netsvcs -p", AUTOMATIC),
    ("IKEEXT", "IKE and AuthIP IPsec Keying Modules", "-k netsvcs -p", DEMAND),
    ("LanmanServer", "Server", "-k netsvcs -p", AUTOMATIC),
    ("LanmanWorkstation", "Workstation", "-k NetworkService -p", AUTOMATIC),
    ("Netlogon", "Netlogon", "lsass.exe", AUTOMATIC),
    ("NlaSvc", "Network Location Awareness", "-k NetworkService -p", AUTOMATIC),
    ("PlugPlay", "Plug and Play", "-k DcomLaunch -p", DEMAND),
    ("ProfSvc", "User Profile Service", "-k UserProfileService -p", AUTOMATIC),
    ("RpcSs", "Remote Procedure Call (RPC)", "-k rpcss -p", AUTOMATIC),
    ("SamSs", "Security Accounts Manager", "lsass.exe", AUTOMATIC),
    ("Schedule", "Task Scheduler", "-k netsvcs -p", AUTOMATIC),
    ("Spooler", "Print Spooler", "spoolsv.exe", AUTOMATIC),
    ("SysMain", "SysMain", "-k LocalSystemNetworkRestricted -p", DISABLED),
    ("TermService", "Remote Desktop Services", "-k termsvcs", DEMAND),
    ("TrustedInstaller", "Windows Modules Installer", "TrustedInstaller.exe", DEMAND),
    ("VSS", "Volume Shadow Copy", "vssvc.exe", DEMAND),
    ("W32Time", "Windows Time", "-k LocalService", DEMAND),
    ("WinDefend", "Microsoft Defender Antivirus Service", "MsMpEng.exe", AUTOMATIC),
    ("Winmgmt", "Windows Management Instrumentation", "-k netsvcs -p", AUTOMATIC),
    ("WinRM", "Windows Remote Management (WS-Management)", "-k NetworkService -p", AUTOMATIC),
    ("WSearch", "Windows Search", "SearchIndexer.exe", DISABLED),
    ("wuauserv", "Windows Update", "-k netsvcs -p", DEMAND),
)

# name, file in System32\drivers, start, load group
DRIVERS: tuple[tuple[str, str, int, str], ...] = (
    ("ACPI", "ACPI.sys", 0, "Core"),
    ("AFD", "afd.sys", 1, "PNP_TDI"),
    ("CLFS", "CLFS.sys", 0, "Filter"),
    ("disk", "disk.sys", 0, ""),
    ("FltMgr", "fltmgr.sys", 0, "FSFilter Infrastructure"),
    ("HTTP", "HTTP.sys", 3, ""),
    ("LSI_SAS", "lsi_sas.sys", 3, "SCSI Miniport"),
    ("mountmgr", "mountmgr.sys", 0, "System Bus Extender"),
    ("MRxSmb20", "mrxsmb20.sys", 3, "Network"),
    ("NDIS", "ndis.sys", 0, "NDIS Wrapper"),
    ("NetBT", "netbt.sys", 1, "PNP_TDI"),
    ("netvsc", "netvsc.sys", 3, "NDIS"),
    ("Ntfs", "ntfs.sys", 3, "Boot File System"),
    ("partmgr", "partmgr.sys", 0, "Boot Bus Extender"),
    ("pci", "pci.sys", 0, "Boot Bus Extender"),
    ("storahci", "storahci.sys", 0, "SCSI Miniport"),
    ("stornvme", "stornvme.sys", 0, "SCSI Miniport"),
    ("storvsc", "storvsc.sys", 0, "Base"),
    ("Tcpip", "tcpip.sys", 0, "PNP_TDI"),
    ("vmbus", "vmbus.sys", 0, "System Bus Extender"),
    ("volmgr", "volmgr.sys", 0, "System Bus Extender"),
)

# Files of the system that every monthly update renews.
SERVICED = (
    r"Windows\explorer.exe",
    r"Windows\System32\ntoskrnl.exe",
    r"Windows\System32\kernel32.dll",
    r"Windows\System32\ntdll.dll",
    r"Windows\System32\win32kfull.sys",
    r"Windows\System32\lsass.exe",
    r"Windows\System32\svchost.exe",
    r"Windows\System32\spoolsv.exe",
    r"Windows\System32\winload.efi",
    r"Windows\System32\winload.exe",
    r"Windows\System32\termsrv.dll",
    r"Windows\System32\wuaueng.dll",
    r"Windows\SysWOW64\kernel32.dll",
    r"Windows\SysWOW64\ntdll.dll",
)

FOLDERS = (
    "PerfLogs",
    r"Program Files\Common Files",
    r"Program Files\Windows Defender",
    r"Program Files (x86)\Common Files",
    r"ProgramData\Microsoft\Windows\Start Menu\Programs\StartUp",
    "Recovery",
    "System Volume Information",
    r"Users\Public\Desktop",
    r"Users\Default\AppData\Roaming\Microsoft",
    r"Users\labadmin\Desktop",
    r"Users\labadmin\Documents",
    r"Windows\Prefetch",
    r"Windows\Setup\Scripts",
    r"Windows\SoftwareDistribution\Download",
    r"Windows\System32\DriverStore\FileRepository",
    r"Windows\System32\spool\drivers\x64\3",
    r"Windows\Temp",
    r"Windows\WinSxS",
)

FEATURES = {
    WINDOWS_11: (
        "Microsoft-Windows-Client-Features-Package",
        "Microsoft-Windows-NetFx4-US-OC-Package",
        "Microsoft-Windows-Printing-PrintToPDFServices-Package",
        "Microsoft-Windows-MediaPlayer-Package",
        "Microsoft-Windows-Notepad-FoD-Package",
        "Microsoft-Windows-InternetExplorer-Optional-Package",
        "OpenSSH-Client-Package",
    ),
    SERVER_2022: (
        "Microsoft-Windows-ServerCore-Package",
        "Microsoft-Windows-NetFx4-US-OC-Package",
        "Microsoft-Windows-Remote-Desktop-Services-Package",
        "Microsoft-Windows-Desktop-Experience-Package",
        "Microsoft-Windows-Printing-Server-Foundation-Package",
        "OpenSSH-Client-Package",
    ),
}
ROLES = ("Remote-Desktop-Services", "RDS-RD-Server", "FileAndStorage-Services", "NET-Framework-45-Core", "PowerShell")

FONTS = (
    ("Arial (TrueType)", "arial.ttf"),
    ("Calibri (TrueType)", "calibri.ttf"),
    ("Consolas (TrueType)", "consola.ttf"),
    ("Segoe UI (TrueType)", "segoeui.ttf"),
    ("Tahoma (TrueType)", "tahoma.ttf"),
)

APPX = {
    WINDOWS_11: (
        "Microsoft.DesktopAppInstaller_1.25.340.0_x64__8wekyb3d8bbwe",
        "Microsoft.Paint_11.2410.39.0_x64__8wekyb3d8bbwe",
        "Microsoft.WindowsCalculator_11.2411.1.0_x64__8wekyb3d8bbwe",
        "Microsoft.WindowsNotepad_11.2410.21.0_x64__8wekyb3d8bbwe",
        "Microsoft.WindowsTerminal_1.21.3231.0_x64__8wekyb3d8bbwe",
    ),
    SERVER_2022: (),
}
