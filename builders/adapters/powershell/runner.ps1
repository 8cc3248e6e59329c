# Runs allow-listed cmdlets for a client that writes one JSON object a line and reads JSON lines back.
# Line protocol 1, Windows PowerShell 5.1. ASCII only, so that no code page on the way matters.
param([IO.StreamReader]$Reader)

# Both tables are written when this text is sent. They are defence in depth and no boundary: whoever may open
# the shell may run anything. Only a JEA endpoint is a boundary.
$Allow = @{
}
$Modules = @()

$BeatSeconds = 5
$DeadManSeconds = 180 # no line for so long while idle: the client is gone, and so is this process
$MaxDepth = 3

$Out = New-Object IO.StreamWriter([Console]::OpenStandardOutput(), (New-Object Text.UTF8Encoding $false))
$Out.AutoFlush = $true
$Queue = New-Object 'Collections.Generic.Queue[object]'
$Kept = @{}
$Failed = @{}
$Cancelled = @{}
$State = @{ Seq = 0; Line = $null; Run = $null; Seen = [datetime]::UtcNow }

# 5.1 decorates arrays through the type system; without this they become {"value": [...], "Count": n}.
Remove-TypeData -TypeName System.Array -ErrorAction Ignore

# ---- answers ----

# Only strings, numbers, booleans, null, arrays and dictionaries leave this process.
function ConvertTo-Plain($Value, [int]$Depth) {
    if ($null -eq $Value) { return $null }
    $Value = $Value.PSObject.BaseObject
    if ($Value -is [datetime]) { return $Value.ToUniversalTime().ToString('o') }
    if ($Value -is [timespan]) { return $Value.TotalSeconds }
    if ($Value -is [enum] -or $Value -is [char] -or $Value -is [string]) { return $Value.ToString() }
    if ($Value -is [decimal] -or $Value.GetType().IsPrimitive) { return $Value }
    if ($Depth -le 0 -or $Value -is [securestring] -or $Value -is [pscredential]) { return $Value.GetType().Name }
    if ($Value -is [Collections.IDictionary]) {
        $plain = @{}
        foreach ($key in $Value.Keys) { $plain["$key"] = ConvertTo-Plain $Value[$key] ($Depth - 1) }
        return $plain
    }
    # Guid, Version, IPAddress, PvsPhysicalAddress and whatever else is one thing: its text.
    if ($Value -isnot [Collections.IEnumerable]) { return $Value.ToString() }
    $list = New-Object Collections.ArrayList
    foreach ($entry in $Value) { [void]$list.Add((ConvertTo-Plain $entry ($Depth - 1))) }
    return , $list.ToArray()
}

# One numbered line. The client notices a lost answer by the gap in the numbers.
function Write-Answer([hashtable]$Answer) {
    $State.Seq += 1
    $Answer['seq'] = $State.Seq
    $json = ConvertTo-Json -InputObject $Answer -Compress -Depth 20
    $escape = { param($match) '\u{0:x4}' -f [int][char]$match.Value }
    $Out.WriteLine([regex]::Replace($json, '[^\x20-\x7e]', $escape))
}

function Get-EaFields($Exception) {
    return @{
        code     = [int]$Exception.returnCode
        message  = "$($Exception.Message)"
        details  = "$($Exception.Details)"
        severity = "$($Exception.Severity)"
        source   = "$($Exception.Source)"
    }
}

# A PvsException says what failed; the farm's own code is in an EAException somewhere inside it. It has to be
# read here: what crosses a remoting border keeps the text and loses these fields.
function Get-PvsFields($Exception) {
    while ($null -ne $Exception) {
        if ($Exception.GetType().Name -like '*EAException') {
            $fields = Get-EaFields $Exception
            $fields['partial'] = @(foreach ($part in $Exception.partialReturn) { Get-EaFields $part })
            return $fields
        }
        $Exception = $Exception.InnerException
    }
    return $null
}

