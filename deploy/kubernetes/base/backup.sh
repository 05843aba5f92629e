#!/usr/bin/env bash
# A dump of the database at DATABASE_URL in BACKUP_DIR; the newest BACKUPS_KEPT stay. A dump has its
# name only when it is whole and can be read.
set -euo pipefail
umask 077

name="$BACKUP_DIR/marketplace-$(date -u +%Y%m%dT%H%M%SZ).dump"
pg_dump --dbname="$DATABASE_URL" --format=custom --no-owner --file="$name.part"
contents=$(pg_restore --list "$name.part")
[[ $contents == *'TABLE DATA public orders '* ]]
mv "$name.part" "$name"
echo "$name: $(stat --format=%s "$name") bytes"

find "$BACKUP_DIR" -maxdepth 1 -name 'marketplace-*.dump' | sort | head -n "-$BACKUPS_KEPT" |
  while read -r old; do rm -- "$old"; done
