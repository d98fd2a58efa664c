"""Print a few sample quotes."""

SAMPLES = [("SE", 590), ("NO", 890), ("DE", 1090)]

for country, cents in SAMPLES:
    print(f"{country} {cents / 100:.2f}")