function Get-ErrorFields($Record) {
    $exception = $Record.Exception
    return @{
        fqid     = "$($Record.FullyQualifiedErrorId)"
        category = "$($Record.CategoryInfo.Category)"
        target   = "$($Record.CategoryInfo.TargetName)"
        type     = $exception.GetType().FullName
        hresult  = '0x{0:X8}' -f $exception.HResult
        message  = "$($exception.Message)"
        stack    = "$($Record.ScriptStackTrace)"
        pvs      = Get-PvsFields $exception
    }
}

function Write-End($Request, [int]$Count, [int]$Milliseconds, [array]$Problems, [array]$Warnings) {
    if ($Problems.Count) { $Failed["$($Request.id)"] = $true }
    Write-Answer @{
        t = 'end'; id = $Request.id; ok = ($Problems.Count -eq 0); count = $Count; ms = $Milliseconds
        errors = @($Problems); warnings = @($Warnings)
    }
}

# The runner's own refusals: NotAllowed, Skipped, PipelineStopped, NotStarted. Nothing has been invoked.
function Write-Refusal($Request, [string]$Id, [string]$Message) {
    $problem = @{ fqid = $Id; message = $Message; category = ''; target = ''; type = ''; hresult = ''; stack = ''; pvs = $null }
    Write-End $Request 0 0 @($problem) @()
}

# ---- requests ----

# A JSON value becomes an argument: data, an object kept from an earlier request, or a credential. Never code.
function ConvertTo-Argument($Value) {
    if ($Value -is [array]) { return , @(foreach ($entry in $Value) { ConvertTo-Argument $entry }) }
    if ($Value -isnot [Management.Automation.PSCustomObject]) { return $Value }
    $field = @($Value.PSObject.Properties)[0]
    if ($field.Name -eq '$ref') {
        $objects = $Kept["$($field.Value)"]
        if ($null -eq $objects) { throw "request $($field.Value) kept nothing" }
        if ($objects.Count -eq 1) { return $objects[0] }
        return , $objects.ToArray()
    }
    if ($field.Name -eq '$credential') {
        $secret = ConvertTo-SecureString "$($field.Value.password)" -AsPlainText -Force
        return New-Object pscredential("$($field.Value.user)", $secret)
    }
    throw "unsupported value $($field.Name)"
}

function Get-Arguments($Request) {
    $allowed = $Allow["$($Request.cmdlet)"]
    $arguments = @{}
    if ($null -eq $Request.parameters) { return $arguments }
    foreach ($parameter in $Request.parameters.PSObject.Properties) {
        if ($allowed -notcontains $parameter.Name) { throw "parameter $($parameter.Name)" }
        # A name with a wildcard would mean many objects: Remove-Something -Name * is legal PowerShell.
        if ($parameter.Name -like '*Name' -and "$($parameter.Value)" -match '[*?\[\]]') {
            throw "wildcard in parameter $($parameter.Name)"
        }
        $arguments[$parameter.Name] = ConvertTo-Argument $parameter.Value
    }
    return $arguments
}

