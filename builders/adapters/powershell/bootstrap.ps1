# Reads the runner as one line of base64, checks that it arrived whole, and hands it the reader.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
# An own reader: [Console]::In is synchronised, its ReadLineAsync would block.
$reader = New-Object IO.StreamReader([Console]::OpenStandardInput(), (New-Object Text.UTF8Encoding $false))
$bytes = [Convert]::FromBase64String($reader.ReadLine())
$sha = New-Object Security.Cryptography.SHA256CryptoServiceProvider
$digest = [BitConverter]::ToString($sha.ComputeHash($bytes)).Replace('-', '')
if ($digest -ne '@SHA256@') { [Console]::Error.WriteLine('runner hash mismatch'); exit 3 }
& ([scriptblock]::Create([Text.Encoding]::UTF8.GetString($bytes))) $reader
