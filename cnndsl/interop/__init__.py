"""Other formats: one file a target and direction, each a table from operator to translation."""
