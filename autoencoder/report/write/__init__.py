"""The texts of a report: its table, its sentences and its pages."""
