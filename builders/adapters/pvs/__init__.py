"""Citrix Provisioning: a farm read and driven through the console's PowerShell snap-in on one of its servers."""
