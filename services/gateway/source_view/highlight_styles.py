"""The styles of code, in the order of their numbers; the pages name them `hl-…`."""

STYLES = ("", "comment", "string", "number", "keyword", "name", "decorator", "builtin")
