"""Reports for people: HTML pages, Markdown tables, pictures."""
