"""An experiment: what a config describes, built and trained, in one process or several.

Here a config becomes objects, and only here; what is below takes objects and plain values. How a
run lies on disk is in `runs`, how many runs become a sweep in `sweeps`.
"""
