"""Ground truth for anatomical places: heads registered to a CT template, and their label maps.

Template and atlas are files that the command line names; they are never shipped.
"""
