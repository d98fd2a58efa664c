#!/bin/sh
# Nightly dump of the database.
set -eu
TARGET=/srv/backup
KEEP_DAYS=14
DATE=$(date +%F)
pg_dump shop > "$TARGET/shop-$DATE.sql"
find "$TARGET" -name 'shop-*.sql' -mtime +$KEEP_DAYS -delete
