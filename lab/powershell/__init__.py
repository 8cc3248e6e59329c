"""The simulated powershell.exe. It understands no PowerShell: it knows bootstrap and runner by their digests."""
