"""Everything that people read: file list, check log, reports, and the feed of what changes."""
