"""VHDX and AVHDX files as [MS-VHDX] describes them, written with the standard library alone."""
