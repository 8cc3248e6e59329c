"""The PowerShell texts that this lab was written for, by digest of what is sent.

`python -m lab accept-runner FILE...` prints these lines for new texts. Read the change first: the lab plays in Python
what these texts say in PowerShell, so a changed text may ask for a changed lab.
"""

BOOTSTRAPS: frozenset[str] = frozenset({"1e0e94aa3e7460279795e5756614e58a29ef5fc6881c836b481824c6ab54077b"})
RUNNERS: frozenset[str] = frozenset({"becb25b32691c0f7273863df76385278bf6fb86202e8336ca91d041849e6b5e3"})
