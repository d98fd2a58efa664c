"""Import of the 2022 rate sheet; not used any more."""

print("nothing to import")
