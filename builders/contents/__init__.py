"""Reads the images of the farm's versions: picks a server and its files, has a child process read, keeps the results.

``places`` where the files of a version lie, ``looking`` what each file is (milliseconds), ``running`` a long reading
in the background of a worker, ``saving`` what came of it, ``noticing`` which versions to read after a sync.
"""

from builders.inspection.inventory import report as reader

READER_VERSION = str(reader.READER_VERSION)
"""Raised when the same image would be told differently: every version is then read anew, once."""
