"""What every Windows has of fonts, printers and the like, in small letters, so that only what was added is told."""

from __future__ import annotations

PRINTERS = frozenset({"microsoft print to pdf", "microsoft xps document writer", "fax", "onenote (desktop)", "onenote"})
PRINTER_DRIVERS = frozenset(
    {
        *("microsoft print to pdf", "microsoft xps document writer", "microsoft xps document writer v4"),
        *("microsoft shared fax driver", "microsoft ipp class driver", "microsoft virtual print class driver"),
        *("microsoft enhanced point and print compatibility driver", "microsoft software printer driver"),
        *("remote desktop easy print", "universal print class driver", "send to microsoft onenote 16 driver"),
        *("microsoft openxps class driver", "microsoft openxps class driver 2", "microsoft pwg raster class driver"),
        *("microsoft pcl6 class driver", "microsoft ps class driver", "microsoft msxps class driver"),
    }
)
ODBC_DRIVERS = frozenset({"sql server"})
LOCAL_USERS = frozenset({"administrator", "guest", "defaultaccount", "wdagutilityaccount", "gast"})
VARIABLES = frozenset(
    {
        *("comspec", "driverdata", "os", "pathext", "processor_architecture", "processor_identifier", "windir"),
        *("processor_level", "processor_revision", "number_of_processors", "psmodulepath", "temp", "tmp", "username"),
    }
)
SYSTEM_FOLDERS = frozenset(
    {
        *(
            "$recycle.bin",
            "$windows.~bt",
            "$windows.~ws",
            "$winreagent",
            "boot",
            "config.msi",
            "documents and settings",
        ),
        *("efi", "perflogs", "program files", "program files (x86)", "programdata", "recovery", "users", "windows"),
        *("system volume information", "msocache", "inetpub", "windows.old", "$sysreset", "onedrivetemp"),
    }
)
PROGRAM_FOLDERS = frozenset(
    {
        *("common files", "internet explorer", "modifiablewindowsapps", "windows defender", "windows mail"),
        *("windows defender advanced threat protection", "windows media player", "windows multimedia platform"),
        *("windows nt", "windows photo viewer", "windows portable devices", "windows security", "windows sidebar"),
        *("windowsapps", "windowspowershell", "uninstall information", "reference assemblies", "msbuild"),
        *("microsoft update health tools", "ruxim", "microsoft.net", "installshield installation information"),
        *("dotnet", "microsoft", "microsoft office", "microsoft office 15", "windows journal", "package cache"),
    }
)
DATA_FOLDERS = frozenset(
    {
        *("application data", "desktop", "documents", "microsoft", "microsoft onedrive", "package cache", "packages"),
        *("regid.1991-06.com.microsoft", "softwaredistribution", "ssh", "start menu", "templates", "usoprivate"),
        *("usoshared", "windowsholographicdevices", "whesvc", "comms", "favorites", "ntuser.pol"),
    }
)
FONT_FILES = frozenset(
    f"{name}.{end}"
    for end, names in {
        "ttf": (
            "ahronbd andlso angsa angsab angsai angsau angsaub angsaui angsauz angsaz aparaj aparajb aparajbi aparaji "
            "arabtype arial arialbd arialbi ariali ariblk bahnschrift browa browab browai browau browaub browaui "
            "browauz browaz calibri calibrib calibrii calibril calibrili calibriz cambriab cambriai cambriaz candara "
            "candarab candarai candaral candarali candaraz comic comicbd comici comicz consola consolab consolai "
            "consolaz constan constanb constani constanz corbel corbelb corbeli corbell corbelli corbelz cour courbd "
            "courbi couri daunpenh davi daviddb davidbd david dokchamp ebrima ebrimabd estre euphemia framd framdit "
            "frank gabriola gadugi gadugib gautami gautamib georgia georgiab georgiai georgiaz gisha gishabd himalaya "
            "holomdl2 impact inkfree iskpota iskpotab javatext kalinga kalingab kartika kartikab khmerui khmeruib "
            "kokila kokilab kokilabi kokilai laoui laouib latha lathab leelawad leelawdb leelauib leelauisl leelawui "
            "lucon l_10646 lvnm lvnmbd malgun malgunbd malgunsl mangal mangalb marlett micross mmrtext mmrtextb "
            "mmrtextbd monbaiti moolbor mriam mriamc mriamfx msuighub msuighur msyi mvboli nirmala nirmalab nirmalas "
            "ntailu ntailub nrkis nyala pala palab palabi palai phagspa phagspab plantc raavi raavib refsan refspcl "
            "rod sanskr segmdl2 segoeicons segoepr segoeprb segoesc segoescb segoeui segoeuib segoeuii segoeuil "
            "segoeuisl segoeuiz seguibl seguibli seguiemj seguihis seguili seguisb seguisbi seguisli seguisym "
            "seguivar shonar shonarb shruti shrutib simfang simhei simkai simpbdo simpfxo simpo sitkavf "
            "sitkavf-italic sylfaen symbol tahoma tahomabd taile taileb tango times timesbd timesbi timesi trado "
            "tradbdo trebuc trebucbd trebucbi trebucit tunga tungab upcdb upcdbi upcdi upcdl utsaah utsaahb utsaahbi "
            "utsaahi vani vanib verdana verdanab verdanai verdanaz vijaya vijayab vrinda vrindab webdings wingding"
        ),
        "ttc": (
            "cambria gulim batang meiryo meiryob mingliu mingliub msgothic msjh msjhbd msjhl msmincho msyh msyhbd "
            "msyhl nirmala simsun sitka sitkab sitkai sitkaz yugothb yugothl yugothm yugothr"
        ),
        "fon": (
            "8514fix 8514oem 8514sys app850 cga40850 cga40woa cga80850 cga80woa coure courf dosapp ega40850 ega40woa "
            "ega80850 ega80woa modern roman script serife seriff smalle smallf sserife sseriff vga850 vgafix vgaoem "
            "vgasys"
        ),
        "compositefont": "globalmonospace globalsansserif globalserif globaluserinterface",
    }.items()
    for name in names.split()
)
