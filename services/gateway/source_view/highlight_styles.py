"""The styles of code, in the order of their numbers; their CSS classes are `hl-…`."""

STYLES = ("", "comment", "string", "number", "keyword", "name", "decorator", "builtin")
