-- Run by roles.sh over the local socket; the passwords come from files, so that no command line shows them.
\set owner `printf %s "$OWNER"`
\set a `cat "$LOGINS/a"`
\set b `cat "$LOGINS/b"`

-- Nor does the log, when a statement fails or is slow.
SET log_min_error_statement = panic;
SET log_min_duration_statement = -1;
SET client_min_messages = warning;

-- The owner of the data cannot log in; who logs in acts as it. So whoever made a table, both logins own it.
BEGIN;
SELECT format('CREATE ROLE %I', role)
FROM unnest(ARRAY[:'owner', :'owner' || '_a', :'owner' || '_b']) AS role
WHERE role NOT IN (SELECT rolname FROM pg_roles) \gexec
SELECT format('ALTER ROLE %I NOLOGIN PASSWORD NULL', :'owner') \gexec
SELECT format('GRANT %I TO %I', :'owner', login),
       format('ALTER ROLE %I SET role = %L', login, :'owner'),
       format('ALTER ROLE %I LOGIN PASSWORD %L', login, password)
FROM (VALUES (:'owner' || '_a', :'a'), (:'owner' || '_b', :'b')) AS logins (login, password) \gexec
COMMIT;

-- Who looks at the server: without a password, so only over the socket, as pg_hba.conf says.
SELECT 'CREATE ROLE shop_metrics LOGIN'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'shop_metrics') \gexec
GRANT pg_monitor TO shop_metrics;

SELECT format('CREATE DATABASE %I OWNER %I', :'owner', :'owner')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'owner') \gexec
