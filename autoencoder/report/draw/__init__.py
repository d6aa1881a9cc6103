"""The figures of a report: evaluations in, pictures with captions out."""