function Start-Request($Request) {
    if ($Cancelled.ContainsKey("$($Request.id)")) { Write-Refusal $Request 'PipelineStopped' 'cancelled before it began'; return }
    # Not by truth of the entry: a cmdlet without parameters has an empty one.
    if (-not $Allow.ContainsKey("$($Request.cmdlet)")) { Write-Refusal $Request 'NotAllowed' "$($Request.cmdlet)"; return }
    if ($Request.needs -and $Failed.ContainsKey("$($Request.needs)")) { Write-Refusal $Request 'Skipped' "$($Request.needs)"; return }
    try { $arguments = Get-Arguments $Request } catch { Write-Refusal $Request 'NotAllowed' "$($_.Exception.Message)"; return }
    try {
        $shell = [powershell]::Create()
        $shell.Runspace = $Runspace
        [void]$shell.AddCommand("$($Request.cmdlet)").AddParameters($arguments)
        # An input left open could make the cmdlet wait for more of it.
        $nothing = New-Object 'Management.Automation.PSDataCollection[psobject]'
        $nothing.Complete()
        $output = New-Object 'Management.Automation.PSDataCollection[psobject]'
        $begun = [datetime]::UtcNow
        $handle = $shell.BeginInvoke($nothing, $output)
    } catch { Write-Refusal $Request 'NotStarted' "$($_.Exception.Message)"; return }
    if ($Request.keep) { $Kept["$($Request.id)"] = New-Object Collections.ArrayList }
    $State.Run = @{
        Request = $Request; Shell = $shell; Output = $output; Handle = $handle; Count = 0; Begun = $begun; Beat = $begun
    }
}

# "A.B" collects B over a list A; a trailing [] keeps a list of one a list; "." is the object itself.
function Read-Path($Object, [string]$Path) {
    if ($Path -ne '.') {
        foreach ($name in $Path.TrimEnd('[', ']').Split('.')) {
            try { $Object = $Object.$name } catch { $Object = $null }
        }
    }
    if ($Path.EndsWith('[]')) {
        if ($null -eq $Object) { $Object = @() } else { $Object = @($Object) }
    }
    return , (ConvertTo-Plain $Object $MaxDepth)
}

function Write-Items($Request, [array]$Objects) {
    if (-not $Request.select) { return }
    foreach ($object in $Objects) {
        $data = [ordered]@{}
        foreach ($path in $Request.select) { $data[$path] = Read-Path $object $path }
        Write-Answer @{ t = 'item'; id = $Request.id; data = $data }
    }
}

function Write-Beat($Run) {
    if (([datetime]::UtcNow - $Run.Beat).TotalSeconds -lt $BeatSeconds) { return }
    $Run.Beat = [datetime]::UtcNow
    $progress = @($Run.Shell.Streams.Progress.ReadAll())[-1]
    $percent = -1
    if ($progress) { $percent = $progress.PercentComplete }
    $elapsed = [int]($Run.Beat - $Run.Begun).TotalMilliseconds
    Write-Answer @{ t = 'beat'; id = $Run.Request.id; ms = $elapsed; pct = $percent; text = "$($progress.Activity)" }
}

function Complete-Request($Run) {
    $streams = $Run.Shell.Streams
    $problems = @($streams.Error.ReadAll() | ForEach-Object { Get-ErrorFields $_ })
    try { [void]$Run.Shell.EndInvoke($Run.Handle) } catch {
        # The cmdlet's own record lies under the records of the calls that carried it here.
        $exception = $_.Exception
        while ($exception.InnerException -and $exception.InnerException.ErrorRecord) { $exception = $exception.InnerException }
        $record = $_
        if ($exception.ErrorRecord) { $record = $exception.ErrorRecord }
        $problems += Get-ErrorFields $record
    }
    $warnings = @($streams.Warning.ReadAll() | ForEach-Object { "$_" })
    $elapsed = [int]([datetime]::UtcNow - $Run.Begun).TotalMilliseconds
    Write-End $Run.Request $Run.Count $elapsed $problems $warnings
    $Run.Shell.Dispose()
    $State.Run = $null
    $State.Seen = [datetime]::UtcNow # an hour inside one cmdlet must not look like a client that went away
}

function Step-Request($Run) {
    # Asked before the output is read: what a finished cmdlet wrote is then surely in the buffer.
    $done = $Run.Handle.AsyncWaitHandle.WaitOne(20)
    $objects = @($Run.Output.ReadAll())
    $Run.Count += $objects.Count
    if ($Run.Request.keep -and $objects.Count) { $Kept["$($Run.Request.id)"].AddRange($objects) }
    Write-Items $Run.Request $objects
    if ($done) { Complete-Request $Run } else { Write-Beat $Run }
}

