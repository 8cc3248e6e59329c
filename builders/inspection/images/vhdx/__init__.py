"""VHDX ([MS-VHDX], "Virtual Hard Disk v2 File Format"): little-endian, regions and blocks on whole megabytes."""
