"""Preview: a page that shows live what a run sees."""
