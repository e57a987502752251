"""Makes or drops a database beside the one that an address names: `database.py create|drop ADDRESS NAME`."""

import sys
import urllib.parse

import pg8000.dbapi

STATEMENTS = {
    "create": 'CREATE DATABASE "{}"',
    "drop": 'DROP DATABASE IF EXISTS "{}" WITH (FORCE)',
}


def main(verb, address, name):
    """Runs the statement of the verb."""
    url = urllib.parse.urlsplit(address)
    connection = pg8000.dbapi.connect(
        user=urllib.parse.unquote(url.username or "postgres"),
        password=urllib.parse.unquote(url.password or "") or None,
        host=url.hostname or "127.0.0.1",
        port=url.port or 5432,
        database=url.path.lstrip("/"),
    )
    connection.autocommit = True
    connection.cursor().execute(STATEMENTS[verb].format(name))
    connection.close()


main(*sys.argv[1:])
