"""What is measured and drawn: pure functions on arrays, tensors and models.

Nothing here knows of configs, of run directories or of reports, which `report` makes of it.
"""
