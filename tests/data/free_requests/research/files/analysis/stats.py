"""Print the mean moisture of each site."""

import csv
from collections import defaultdict

SAMPLES = "data/samples.csv"
ROUND_TO = 3


def load(path=SAMPLES):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def mean_by_site(rows):
    groups = defaultdict(list)
    for row in rows:
        groups[row["site"]].append(float(row["moisture"]))
    return {site: round(sum(v) / len(v), ROUND_TO) for site, v in groups.items()}


if __name__ == "__main__":
    for site, mean in mean_by_site(load()).items():
        print(f"{site}: {mean:.3f}")
