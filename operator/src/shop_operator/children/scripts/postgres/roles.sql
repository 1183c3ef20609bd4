-- Run by roles.sh over the local socket; the values come from files, so that no command line shows them.
\set username `cat "$SERVICE_BINDING_ROOT/database/username"`
\set password `cat "$SERVICE_BINDING_ROOT/database/password"`
\set database `cat "$SERVICE_BINDING_ROOT/database/database"`

-- Nor does the log, when a statement fails.
SET log_min_error_statement = panic;

SELECT format('CREATE ROLE %I', :'username')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'username') \gexec
SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', :'username', :'password') \gexec
SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'username')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
