"""A connection to the PostgreSQL server at the port given, with a statement prepared before it is told to go on."""
import sys

import psycopg

place = f"host=127.0.0.1 port={sys.argv[1]} user=postgres dbname=postgres sslmode=disable gssencmode=disable"
with psycopg.connect(place, autocommit=True) as connection:
    connection.execute("SELECT %s::int + 1", (41,), prepare=True)
    print("connected", flush=True)
    input()
    for _ in range(5):
        assert connection.execute("SELECT %s::int + 1", (41,), prepare=True).fetchone()[0] == 42
    for number in range(5):
        assert connection.execute(f"SELECT 'hunter2', {number} AS answer").fetchone()[1] == number
    try:
        connection.execute("SELECT * FROM nowhere")
        raise AssertionError("no error")
    except psycopg.Error as error:
        assert error.sqlstate == "42P01", error
    with connection.pipeline():
        for number in range(5):
            connection.execute("SELECT %s::int * 2", (number,), prepare=False)
