"""Reports: tables, figures and pages of what was trained."""
