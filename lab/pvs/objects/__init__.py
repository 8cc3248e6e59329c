"""The objects that cmdlets write, with every property a caller could select.

Property names and meanings: Citrix Provisioning PowerShell programmer's guide, chapter "Objects". Left out on purpose:
passwords and signatures (AdPassword, AdSignature, AdTimestamp, Password, MakPassword), which nobody shall select.
"""
