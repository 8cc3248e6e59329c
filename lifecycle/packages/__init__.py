"""The rules of the package catalogue.

terms      what a person or a file says of a revision, checked field by field
detection  how to see that a package is installed
silence    which switch keeps which installer silent
names      keys and file names
ordering   what is installed after what
catalogue  the deeds: make, revise, own, declare ready, retire, note a test
findings   what is wrong with a package, in words
documents  the catalogue as YAML, to read and to write
importing  what a document would change, and changing it
proposals  a new package from what an installer says of itself
depot      rows of the installers that are in place
"""
