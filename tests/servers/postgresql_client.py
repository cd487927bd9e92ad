"""Statements to the PostgreSQL server at the port given, as the driver psycopg sends them."""
import sys

import psycopg

place = f"host=127.0.0.1 port={sys.argv[1]} user=postgres dbname=postgres sslmode=disable gssencmode=disable"
with psycopg.connect(place, autocommit=True) as connection:
    connection.execute("CREATE TABLE orders (id int PRIMARY KEY, note text)")
    with connection.pipeline():
        for number in range(30):
            connection.execute("INSERT INTO orders VALUES (%s, %s)", (number, "secret-note"))
    assert len(connection.execute("SELECT * FROM orders WHERE id < %s", (7,)).fetchall()) == 7
    assert connection.execute("SELECT repeat('x', 200000), id FROM orders LIMIT 3").fetchall()[2][1] == 2
    for wrong in ("SELEKT 1", "SELECT * FROM nowhere"):
        try:
            connection.execute(wrong)
            raise AssertionError(wrong)
        except psycopg.Error:
            pass
    with connection.cursor().copy("COPY orders FROM STDIN") as copy:
        for number in range(100, 150):
            copy.write_row((number, "secret-note"))
