"""A document of plain data (lifecycle.portfolio.book) as Markdown and as PDF; as a page it is a template."""
