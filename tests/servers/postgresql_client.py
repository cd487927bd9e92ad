"""Statements to the PostgreSQL server at the port given, as the driver psycopg sends them."""
import sys
import time

import psycopg

place = f"host=127.0.0.1 port={sys.argv[1]} user=postgres dbname=postgres sslmode=disable gssencmode=disable"
INSERT = "INSERT INTO orders VALUES (%s, %s)"


def fails(state, call, *arguments):
    try:
        call(*arguments)
    except psycopg.Error as refused:
        assert refused.sqlstate == state, refused
    else:
        raise AssertionError(f"no error {state}")


with psycopg.connect(place, autocommit=True, prepare_threshold=1000) as connection:
    connection.execute("CREATE TABLE orders (id int PRIMARY KEY, note text)")
    with connection.pipeline():
        for number in range(30):
            connection.execute(INSERT, (number, "hunter2"))

    def pipeline_with_an_error():
        with connection.pipeline():
            for number in (30, 1, 31):
                connection.execute(INSERT, (number, "hunter2"))

    fails("23505", pipeline_with_an_error)
    assert len(connection.execute("SELECT * FROM orders WHERE id < %s", (7,)).fetchall()) == 7
    # The pipeline that failed was one transaction: nothing of it stayed.
    assert len(connection.execute("SELECT repeat('x', 20000), id FROM orders").fetchall()) == 30
    for state, statement in (
        ("42601", "SELEKT 'hunter2'"),
        ("42P01", "SELECT * FROM nowhere"),
        ("23505", "INSERT INTO orders VALUES (1, 'hunter2')"),
    ):
        fails(state, connection.execute, statement)
    for number in range(3):
        connection.execute("SELECT note FROM orders WHERE id = %s", (number,), prepare=True)
    with connection.transaction(), connection.cursor(name="some") as cursor:
        cursor.execute("SELECT * FROM orders WHERE note = 'hunter2'")
        assert len(cursor.fetchmany(10)) == 10
    with connection.cursor().copy("COPY orders FROM STDIN") as copy:
        for number in range(100, 150):
            copy.write_row((number, "hunter2"))
    with connection.cursor().copy("COPY orders TO STDOUT") as copy:
        assert len(list(copy.rows())) == 80
    for _ in range(5):
        begun = time.perf_counter()
        connection.execute("SELECT pg_sleep(0.02)")
        print("microseconds", round((time.perf_counter() - begun) * 1e6))
