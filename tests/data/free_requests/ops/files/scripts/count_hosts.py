"""Print how many hosts each group of the inventory has."""

import configparser

inventory = configparser.ConfigParser(allow_no_value=True, delimiters=("=",))
inventory.read("inventory.ini")
for group in inventory.sections():
    if not group.endswith(":vars"):
        print(f"{group}: {len(inventory[group])}")
