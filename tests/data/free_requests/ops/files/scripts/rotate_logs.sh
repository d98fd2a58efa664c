#!/bin/sh
# Keeps the last 500 lines of each log.
MAX_LINES=500
for file in logs/*.log; do
    tail -n "$MAX_LINES" "$file" > "$file.tmp" && mv "$file.tmp" "$file"
done
