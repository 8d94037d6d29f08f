"""The command line: one file per noun; each parses, asks the library, and renders."""