# ---- the line from the client ----

function Read-Request([string]$Text) {
    try { $request = ConvertFrom-Json -InputObject $Text } catch { Write-Answer @{ t = 'bad'; errors = @(Get-ErrorFields $_) }; return }
    if ($request.op -eq 'ping') { Write-Answer @{ t = 'pong'; id = $request.id } }
    elseif ($request.op -eq 'cancel') {
        $Cancelled["$($request.id)"] = $true
        if ($State.Run -and $State.Run.Request.id -eq $request.id) { [void]$State.Run.Shell.BeginStop($null, $null) }
    }
    else { $Queue.Enqueue($request) }
}

# Drains what has arrived, also while a cmdlet runs: the pipe is only a few kB, and a full one blocks the client.
function Read-Lines {
    $patience = 1000
    if ($State.Run -or $Queue.Count) { $patience = 0 }
    while ($State.Line -and $State.Line.Wait($patience)) {
        $State.Seen = [datetime]::UtcNow
        $text = $State.Line.Result
        $State.Line = $null
        if ($null -eq $text) { return } # end of input: finish what is queued, then leave
        $State.Line = $Reader.ReadLineAsync()
        Read-Request $text
        $patience = 0
    }
}

# ---- start ----

# The console installs its snap-in outside the module path and notes the folder in the registry.
function Get-ModulePath([string]$Name) {
    if ($Name -ne 'Citrix.PVS.SnapIn') { return $Name }
    $noted = Get-ItemProperty -Path 'HKLM:\SOFTWARE\Citrix\ProvisioningServices' -Name ConsoleTargetDir -ErrorAction Ignore
    $usual = Join-Path $env:ProgramFiles 'Citrix\Provisioning Services Console'
    foreach ($folder in @($noted.ConsoleTargetDir, $usual)) {
        if (-not $folder) { continue }
        $path = Join-Path $folder "$Name.dll"
        if (Test-Path -LiteralPath $path) { return $path }
    }
    throw "$Name.dll was not found: the Provisioning console is not installed here"
}

# The version of the module, or the reason why it did not load: the client tells the operator.
function Import-Listed([string]$Name) {
    $shell = [powershell]::Create()
    try {
        $shell.Runspace = $Runspace
        $command = $shell.AddCommand('Import-Module').AddParameter('Name', (Get-ModulePath $Name))
        [void]$command.AddParameter('PassThru', $true).AddParameter('ErrorAction', 'Stop')
        $module = @($shell.Invoke())[0]
        return "$($module.Version)"
    } catch { return "$($_.Exception.Message)" } finally { $shell.Dispose() }
}

# Cmdlets run in a second runspace, so that this one stays free for pings, cancels and beats.
$Runspace = [runspacefactory]::CreateRunspace([initialsessionstate]::CreateDefault2())
$Runspace.Open()
$Runspace.SessionStateProxy.SetVariable('ConfirmPreference', 'None') # nobody is there to answer a prompt

$loaded = @{}
foreach ($name in $Modules) { $loaded[$name] = Import-Listed $name }
Write-Answer @{
    t = 'hello'; v = 1; ps = "$($PSVersionTable.PSVersion)"; os = "$([Environment]::OSVersion.Version)"
    host = $env:COMPUTERNAME; mode = "$($ExecutionContext.SessionState.LanguageMode)"; pid = $PID; modules = $loaded
}

$State.Line = $Reader.ReadLineAsync()
while ($State.Line -or $State.Run -or $Queue.Count) {
    Read-Lines
    if (-not $State.Run -and $Queue.Count) { Start-Request $Queue.Dequeue() }
    if ($State.Run) { Step-Request $State.Run }
    elseif (([datetime]::UtcNow - $State.Seen).TotalSeconds -gt $DeadManSeconds) { break }
}
$Runspace.Close()
exit 0
