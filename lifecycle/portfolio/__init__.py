"""How far a team controls what is in its images: which programs could be installed again without a person.

``matching`` says which package a program is, ``readiness`` what stands in the way of a rebuild, ``advice`` which way to
take for a change, ``overview`` counts over all images, ``book`` tells what there is to know about one vDisk.
"""
