#!/bin/sh
# Before a migration: until the database accepts the service's login.
until sh "$(dirname "$0")/ready.sh" "$(cat "$SERVICE_BINDING_ROOT/database/host")"; do
  sleep 1
done
