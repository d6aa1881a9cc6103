"""Sweeps: many runs from one command, as Hydra's launchers, sweepers and callbacks see them.

Loaded before anything runs, so nothing here imports torch at its top. What one run does is in
`experiment`.
"""
