"""A lasting PowerShell session on a Windows host: cmdlets and parameters go in as data, plain values come out."""
