"""The terminal interface: one stream of agent events in, keys out. Textual stays in here."""
