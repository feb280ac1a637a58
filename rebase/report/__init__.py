"""A comparison as something to read: text, Markdown, a page."""
