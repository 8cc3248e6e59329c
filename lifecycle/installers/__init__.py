"""What an installer says of itself: name, version, vendor, product code, and what made it. Knows files and bytes alone.

Installers come from vendors, so they are read with limits, and by the portal in a process of their own
(``python -m lifecycle.installers``), which may use so much memory and time and no more.
"""
