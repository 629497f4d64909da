#!/bin/sh
# Runs once, when PostgreSQL makes an empty data volume: the database and its three roles.
# medoc_owner owns the tables and migrates; medoc_app reads and writes, and can neither change the schema nor, where
# migrations say so, what is append-only; of the marketplaces it sees one merchant at a time. medoc_staff is the same,
# and sees all merchants: the admin and the workers log in with it where they need to. After a restore into an empty volume it runs as well, before the restore.
set -eu

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\set owner_password `cat "$DATABASE_OWNER_PASSWORD_FILE"`
\set application_password `cat "$DATABASE_PASSWORD_FILE"`
\set staff_password `cat "$DATABASE_STAFF_PASSWORD_FILE"`
CREATE ROLE medoc_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE medoc_app LOGIN PASSWORD :'application_password';
CREATE ROLE medoc_staff LOGIN PASSWORD :'staff_password';
CREATE DATABASE medoc OWNER medoc_owner ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE medoc FROM PUBLIC;
-- Imports copy their rows into a temporary table first.
GRANT CONNECT, TEMPORARY ON DATABASE medoc TO medoc_app, medoc_staff;
SQL
