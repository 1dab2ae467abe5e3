"""The version, in a place of its own: whatever writes it into a file needs nothing else of the package."""

VERSION = "0.1.0"
